"""What the two processes tell each other: grants and refusals one way, records the other.

Every record carries an id that its maker chose and kept, so that sending it
again is harmless: posting an id twice is a success that changes nothing.
Counts are bounded, because a number that does not fit the database would stop
the ledger for everybody.
"""

from enum import StrEnum
from typing import Annotated, final

from msgspec import Meta, Struct

from .errors import ErrorCode

TIME_MAX_US = 2**53  # the year 2255; what every reader of JSON takes exactly
COUNT_MAX = 2**40  # tokens or milliseconds in one record; far above any call, far below what a bigint holds

Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
Moment = Annotated[int, Meta(ge=0, le=TIME_MAX_US)]  # microseconds since 1970, UTC
Id = Annotated[str, Meta(min_length=1, max_length=200)]


class Grant(Struct, frozen=True, kw_only=True):
    """Yes: who is calling, what the call is to remember, and what it may spend."""

    account_id: str
    session_id: str
    credits: int
    config: str | None = None  # the client's saved session configuration, as it came; nobody here reads it
    history: str = ""  # the conversation so far, already cut to what a provider is to be told (A11)


class Claim(Struct, frozen=True, kw_only=True):
    """A gateway has a call of this session, or words of it that are not committed yet."""

    key_hash: str  # by which the session is asked for before the account is known
    account_id: str
    session_id: str
    since_us: Moment  # of two gateways that claim a session, the later one has it


class Refusal(Struct, frozen=True, kw_only=True):
    """No, and why: an answer, not an exception."""

    code: ErrorCode
    message: str


class UsageKind(StrEnum):
    """What was paid for. Kinds are never added up into one another."""

    RESPONSE = "response"  # a reply of the model: tokens, as the provider billed them
    TRANSCRIPTION = "transcription"  # the user's words, written down by another model
    SESSION = "session"  # time on the line, for providers that bill by the second


class Certainty(StrEnum):
    """How we know a figure."""

    CONFIRMED = "confirmed"  # the provider's own final word
    REPORTED = "reported"  # the provider's last word before it was cut off
    ESTIMATED = "estimated"  # our own count


class Tokens(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens by kind. `cached_*` are part of `input_*`; the totals are the provider's own sums."""

    input: Count = 0
    output: Count = 0
    input_text: Count = 0
    input_audio: Count = 0
    input_image: Count = 0
    cached_text: Count = 0
    cached_audio: Count = 0
    cached_image: Count = 0
    output_text: Count = 0
    output_audio: Count = 0

    @property
    def total(self) -> int:
        return self.input + self.output


class UsageRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One bill: one reply, one transcription, or a stretch of seconds."""

    id: Id  # run-number: a run is one client connection, so a client that comes back does not collide
    account_id: Id
    session_id: str
    provider: str
    model: str = ""
    kind: UsageKind = UsageKind.RESPONSE
    response_id: str = ""
    tokens: Tokens = Tokens()
    # Of `tokens.input`, about how many told a new provider what was said before: our estimate, which shows
    # what switching costs. They are in the input already, and no sum takes them in or out.
    reseed_input: Count = 0
    duration_ms: Count = 0  # seconds that are billed as such: of transcribed audio, or of session
    fees: Count = 0  # things billed by the piece: hosted tool calls
    certainty: Certainty = Certainty.CONFIRMED
    born_us: Moment = 0  # microseconds since 1970, UTC, at the gateway


@final
class Draft(Struct, frozen=True):
    """What a stretch of seconds is worth so far, under the id that its bill will have: for whoever finds that
    the gateway has died in it. Its bill takes its place."""

    bill: UsageRecord

    @property
    def id(self) -> str:
        return self.bill.id

    @property
    def session_id(self) -> str:
        return self.bill.session_id


class Passage(Struct, frozen=True, kw_only=True):
    """A stretch of conversation, to be added at the end exactly as it is (A9)."""

    id: Id
    account_id: Id
    session_id: Id
    text: str
    born_us: Moment = 0


class SwitchCause(StrEnum):
    """Why a call left the provider connection it had, or was to have."""

    REFUSED = "refused"  # it did not come about: turned away, or no answer in time
    DROPPED = "dropped"  # it ended
    STALLED = "stalled"  # nothing came although a reply was due
    GARBLED = "garbled"  # what came could not be read
    GOING_AWAY = "going_away"  # the provider said that it would hang up
    SESSION_CAP = "session_cap"  # the longest that the provider lets one last was nearly over
    LATENCY = "latency"  # slower than its route allows, for too long
    REQUESTED = "requested"  # whoever holds the key wanted it elsewhere
    START_OVER = "start_over"  # what the client asked for needed a new connection


class Switched(Struct, frozen=True, kw_only=True):
    """A call went on elsewhere; or it could not, and ended: then `to_provider` and `to_model` are ""."""

    id: Id
    account_id: Id
    session_id: Id
    from_provider: str
    from_model: str
    to_provider: str
    to_model: str
    cause: SwitchCause
    silent_us: Count  # how long nobody was at the other end
    attempts: Count  # dials that it took, those that failed among them
    born_us: Moment = 0


class SavedConfig(Struct, frozen=True, kw_only=True):
    """The session configuration to replay when the client comes back (A8)."""

    id: Id
    account_id: Id
    session_id: Id
    config: str
    born_us: Moment = 0


class Balance(Struct, frozen=True, kw_only=True):
    """What an account has left, as the ledger knows it now (A7: one number)."""

    account_id: str
    credits: int


class Posted(Struct, frozen=True, kw_only=True):
    """The answer to a batch of usage: everything in it is now kept, or was before.

    `unknown` are records of accounts that do not exist: they can never be
    posted, so whoever sent them may forget them (and should say so aloud).
    """

    balances: tuple[Balance, ...]
    unknown: tuple[str, ...] = ()
