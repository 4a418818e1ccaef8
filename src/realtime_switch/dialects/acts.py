"""What happens in a voice conversation, in no provider's words.

Every dialect reads its own messages into these acts; no dialect knows another.
An act is here only if somebody in this repository reads it: a message that
nobody needs to understand is relayed and gives no act at all. Audio stays the
base64 text that it arrived as.

Who reads what stands in docs/dialects.md.
"""

from msgspec import Struct


class Act(Struct, frozen=True, gc=False):
    """Something that happened on the provider's side of a call."""


# -- The connection ---------------------------------------------------------------------------------------


class Ready(Act, frozen=True, gc=False):
    """The provider's greeting: from now on it listens. `raw` is the message."""

    raw: bytes
    audio_bytes_per_ms: int  # of the replies to come


class Configured(Act, frozen=True, gc=False):
    """The provider has taken a configuration. `raw` is the message, for who wants to keep it (A8)."""

    raw: bytes
    audio_bytes_per_ms: int


class Replayed(Act, frozen=True, gc=False):
    """The provider has taken what the gateway itself told it: not the client's wish, so not to be kept."""

    audio_bytes_per_ms: int


class Garbled(Act, frozen=True, gc=False):
    """The provider has sent something that is not a message."""


class Trouble(Act, frozen=True, gc=False):
    """The provider says no. `request_id` names the message that it means, if it said so."""

    code: str
    message: str
    request_id: str = ""


# -- The user --------------------------------------------------------------------------------------------


class UserTurn(Act, frozen=True, gc=False):
    """The user has spoken: the place in the conversation is fixed, the words may come later or never."""

    item_id: str


class UserTranscript(Act, frozen=True, gc=False):
    """What the user said: the next words of it, or (`final`) the whole."""

    item_id: str
    text: str
    final: bool = False


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


class ReplyBegun(Act, frozen=True, gc=False):
    """`aside`: the client asked for it outside of the conversation, so nobody hears it."""

    reply_id: str
    conversation_id: str = ""
    aside: bool = False


class ReplyItem(Act, frozen=True, gc=False):
    """The reply has a new item; what follows belongs to it. `call_id` and `name` are a tool call's."""

    reply_id: str
    item_id: str
    index: int = 0
    kind: str = "message"
    call_id: str = ""
    name: str = ""


class ReplyAudio(Act, frozen=True, gc=False):
    item_id: str
    base64: str


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


class ReplyTruncated(Act, frozen=True, gc=False):
    """Of this item's audio the user heard so much and no more."""

    item_id: str
    heard_ms: int


class ToolCall(Act, frozen=True, gc=False):
    call_id: str
    name: str
    arguments: str


class ReplyDone(Act, frozen=True, gc=False):
    reply_id: str


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


class Usage(Bill, frozen=True, gc=False):
    """What a reply cost."""

    reply_id: str = ""


class TranscriptionUsage(Bill, frozen=True, gc=False):
    """What writing down the user's words cost: tokens, or the length of the audio."""

    item_id: str = ""
    duration_ms: int = 0
