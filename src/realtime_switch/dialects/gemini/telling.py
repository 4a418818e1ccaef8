"""What happens in a call, as a Gemini client is told it (GEMINI-LIVE.md 4, 5; TRANSLATION.md 9).

A turn begins with a reply and ends with exactly one `turnComplete`. Several replies may be one turn: the one
that calls tools, and the one that speaks of what they said. Frames stay under 1 MiB, where the Python SDK
hangs up (GEMINI-LIVE.md 2), and nothing is invented at the top level.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ..acts import (
    Act,
    Bill,
    GoingAway,
    Interrupted,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyMade,
    ReplyText,
    ReplyTranscript,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    ToolCallsCancelled,
    Usage,
    UserTranscript,
    UserTranscriptFailed,
    summed,
)
from ..envelopes import Envelope
from ..mending import UNREADABLE, read_any
from ..sound import PCM_24K, AudioFormat, Converter
from ..wishes import Config
from .casing import duration

MIME_TYPE = "audio/pcm;rate=24000"  # exactly so: pipecat compares it (CLIENTS-GEMINI.md 5)
# A piece of a frame: whole samples in whole groups of base64, and far from 1 MiB however it is escaped.
AUDIO_CHARS_MAX = 512 * 1024
TEXT_CHARS_MAX = 100_000

# How an answer ended that is neither whole nor cut short (TRANSLATION.md 9).
_REASONS = {"incomplete": "GENERATED_CONTENT_SAFETY", "failed": "GENERATED_OTHER"}

_Members = dict[str, Any]


def frame(**members: Any) -> bytes:
    return msgspec.json.encode(members)


def content(**members: Any) -> bytes:
    return frame(serverContent=members)


class Teller:
    def __init__(self) -> None:
        self.config = Config()
        self.open = False  # a turn has begun and is not over
        self.awaited: dict[str, str] = {}  # calls that the client was told of: name
        self.shown = False  # the client has seen something of it
        self._replies: set[str] = set()  # of the open turn
        self._made = False  # the client knows that all of the turn is here
        self._interrupted = False  # the reply that runs was cut short before the client's eyes
        self._calls: dict[str, ToolCall] = {}  # of the reply that runs
        self._bill: Usage | None = None  # of the open turn
        self._in_words: set[object] = set()  # what is told in pieces, so that its whole is not told again
        self._source = PCM_24K
        self._converter = Converter(PCM_24K, PCM_24K)

    def tell(self, act: Act) -> list[bytes]:
        write = _WRITERS.get(type(act))
        frames = write(self, act) if write is not None else []
        self.shown |= self.open and bool(frames) and isinstance(act, _SEEN)
        return frames

    @property
    def replying(self) -> bool:
        return bool(self._replies)

    @property
    def waits(self) -> bool:
        """For tools; until they are answered nothing more is said."""
        return self.open and not self._replies and bool(self.awaited)

    # -- The turn ----------------------------------------------------------------------------------------

    def begun(self, act: ReplyBegun) -> list[bytes]:
        if not act.aside:
            self.open = True
            self._replies.add(act.reply_id)
        return []

    def done(self, act: ReplyDone) -> list[bytes]:
        if not self.open or (self._replies and act.reply_id not in self._replies):
            return []
        self._replies.discard(act.reply_id)
        calls, self._calls = self._calls, {}
        interrupted, self._interrupted = self._interrupted, False
        rest = [] if interrupted else _sound(self._converter.flush())
        if act.status == "completed" and calls:
            return [*rest, *self._call(list(calls.values()))]  # what comes of them belongs to this turn
        if self._replies or act.more:
            return rest
        if act.status == "cancelled":
            return [*([] if interrupted else [content(interrupted=True)]), *self._complete()]
        if act.status == "completed" or act.reason == "max_output_tokens":
            made = [] if interrupted or self._made else [*rest, content(generationComplete=True)]
            return [*made, *self._complete()]
        return self._complete(turnCompleteReason=_REASONS[act.status])

    def made(self, act: ReplyMade) -> list[bytes]:
        """Its end is told apart, when it must have been heard."""
        if act.reply_id not in self._replies or self._interrupted or self._calls:
            return []
        self._made = True
        return [*_sound(self._converter.flush()), content(generationComplete=True)]

    def finish(self) -> list[bytes]:
        """Nothing more comes of this turn, though no reply says so."""
        return [content(generationComplete=True), *self._complete()] if self.open else []

    def close(self) -> list[bytes]:
        """The reply broke off. A turn that waits for tools goes on when they have answered, maybe with a
        provider that tells the client itself what it costs: so what it has cost is told now."""
        if self.waits:
            return [frame(**usage)] if (usage := self._usage_so_far()) else []
        if not self.open:
            return []
        if not self.shown:  # then the one that is given instead is all of it
            self.open = False
            self._replies.clear()
            return []
        return self._cut()

    def _cut(self) -> list[bytes]:
        interrupted = [] if self._interrupted or self._made else [content(interrupted=True)]
        self._replies.clear()
        return [*interrupted, *self._complete()]

    def interrupted(self, act: Interrupted) -> list[bytes]:
        """Also after the turn's end: it comes before the audio of it is played."""
        if not self.open:
            return [content(interrupted=True)]
        if not self._replies:  # it waits for tools
            return self._cut()
        again, self._interrupted = self._interrupted, True
        return [] if again else [content(interrupted=True)]

    def _complete(self, **members: Any) -> list[bytes]:
        self.open = self.shown = self._interrupted = self._made = False
        self._calls = {}
        self._converter = Converter(self._source, PCM_24K)
        return [frame(serverContent={"turnComplete": True, **members}, **self._usage_so_far())]

    def _usage_so_far(self) -> _Members:
        bill, self._bill = self._bill, None
        return {"usageMetadata": usage_metadata(bill)} if bill is not None else {}

    def _usage(self, act: Usage) -> list[bytes]:
        """The client is told of the whole turn at its end, whatever number of replies it was. Tokens of
        another model (GPT-Live's backend) are not the voice's."""
        if not act.model:
            self._bill = act if self._bill is None else summed(self._bill, act)
        return []

    # -- What the agent says -----------------------------------------------------------------------------

    def _audio(self, act: ReplyAudio) -> list[bytes]:
        return [] if self._mute() else _sound(self._converted(act.base64, act.format))

    def _converted(self, base64: str, source: AudioFormat) -> str:
        if source != self._source:
            self._source = source
            self._converter = Converter(source, PCM_24K)
        return self._converter.convert(base64)

    def _transcript(self, act: ReplyTranscript) -> list[bytes]:
        words = self._fresh((act.item_id, act.part), act.text, act.final)
        if self._mute() or not self.config.agent_words:
            return []
        return [content(outputTranscription={"text": one}) for one in _pieces(words, TEXT_CHARS_MAX)]

    def envelope(self, act: ReplyAudio | ReplyTranscript) -> Envelope | None:
        if self._interrupted or not self.shown:
            return None
        if isinstance(act, ReplyAudio):
            return Envelope(_AUDIO_HEAD, _AUDIO_TAIL) if act.format == self._source == PCM_24K else None
        known = self.config.agent_words and (act.item_id, act.part) in self._in_words
        return Envelope(_WORDS_HEAD, _WORDS_TAIL) if known else None

    def _text(self, act: ReplyText) -> list[bytes]:
        words = self._fresh((act.item_id, act.part, "text"), act.text, act.final)
        if self._mute():
            return []
        return [
            content(modelTurn={"role": "model", "parts": [{"text": one}]})
            for one in _pieces(words, TEXT_CHARS_MAX)
        ]

    def _mute(self) -> bool:
        """After a reply was cut short, what is still on its way is not shown. Begins a turn where the
        provider does not say when one begins."""
        self.open = True
        return self._interrupted

    def _fresh(self, place: object, text: str, final: bool) -> str:
        """What was not told yet: the next words, or the whole where there were no words before it."""
        if not final:
            self._in_words.add(place)
            return text
        told = place in self._in_words
        self._in_words.discard(place)
        return "" if told else text

    # -- Tools -------------------------------------------------------------------------------------------

    def _tool_call(self, act: ToolCall) -> list[bytes]:
        self.open = True
        self._calls[act.call_id] = act
        return []

    def _call(self, calls: list[ToolCall]) -> list[bytes]:
        """One message for all of them: a client answers once it has seen them."""
        self.awaited.update((call.call_id, call.name) for call in calls)
        told = [{"id": call.call_id, "name": call.name, "args": _arguments(call.arguments)} for call in calls]
        return [frame(toolCall={"functionCalls": told})]

    def _cancelled(self, act: ToolCallsCancelled) -> list[bytes]:
        ids = [call_id for call_id in act.call_ids if self.awaited.pop(call_id, None) is not None]
        for call_id in act.call_ids:
            self._calls.pop(call_id, None)
        return [frame(toolCallCancellation={"ids": ids})] if ids else []

    # -- The user ----------------------------------------------------------------------------------------

    def _started(self, act: SpeechStarted) -> list[bytes]:
        return [_activity("ACTIVITY_START", act.at_ms)]

    def _stopped(self, act: SpeechStopped) -> list[bytes]:
        return [_activity("ACTIVITY_END", act.at_ms)]

    def _user_words(self, act: UserTranscript) -> list[bytes]:
        words = self._fresh(act.item_id, act.text, act.final)
        if self.config.transcription is None:
            return []
        told: list[_Members] = [{"text": one} for one in _pieces(words, TEXT_CHARS_MAX)]
        if act.final:
            told = told or [{}]
            told[-1]["finished"] = True
        return [content(inputTranscription=one) for one in told]

    def _user_words_failed(self, act: UserTranscriptFailed) -> list[bytes]:
        self._in_words.discard(act.item_id)
        return []

    # -- The connection ----------------------------------------------------------------------------------

    def _going_away(self, act: GoingAway) -> list[bytes]:
        return [frame(goAway={"timeLeft": duration(act.left_ms)})]


_AUDIO = content(modelTurn={"role": "model", "parts": [{"inlineData": {"mimeType": MIME_TYPE, "data": "?"}}]})
_AUDIO_HEAD, _AUDIO_TAIL = _AUDIO.split(b"?")
_WORDS_HEAD, _WORDS_TAIL = content(outputTranscription={"text": "?"}).split(b"?")


def _sound(base64: str) -> list[bytes]:
    """Most of what a call is: put together, not printed, where it is plain base64."""
    if len(base64) <= AUDIO_CHARS_MAX and base64.isascii() and '"' not in base64 and "\\" not in base64:
        return [b"".join((_AUDIO_HEAD, base64.encode(), _AUDIO_TAIL))] if base64 else []
    return [
        content(modelTurn={"role": "model", "parts": [{"inlineData": {"mimeType": MIME_TYPE, "data": one}}]})
        for one in _pieces(base64, AUDIO_CHARS_MAX)
    ]


def _activity(kind: str, at_ms: int) -> bytes:
    """Sent to everybody: the service sends it unasked as well (GEMINI-LIVE.md 3.1), and no SDK minds."""
    return frame(voiceActivity={"type": kind, "audioOffset": duration(at_ms)})


def _pieces(text: str, chars_max: int) -> Iterator[str]:
    return (text[start : start + chars_max] for start in range(0, len(text), chars_max))


def _arguments(arguments: str) -> _Members:
    try:
        read = read_any(arguments.encode("utf-8", "replace")) if arguments.strip() else {}
    except UNREADABLE:
        read = None
    return read if isinstance(read, dict) else {"_raw": arguments}


def usage_metadata(bill: Bill) -> _Members:
    """TRANSLATION.md 5. Kinds of which there were none are left out."""
    cached = bill.cached_text + bill.cached_audio + bill.cached_image
    return {
        "promptTokenCount": bill.input,
        **({"cachedContentTokenCount": cached} if cached else {}),
        "responseTokenCount": bill.output,
        "totalTokenCount": bill.input + bill.output,
        **_details("promptTokensDetails", bill.input_text, bill.input_audio, bill.input_image),
        **_details("cacheTokensDetails", bill.cached_text, bill.cached_audio, bill.cached_image),
        **_details("responseTokensDetails", bill.output_text, bill.output_audio, 0),
    }


def _details(name: str, text: int, audio: int, image: int) -> _Members:
    counts = {"TEXT": text, "AUDIO": audio, "IMAGE": image}
    details = [{"modality": kind, "tokenCount": count} for kind, count in counts.items() if count]
    return {name: details} if details else {}


# What a client knows a turn by.
_SEEN = (ReplyAudio, ReplyTranscript, ReplyText, ReplyDone, Interrupted)
# Each is given the acts that it is filed under.
_WRITERS: dict[type[Act], Callable[[Teller, Any], list[bytes]]] = {
    ReplyBegun: Teller.begun,
    ReplyDone: Teller.done,
    ReplyMade: Teller.made,
    Interrupted: Teller.interrupted,
    Usage: Teller._usage,
    ReplyAudio: Teller._audio,
    ReplyTranscript: Teller._transcript,
    ReplyText: Teller._text,
    ToolCall: Teller._tool_call,
    ToolCallsCancelled: Teller._cancelled,
    SpeechStarted: Teller._started,
    SpeechStopped: Teller._stopped,
    UserTranscript: Teller._user_words,
    UserTranscriptFailed: Teller._user_words_failed,
    GoingAway: Teller._going_away,
}
