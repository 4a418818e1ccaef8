"""What goes over the link, and how it is spelt. Pure.

One message is one msgpack map with a `type` and an `id`; the answer carries
the id of its question. Maps and not arrays, so that a member can be added
without a new VERSION: who does not know it passes over it.

Whatever arrives becomes a message or an `Unreadable`, never another error.
Configurations and conversations pass as the strings they are. Only what no
UTF-8 can carry, and so no database can hold, is changed: a lone surrogate
becomes U+FFFD, and two halves that belong together become their character.
"""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from ..accounts.errors import ErrorCode, LinkError
from ..accounts.questions import Answer, Question
from ..accounts.records import Claim, Grant, Passage, Posted, Refusal, SavedConfig, Switched, UsageRecord

VERSION = 2  # raised when one side could misread the other; both say theirs before anything else

# libzmq cuts off a peer that sends more, so this is checked before sending. A grant with the longest history
# is 130 KB and what a client configured; a batch of 1,000 bills is 400 KB.
MESSAGE_BYTES_MAX = 8 * 1024 * 1024

MessageId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


# -- From the gateway ------------------------------------------------------------------------------------


class Hello(Struct, frozen=True, kw_only=True, tag="hello"):
    """The first message of each connection."""

    id: MessageId
    version: int
    boot: str  # a new one each time a process starts, so that logs can tell a restart from a lost connection


class ValidateAndLoad(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="validate_and_load"):
    id: MessageId
    key_hash: str
    session_id: str
    traceparent: str = ""  # W3C's: of what this is a part, where calls are traced


class GetCredits(Struct, frozen=True, kw_only=True, tag="get_credits"):
    id: MessageId
    account_id: str


class UpdateUsage(Struct, frozen=True, kw_only=True, tag="update_usage"):
    id: MessageId
    records: tuple[UsageRecord, ...]


class SaveSession(Struct, frozen=True, kw_only=True, tag="save_session"):
    id: MessageId
    saved: SavedConfig


class AppendConversation(Struct, frozen=True, kw_only=True, tag="append_conversation"):
    id: MessageId
    passages: tuple[Passage, ...]
    switches: tuple[Switched, ...] = ()

    @property
    def parts(self) -> tuple[Passage | Switched, ...]:
        return (*self.passages, *self.switches)


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    id: MessageId
    key_hash: str
    question: Question


class Claimed(Struct, frozen=True, kw_only=True, tag="claimed"):
    """Told, not asked: nobody answers."""

    id: MessageId
    claim: Claim


class Released(Struct, frozen=True, kw_only=True, tag="released"):
    """The call is over, and what was said in it is committed. Nobody answers."""

    id: MessageId
    claim: Claim


Request = (
    Hello
    | ValidateAndLoad
    | GetCredits
    | UpdateUsage
    | SaveSession
    | AppendConversation
    | Ask
    | Claimed
    | Released
)


# -- From the business process ---------------------------------------------------------------------------


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    id: MessageId
    version: int
    boot: str


class Granted(Struct, frozen=True, kw_only=True, tag="granted"):
    id: MessageId
    grant: Grant


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    id: MessageId
    refusal: Refusal


class Credits(Struct, frozen=True, kw_only=True, tag="credits"):
    id: MessageId
    credits: int


class UsagePosted(Struct, frozen=True, kw_only=True, tag="usage_posted"):
    id: MessageId
    posted: Posted


class Kept(Struct, frozen=True, kw_only=True, tag="kept"):
    """What was to be saved or appended is committed."""

    id: MessageId


class Answered(Struct, frozen=True, kw_only=True, tag="answered"):
    id: MessageId
    answer: Answer


class Taken(Struct, frozen=True, kw_only=True, tag="taken"):
    """To a gateway, unasked: another one has the session now. End the call, and say when it is released."""

    id: MessageId
    claim: Claim


class Failure(Struct, frozen=True, kw_only=True, tag="failure"):
    """An error of the service, to be raised again on the other side."""

    id: MessageId
    code: ErrorCode
    message: str


Reply = Welcome | Granted | Refused | Credits | UsagePosted | Kept | Answered | Taken | Failure


# -- Spelling --------------------------------------------------------------------------------------------


class Unreadable(LinkError):
    """A message that is none. `id` says whom to answer, where even that could be read."""

    def __init__(self, message: str, id: int | None) -> None:
        super().__init__(ErrorCode.INTERNAL_LINK_UNSUPPORTED, message)
        self.id = id


class _Head(Struct):
    id: MessageId


_Message = TypeVar("_Message")

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
_heads = msgspec.msgpack.Decoder(_Head)


def encode(message: Request | Reply) -> bytes:
    try:
        data = _encoder.encode(message)
    except UnicodeEncodeError:
        data = _encoder.encode(_mended(msgspec.to_builtins(message)))
    except OverflowError as error:
        raise LinkError(
            ErrorCode.INTERNAL_LINK_UNSUPPORTED, f"A message {verb(message)} cannot be sent: {error}."
        ) from None
    if len(data) > MESSAGE_BYTES_MAX:
        raise LinkError(
            ErrorCode.INTERNAL_LINK_UNSUPPORTED,
            f"A message {verb(message)} is {len(data):,} bytes long and the link carries "
            f"{MESSAGE_BYTES_MAX:,}: send less at once.",
        )
    return data


def decode_request(data: bytes) -> Request:
    return _decode(_requests, data, "request")


def decode_reply(data: bytes) -> Reply:
    return _decode(_replies, data, "reply")


def verb(message: Request | Reply) -> str:
    return str(message.__struct_config__.tag)


def _decode(decoder: msgspec.msgpack.Decoder[_Message], data: bytes, what: str) -> _Message:
    try:
        return decoder.decode(data)
    # msgspec's errors and bad UTF-8 are ValueErrors; what is nested too deeply is a RecursionError.
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise Unreadable(f"A {what} of the link cannot be read: {reason}.", _id_in(data))


def _id_in(data: bytes) -> int | None:
    try:
        return _heads.decode(data).id
    except (ValueError, RecursionError):
        return None


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {key: _mended(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(member) for member in value]
    return value
