"""The shape every dialect has: two proofs, and two sides that read and write.

A frame is the payload of one WebSocket message. Whether it travels as text or
as binary is the conductor's to remember.
"""

from collections.abc import Sequence
from typing import Protocol

from .acts import Act


class Dialect(Protocol):
    """One provider's message language; a package like dialects/openai is one.

    The `only_audio` tests are proofs, not guesses: True means that the frame
    carries audio and nothing else. When in doubt they say False, and the frame
    is read. A provider is trusted to be well-formed; a client is not trusted.
    """

    def only_audio_from_client(self, payload: bytes) -> bool: ...
    def only_audio_from_provider(self, payload: bytes) -> bool: ...

    def only_words_from_provider(self, payload: bytes) -> bool:
        """A proof as well: the agent's next words and nothing else, so that reading them may be put off."""
        ...

    def envelope_bytes(self, payload: bytes) -> int:
        """How much of a proven provider frame is not audio."""
        ...

    def read(self, payload: bytes) -> Sequence[Act]:
        """What a provider says. Total: anything it may send gives acts or none, never an exception."""
        ...


class ClientSide(Protocol):
    """Says to a client what the gateway itself has to say, in a provider's place."""

    def follow(self, act: Act) -> None:
        """Know what the client has been told, so that a reply that breaks off can be closed."""
        ...

    @property
    def reply_open(self) -> bool:
        """A reply has begun before the client's eyes and is not over."""
        ...

    def close_replies(self) -> list[bytes]:
        """End every open reply as interrupted, so that no client waits for the rest."""
        ...

    def refuse(
        self, kind: str, code: str, message: str, request_id: str = "", param: str = ""
    ) -> list[bytes]:
        """Say no, in the dialect's own form."""
        ...

    def credits_low(self, credits: int) -> list[bytes]: ...
