"""What a call is told at the door, and what it asks of the process around it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from ..accounts.records import Grant, Refusal
from ..accounts.service import AccountService
from ..dialects.terms import Target
from ..outbox.rows import Kept
from ..session.purse import Purse
from .ending import HowItEnded

if TYPE_CHECKING:
    from .conductor import Conductor
    from .line import Line


class Who(Struct, frozen=True, kw_only=True):
    """Whose call this is, as far as it is known at the door."""

    key_hash: str
    session_id: str
    is_new: bool  # the session: nobody has known its id before, so nothing was said in it
    peer: str


AskWho = Callable[["Conductor"], Awaitable[Grant | Refusal]]
OpenLine = Callable[["Line", Target, float], Awaitable[object]]  # raises DialError


class Books(Protocol):
    service: AccountService

    def begun(self, call: "Conductor") -> None: ...
    def granted(self, call: "Conductor", grant: Grant) -> Purse:
        """What the account has left, for all its calls here."""
        ...

    def keep(self, call: "Conductor", *records: Kept) -> None:
        """Raises StorageError for a bill that could not be kept."""
        ...

    async def settle(self, session_id: str) -> None:
        """Wait, for a while, until what was kept of the session is committed."""
        ...

    def credits_read(self, call: "Conductor", credits: int) -> None: ...
    def live(self, call: "Conductor", took_s: float) -> None:
        """For the first time a provider listens."""
        ...

    def answered(self, call: "Conductor", took_us: int) -> None:
        """The first sound of an answer is here, so long after it was due."""
        ...

    def ended(self, call: "Conductor", how: HowItEnded, age_s: float) -> None: ...
