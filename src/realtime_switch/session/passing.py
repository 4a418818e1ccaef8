"""The short cut for nearly every frame: which proof says now that one passes, from either end."""

from .unread import Passes, nothing_passes

FROM_CLIENT, FROM_PROVIDER = 0, 1


class Passing:
    """`passing` is always the same list. gateway/_compiled.pyx looks into it for each frame: to find an
    attribute of an object as large as a session is a walk through memory that no cache holds when calls talk
    at the pace of speech."""

    def __init__(self) -> None:
        self.passing: list[Passes] = [nothing_passes, nothing_passes]

    @property
    def passes_from_client(self) -> Passes:
        return self.passing[FROM_CLIENT]

    @passes_from_client.setter
    def passes_from_client(self, passes: Passes) -> None:
        self.passing[FROM_CLIENT] = passes

    @property
    def passes_from_provider(self) -> Passes:
        """Of the present generation."""
        return self.passing[FROM_PROVIDER]

    @passes_from_provider.setter
    def passes_from_provider(self, passes: Passes) -> None:
        self.passing[FROM_PROVIDER] = passes
