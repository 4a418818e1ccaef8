"""What a session orders. The conductor carries steps out in the order given and decides nothing."""

import enum
from typing import Final, Literal

from msgspec import Struct

from ..accounts.errors import ErrorCode
from ..accounts.records import Draft, Passage, SavedConfig, Switched, UsageRecord
from ..dialects.dialect import ToClient, ToProvider
from ..dialects.terms import Target
from . import limits


class _Pass(enum.Enum):
    PASS = "pass"


PASS: Final = _Pass.PASS
"""The frame goes to the other end as it came, unread. The answer to nearly every frame."""


class Keep(Struct, frozen=True, gc=False):
    """Put a record where it survives a kill of this process, before the next step is taken."""

    record: UsageRecord | Draft | Passage | SavedConfig | Switched


class Dial(Struct, frozen=True, gc=False):
    """Let go of the provider connection there may be, wait, open a new one, and say `provider_opened` or
    `provider_lost` with this generation. Whatever an older generation says is ignored."""

    generation: int
    after_s: float
    target: Target
    within_s: float = limits.PROVIDER_HANDSHAKE_S


class DialBeside(Struct, frozen=True, gc=False):
    """Open one more provider connection and leave the present one as it is. What comes of it is told by its
    own generation; `GoOver` makes it the present one."""

    generation: int
    target: Target


class ToBeside(Struct, frozen=True, gc=False):
    """A frame for the connection beside."""

    payload: bytes


class GoOver(Struct, frozen=True, gc=False):
    """The connection beside is the present one from now on; the old one is let go of."""

    generation: int


class LeaveBeside(Struct, frozen=True, gc=False):
    """The connection beside is not wanted any more."""


class Ask(Struct, frozen=True, gc=False):
    """Ask the business process who this is, and say `granted` or `refused` (A5). `session_id` is what the
    client's first word named, "" if it named none there."""

    session_id: str = ""


class AskCredits(Struct, frozen=True, gc=False):
    """Ask what the account has left and say `credits_known`; nothing waits for it (A16)."""


class Wake(Struct, frozen=True, gc=False):
    """Say `woke` after so long. A new one replaces the last."""

    after_s: float


class Note(Struct, frozen=True, gc=False):
    """Something for the log and the metrics; holds no words of the conversation and no secrets."""

    event: str
    detail: str = ""


class HangUp(Struct, frozen=True, gc=False):
    """Say goodbye to the provider and go on listening: what it has sent by then is on its way. Its answer is
    told as `provider_closed`."""


class CloseClient(Struct, frozen=True, gc=False):
    """Close the client's socket, with what `End` will say, while the provider is still heard."""

    end: "End"


class End(Struct, frozen=True, gc=False):
    """Close both sockets: the client's with this code and reason, the provider's with 1000. Always the last
    step; nothing follows, whatever still happens. `error` is None when nobody is to blame."""

    code: int
    reason: str
    error: ErrorCode | None = None


Step = (
    ToClient
    | ToProvider
    | ToBeside
    | Keep
    | Dial
    | DialBeside
    | GoOver
    | LeaveBeside
    | Ask
    | AskCredits
    | Wake
    | Note
    | HangUp
    | CloseClient
    | End
)
Steps = list[Step]
Answer = Literal[_Pass.PASS] | Steps
