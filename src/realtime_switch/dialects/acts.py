"""What happens in a voice conversation, in no provider's words.

What a provider says is an act, what a client wants is a wish (wishes.py). Every
dialect reads its own messages into these and writes these as its own messages;
no dialect knows another. An act is here only if somebody in this repository
reads it: a message that nobody needs to understand is relayed and gives no act
at all. Audio stays the base64 text that it arrived as.

Who reads what stands in docs/dialects.md.
"""

from typing import Any, Literal

from msgspec import Struct

from .sound import PCM_24K, AudioFormat


class Act(Struct, frozen=True, gc=False):
    """Something that happened on the provider's side of a call."""


# -- The connection ---------------------------------------------------------------------------------------


class Ready(Act, frozen=True, gc=False):
    """The provider's greeting: from now on it listens. `raw` is the message."""

    raw: bytes
    audio_bytes_per_ms: int  # of the replies to come
    expires_us: int = 0  # when the session ends, by the provider's clock; 0: it does not say


class Configured(Act, frozen=True, gc=False):
    """The provider has taken a configuration. `raw` is the message, for who wants to keep it (A8)."""

    raw: bytes
    audio_bytes_per_ms: int


class Replayed(Act, frozen=True, gc=False):
    """The provider has taken what the gateway itself told it: not the client's wish, so not to be kept."""

    audio_bytes_per_ms: int


class Garbled(Act, frozen=True, gc=False):
    """The provider has sent something that is not a message."""


class Pinged(Act, frozen=True, gc=False):
    """The provider says, in a message of its own, that it is there, and nothing else."""


class Trouble(Act, frozen=True, gc=False):
    """The provider says no. `request_id` names the message that it means, if it said so."""

    code: str
    message: str
    request_id: str = ""
    for_client: bool = False  # at the door: what the client asks for is wrong, and would be wrong elsewhere


class Refused(Act, frozen=True, gc=False):
    """Not the provider but the gateway says no: this provider cannot do what the client asked for. `field` is
    a field of wishes.Config, or the client's own words for what it asked; the call goes on."""

    field: str
    message: str
    request_id: str = ""
    code: str = "unsupported_by_backend"


class StartOver(Act, frozen=True, gc=False):
    """What the client asked for needs a new connection to the provider: the call goes on there."""


class GoingAway(Act, frozen=True, gc=False):
    """The provider will hang up soon."""

    left_ms: int


class Handle(Act, frozen=True, gc=False):
    """With this a new connection can go on where this one is."""

    handle: str
    resumable: bool = True


class SessionOver(Act, frozen=True, gc=False):
    """The provider has ended the session and said all that there is to say."""

    reason: str


# -- The user --------------------------------------------------------------------------------------------


class SpeechStarted(Act, frozen=True, gc=False):
    """`item_id` is that of the turn to come; `at_ms` on the clock of the audio sent so far."""

    item_id: str
    at_ms: int = 0


class SpeechStopped(Act, frozen=True, gc=False):
    item_id: str
    at_ms: int = 0


class AudioSent(Act, frozen=True, gc=False):
    """So many bytes of the user's audio have gone to a provider that bills by time."""

    audio_bytes: int


class AudioCleared(Act, frozen=True, gc=False):
    """What was sent of a turn is forgotten."""


class ItemTaken(Act, frozen=True, gc=False):
    """What the client added is part of the conversation."""

    item_id: str


class ItemDeleted(Act, frozen=True, gc=False):
    item_id: str


class UserTurn(Act, frozen=True, gc=False):
    """The user has spoken: the place in the conversation is fixed, the words may come later or never."""

    item_id: str


class KeptSilent(Act, frozen=True, gc=False):
    """The user's turn gets no reply, by a provider that need not give one."""


class UserTranscript(Act, frozen=True, gc=False):
    """What the user said: the next words of it, or (`final`) the whole."""

    item_id: str
    text: str
    final: bool = False
    audio_ms: int = 0  # of the turn, where the whole is told and it is known


class UserTranscriptFailed(Act, frozen=True, gc=False):
    item_id: str


class UserText(Act, frozen=True, gc=False):
    """The user has typed."""

    item_id: str
    text: str


class ToolAnswered(Act, frozen=True, gc=False):
    call_id: str
    output: str


class PastTold(Act, frozen=True, gc=False):
    """The client has put an agent's line into the conversation itself: it tells what was said before this
    call. What it typed just before belongs to that past as well."""

    item_id: str


# -- The agent -------------------------------------------------------------------------------------------


class ReplyBegun(Act, frozen=True):
    """`aside`: the client asked for it outside of the conversation, so nobody hears it."""

    reply_id: str
    conversation_id: str = ""
    aside: bool = False
    metadata: dict[str, Any] | None = None  # the client's own, given back


class ReplyItem(Act, frozen=True, gc=False):
    """The reply has a new item; what follows belongs to it. `call_id` and `name` are a tool call's."""

    reply_id: str
    item_id: str
    index: int = 0
    kind: str = "message"
    call_id: str = ""
    name: str = ""


class ReplyPart(Act, frozen=True, gc=False):
    """A part of an item was opened before a client's eyes, or closed."""

    item_id: str
    kind: Literal["audio", "text"]
    over: bool = False


class ReplyAudio(Act, frozen=True, gc=False):
    item_id: str
    base64: str
    format: AudioFormat = PCM_24K


class AudioPassed(Act, frozen=True, gc=False):
    """Audio of the newest item went by unread: so many base64 characters, padding included."""

    base64_chars: int


class ReplyTranscript(Act, frozen=True, gc=False):
    """What the agent says aloud, written down: the next words, or (`final`) the whole of this part."""

    item_id: str
    part: int
    text: str
    final: bool = False


class ReplyText(Act, frozen=True, gc=False):
    """What the agent writes instead of saying it."""

    item_id: str
    part: int
    text: str
    final: bool = False


class ReplyItemDone(Act, frozen=True, gc=False):
    item_id: str


class Interrupted(Act, frozen=True, gc=False):
    """The agent is cut short: what the client has of its audio and has not played is not to be played."""


class ReplyTruncated(Act, frozen=True, gc=False):
    """Of this item's audio the user heard so much and no more."""

    item_id: str
    heard_ms: int


class ToolCall(Act, frozen=True, gc=False):
    call_id: str
    name: str
    arguments: str
    item_id: str = ""
    reply_id: str = ""


class ToolCallsCancelled(Act, frozen=True, gc=False):
    """Their answers are not awaited any more."""

    call_ids: tuple[str, ...]


class ReplyMade(Act, frozen=True, gc=False):
    """All of the reply is here; that it is over comes later, when it must have been heard (Gemini)."""

    reply_id: str


class ReplyDone(Act, frozen=True, gc=False):
    """`reason`: of cancelled, turn_detected or client_cancelled; of incomplete, content_filter or
    max_output_tokens; of failed, the provider's word for it. `more`: the same answer goes on in another
    reply."""

    reply_id: str
    status: Literal["completed", "cancelled", "incomplete", "failed"] = "completed"
    reason: str = ""
    more: bool = False


# -- The bill --------------------------------------------------------------------------------------------


class Bill(Act, frozen=True, gc=False):
    """Tokens, as the provider counted them. `cached_*` are part of `input_*`."""

    input: int = 0
    output: int = 0
    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_text: int = 0
    output_audio: int = 0
    model: str = ""  # whose tokens they are, where it is not the call's own
    fees: int = 0  # what is billed by the piece: hosted tool calls


class Usage(Bill, frozen=True, gc=False):
    """What a reply cost."""

    reply_id: str = ""


def summed(one: Usage, other: Usage) -> Usage:
    """Of several replies that a client is told of together."""
    counts = {
        name: getattr(one, name) + getattr(other, name)
        for name in Bill.__struct_fields__
        if isinstance(getattr(one, name), int)
    }
    return Usage(**counts)


class TranscriptionUsage(Bill, frozen=True, gc=False):
    """What writing down the user's words cost: tokens, or the length of the audio."""

    item_id: str = ""
    duration_ms: int = 0


class SessionTime(Bill, frozen=True, gc=False):
    """How long the provider's session has lasted by its own account, from its beginning. `confirmed`: that is
    the last word."""

    total_ms: int = 0
    certainty: Literal["reported", "confirmed"] = "reported"


BILLS = (Usage, TranscriptionUsage, SessionTime)
