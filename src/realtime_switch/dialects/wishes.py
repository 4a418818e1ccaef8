"""What a client wants of a provider, in no provider's words.

The other half of acts.py: a client's dialect reads its messages into wishes, a provider's dialect writes
wishes as its own messages. They are made only where the two ends speak different dialects; where they
speak the same, a message passes the gate as the bytes it came as.

`request_id` is the client's own name for the message, so that an answer can name it.
"""

from typing import Any, Literal

from msgspec import Struct

from .sound import PCM_24K, AudioFormat

# -- How a call is to be held ------------------------------------------------------------------------------


class Tool(Struct, frozen=True, kw_only=True):
    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None  # JSON Schema; None: it takes none
    # Whether the model waits for the answer before it speaks on. "": as the provider does by itself.
    waits: Literal["", "blocking", "non_blocking"] = ""


class Turns(Struct, frozen=True, kw_only=True):
    """How the provider finds the user's turns. None: as it does by itself."""

    threshold: float | None = None  # 0 to 1, of loudness; higher needs louder speech
    silence_ms: int | None = None  # a turn is over after so much silence
    padding_ms: int | None = None  # audio kept from before the speech; OpenAI's meaning
    eagerness: Literal["", "low", "medium", "high", "auto"] = ""  # a turn's end by its meaning
    replies: bool = True  # a turn is answered without being asked
    interrupts: bool = True  # speech stops a running reply
    idle_ms: int | None = None  # nudge the user after so much silence


class Transcription(Struct, frozen=True, kw_only=True):
    """The user's words are wanted in writing."""

    model: str = ""
    languages: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    prompt: str = ""


class Extra(Struct, frozen=True):
    """Asked for, and without a counterpart in any other dialect. `ignorable`: the call is much the same
    without, so lenient routes go on without it; everything else is refused by name."""

    path: str  # in the client's own words, as a refusal names it
    ignorable: bool = False


THINKING = ("minimal", "low", "medium", "high", "xhigh")


class Config(Struct, frozen=True, kw_only=True):
    """The whole of what a client has asked for so far. What it did not ask for is at its default here, and
    is not told to the provider."""

    instructions: str = ""
    text_only: bool = False  # replies written, not spoken
    voice: str = ""  # as the client's dialect names it; "": the default
    language: str = ""  # of replies, a BCP-47 code; "": as the model finds it
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # auto, none, required, or a tool's name
    parallel_tools: bool = True
    manual_turns: bool = False  # the client says where its turns begin and end
    turns: Turns = Turns()
    input: AudioFormat = PCM_24K
    output: AudioFormat = PCM_24K
    transcription: Transcription | None = None
    agent_words: bool = True  # what the agent says is wanted in writing as well
    max_output_tokens: int | None = None
    temperature: float | None = None
    thinking: str = ""  # how hard to think, one of THINKING; "": as the provider likes
    context: Literal["", "slide", "off"] = ""  # what happens when the conversation outgrows the model
    context_kept: float | None = None  # the share of it that is kept then
    context_tokens: int | None = None  # from which length on; None: all that the model can hold
    extras: tuple[Extra, ...] = ()


# -- Wishes ------------------------------------------------------------------------------------------------


class Wish(Struct, frozen=True, gc=False):
    """Something that a client wants."""


class Configure(Wish, frozen=True, kw_only=True):
    """Be as `config` says, which is the whole; `changed` names its fields that are new by this message.
    Answered by Configured, Refused or StartOver."""

    config: Config
    changed: frozenset[str] = frozenset()
    request_id: str = ""


class UserAudio(Wish, frozen=True, gc=False):
    base64: str  # standard alphabet, padded
    format: AudioFormat


class UserImage(Wish, frozen=True, gc=False):
    """One picture of a stream; it asks for nothing by itself."""

    base64: str
    mime_type: str


class SpeechBegins(Wish, frozen=True, gc=False):
    """By the client's own judgement (manual turns)."""


class SpeechEnds(Wish, frozen=True, gc=False):
    """And wants to be answered."""


class AudioPauses(Wish, frozen=True, gc=False):
    """The microphone is off: what was said so far is all (turns found by the provider)."""


class CommitAudio(Wish, frozen=True, gc=False):
    """What was sent is a turn; it is not to be answered yet. Answered by UserTurn or Refused."""

    request_id: str = ""


class ClearAudio(Wish, frozen=True, gc=False):
    """Answered by AudioCleared."""

    request_id: str = ""


class Picture(Struct, frozen=True):
    base64: str
    mime_type: str


class Spoken(Struct, frozen=True):
    audio: UserAudio
    path: str  # in the client's own words, as a refusal names it


class Say(Wish, frozen=True, kw_only=True):
    """Add to the conversation, at its end, and do not reply. Answered by ItemTaken (after UserText, PastTold
    or ToolAnswered, as what it was heard) or Refused."""

    item_id: str
    role: Literal["user", "agent", "system"]
    text: str = ""
    pictures: tuple[Picture, ...] = ()
    spoken: tuple[Spoken, ...] = ()  # of the user; not every provider takes it so
    request_id: str = ""


class SayCall(Wish, frozen=True, kw_only=True):
    """A tool call of the past, as history. Answered like Say. `awaited`: its answer is still to come, and to
    be spoken of."""

    item_id: str
    call_id: str
    name: str
    arguments: str
    request_id: str = ""
    awaited: bool = False


class AnswerTool(Wish, frozen=True, kw_only=True):
    """Answered like Say. Whether the model goes on by itself is the provider's dialect's to see to, once
    AskReply comes or every open call is answered."""

    item_id: str
    call_id: str
    output: str  # JSON or plain text
    name: str = ""  # "" where the client's dialect does not say it again
    scheduling: Literal["", "silent", "when_idle", "interrupt"] = ""
    more: bool = False  # only a piece of the answer: others follow, and the last of them says it all
    request_id: str = ""


class AskReply(Wish, frozen=True, kw_only=True):
    """Answer now. Answered by ReplyBegun or Refused."""

    instructions: str = ""  # for this reply only
    metadata: dict[str, Any] | None = None
    interrupts: bool = False  # a reply that runs is stopped first; else that is a mistake
    extras: tuple[Extra, ...] = ()
    request_id: str = ""


class StopReply(Wish, frozen=True, gc=False):
    """Answered by ReplyDone(status="cancelled") or Refused."""

    reply_id: str = ""
    request_id: str = ""


class Truncate(Wish, frozen=True, gc=False):
    """The user heard so much of this item. Answered by ReplyTruncated or Refused."""

    item_id: str
    heard_ms: int
    request_id: str = ""


class Delete(Wish, frozen=True, gc=False):
    """Answered by ItemDeleted or Refused."""

    item_id: str
    request_id: str = ""
