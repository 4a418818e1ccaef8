"""What the holder of a key asks of his own account, and the answers; and what a gateway asks for him.

A question names no account: whose it is follows from the key that comes with it, in the same unit of work
that answers it. So no question can be spelt that asks for somebody else's rows.

Lists come in pages. `after` is where the last page ended, in the terms of the order it has, so that what is
added meanwhile moves nothing from one page to another.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from .records import TIME_MAX_US, Id, Moment, Switched

SEARCH_CHARS_MAX = 200
PAGE_MAX = 200  # sessions or passages
ROWS_MAX = 1000  # of usage
# The link carries 8 MiB; a page of passages ends when it has so many characters, and one alone is no longer.
PAGE_CHARS_MAX = 1_000_000


class Group(StrEnum):
    """What usage can be told apart by; days and hours are UTC."""

    ACCOUNT = "account"  # the operator's: a key holder has one
    PROVIDER = "provider"
    MODEL = "model"
    KIND = "kind"
    SESSION = "session"
    DAY = "day"
    HOUR = "hour"


class UsageTotals(Struct, frozen=True, kw_only=True):
    """Sums over usage; `groups` says of what, () of all of it."""

    groups: tuple[str, ...] = ()
    responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0
    transcription_tokens: int = 0
    transcription_ms: int = 0
    reseed_tokens: int = 0  # of input_tokens
    session_ms: int = 0
    fees: int = 0
    credits: int = 0


# -- Questions -------------------------------------------------------------------------------------------


class AboutAccount(Struct, frozen=True, kw_only=True, tag="account"):
    pass


class AboutUsage(Struct, frozen=True, kw_only=True, tag="usage"):
    """What was used from `since_us` until before `until_us`."""

    by: Annotated[tuple[Group, ...], Meta(max_length=3)] = ()
    since_us: Moment = 0
    until_us: Moment = TIME_MAX_US
    after: tuple[str, ...] | None = None  # the groups of the last row
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX)] = ROWS_MAX


class AboutSessions(Struct, frozen=True, kw_only=True, tag="sessions"):
    """Those that hold `search` in something said, or all; the one that began last comes first."""

    search: Annotated[str, Meta(max_length=SEARCH_CHARS_MAX)] = ""
    after: tuple[int, str] | None = None  # when the last one began, and its id
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX


class AboutSession(Struct, frozen=True, kw_only=True, tag="session"):
    session_id: str
    after: tuple[int, int] | None = None  # when the last passage was said, and its number
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX


class DeleteSession(Struct, frozen=True, kw_only=True, tag="delete_session"):
    """All that is remembered of it, also what is still on its way here. Its bills stay, and forget whose
    words they were for."""

    session_id: str


class UseToken(Struct, frozen=True, kw_only=True, tag="use_token"):
    """May a call begin with this token, which opens so many? One that goes on where another was is free, if
    the token has opened any."""

    token_id: Id
    call_id: Id  # one that is asked for again counts once
    uses: Annotated[int, Meta(ge=1)]
    until_us: Moment  # after that the token opens nothing
    goes_on: bool = False


Question = AboutAccount | AboutUsage | AboutSessions | AboutSession | DeleteSession | UseToken


# -- Answers ---------------------------------------------------------------------------------------------


class KeyFacts(Struct, frozen=True, kw_only=True):
    indicator: str
    label: str
    created_us: int
    expires_us: int | None
    last_used_us: int | None


class AccountFacts(Struct, frozen=True, kw_only=True, tag="account_facts"):
    id: str
    email: str
    plan_name: str
    plan_credits: int
    topup_credits: int
    status: str
    created_us: int
    key: KeyFacts


class UsageFacts(Struct, frozen=True, kw_only=True, tag="usage_facts"):
    whole: UsageTotals
    rows: tuple[UsageTotals, ...]
    more: bool


class SessionFacts(Struct, frozen=True, kw_only=True):
    """A session as a list shows it."""

    id: str
    began_us: int
    updated_us: int
    has_config: bool
    chars: int
    credits: int
    preview: str  # the beginning of what was said, or what was searched for with what stands around it


class SessionsFacts(Struct, frozen=True, kw_only=True, tag="sessions_facts"):
    sessions: tuple[SessionFacts, ...]
    more: bool


class Said(Struct, frozen=True, kw_only=True):
    """A passage where it stands in its conversation."""

    number: int
    id: str
    text: str
    born_us: int


class SessionWhole(Struct, frozen=True, kw_only=True, tag="session_whole"):
    """A session, and a page of what was said in it, the oldest first."""

    session: SessionFacts
    config: str | None  # as the client gave it: what is secret in it only its dialect's readers know
    usage: UsageTotals
    usage_by_provider: tuple[UsageTotals, ...]
    switches: tuple[Switched, ...]
    said: tuple[Said, ...]
    more: bool


class SessionDeleted(Struct, frozen=True, kw_only=True, tag="session_deleted"):
    session_id: str


class TokenUsed(Struct, frozen=True, kw_only=True, tag="token_used"):
    token_id: str


Answer = AccountFacts | UsageFacts | SessionsFacts | SessionWhole | SessionDeleted | TokenUsed
