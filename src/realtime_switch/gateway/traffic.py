"""How many messages went which way in a call, and how many bytes their payloads had."""

from msgspec import Struct


class Traffic(Struct):
    """What passed came in at one end and went out at the other, unread; what crossed from one dialect into
    another, longer or shorter than it came."""

    passed_from_client: int = 0
    passed_from_client_bytes: int = 0
    passed_from_provider: int = 0
    passed_from_provider_bytes: int = 0
    unsent_from_provider: int = 0  # of what passed; it says nothing in the client's dialect
    grown_to_client_bytes: int = 0
    grown_to_provider_bytes: int = 0
    read_from_client: int = 0
    read_from_client_bytes: int = 0
    read_from_provider: int = 0
    read_from_provider_bytes: int = 0
    told_client: int = 0
    told_client_bytes: int = 0
    told_provider: int = 0
    told_provider_bytes: int = 0
    unproven_from_client: int = 0  # audio, among what was read
    unproven_from_provider: int = 0

    def add(self, other: "Traffic") -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def from_client(self) -> int:
        return self.passed_from_client + self.read_from_client

    @property
    def from_client_bytes(self) -> int:
        return self.passed_from_client_bytes + self.read_from_client_bytes

    @property
    def to_client(self) -> int:
        return self.passed_from_provider - self.unsent_from_provider + self.told_client

    @property
    def to_client_bytes(self) -> int:
        return self.passed_from_provider_bytes + self.grown_to_client_bytes + self.told_client_bytes

    @property
    def to_provider(self) -> int:
        return self.passed_from_client + self.told_provider

    @property
    def to_provider_bytes(self) -> int:
        return self.passed_from_client_bytes + self.grown_to_provider_bytes + self.told_provider_bytes
