"""Towards an OpenAI-like provider for a client of another dialect: wishes become its requests, in the order
that it can take (TRANSLATION.md 9).

One reply runs at a time (replies_out.py), and one is asked for once all calls of a group are answered
(calls_out.py).
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ..acts import (
    Act,
    Configured,
    Interrupted,
    ItemTaken,
    PastTold,
    Pinged,
    Ready,
    Refused,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyMade,
    ReplyTranscript,
    ReplyTruncated,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Trouble,
    UserText,
    UserTurn,
)
from ..dialect import NewId, NowUs, ProviderSaid
from ..envelopes import Alike, Crossed, Envelope
from ..sound import base64_bytes
from ..terms import Target, Terms
from ..wishes import (
    AnswerTool,
    AskReply,
    AudioPauses,
    ClearAudio,
    CommitAudio,
    Config,
    Configure,
    Delete,
    Say,
    SayCall,
    SpeechBegins,
    SpeechEnds,
    StopReply,
    Truncate,
    UserAudio,
    UserImage,
    Wish,
)
from . import requests_out as out
from . import resume
from .alike import Learned
from .calls_out import Calls
from .config_out import SILENCE_MS, refusals, session_members
from .formats import output_format, session_of
from .hearing_out import Microphone
from .reading import OVER_WITH, read_closely
from .replies_out import REPLY_RUNS, Replies

# A provider that does not greet may not confirm either; the client waits for that before it says a word.
CONFIRMED_AFTER_US = 1_000_000

_ONLY_APPENDED = "This backend takes audio only through input_audio_buffer.append."


class Translated:
    def __init__(self, target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> None:
        self._target = target
        self._terms = terms
        self._new_id = new_id
        self._now_us = now_us
        self.due_us: int | None = None
        self._config = Config()
        self._history = ""  # what stands in the instructions besides them
        self._output = target.output
        self._microphone = Microphone(target.input, now_us)
        self._replies = Replies(self._microphone, new_id, now_us)
        self._calls = Calls(self._replies, terms.strict)
        self._learned = Learned()
        # Our requests that somebody waits for, by their event_id, until they are answered.
        self._opening_id = ""
        self._refused: list[Refused] = []  # of the opening; said when that is answered
        self._updates: dict[str, Configure] = {}
        self._unheard: ReplyDone | None = None  # made, and not over before it must have been heard

    # -- What the client wants ---------------------------------------------------------------------------

    def opening(self, config: Config, history: str) -> list[bytes]:
        self._config = config
        self._refused = refusals(config, self._target, self._terms)
        by_items = self._terms.resume_by == "items"
        self._history = "" if by_items else history
        self._opening_id = self._new_id("event")
        if not self._target.greets:
            self.due_us = self._now_us() + CONFIRMED_AFTER_US
        session = session_members(config, self._target, self._terms)
        update = out.request("session.update", event_id=self._opening_id, session=session)
        items = resume.history_items(history) if by_items else []
        return [resume.with_history(update, self._history), *items]

    def tell(self, wish: Wish) -> ProviderSaid:
        said = _TELLERS[type(wish)](self, wish) if type(wish) in _TELLERS else []
        return said if self._unheard is None else self._cut_off(said)

    def _configure(self, wish: Configure) -> ProviderSaid:
        refused = refusals(wish.config, self._target, self._terms, wish.changed)
        if refused:
            return [*(msgspec.structs.replace(one, request_id=wish.request_id) for one in refused[:1])]
        self._config = wish.config
        event_id = self._new_id("event")
        self._updates[event_id] = wish
        session = session_members(wish.config, self._target, self._terms, wish.changed)
        update = out.request("session.update", event_id=event_id, session=session)
        # Its instructions would replace those that hold the history.
        return [resume.keep_history(update, self._history)]

    def _user_audio(self, wish: UserAudio) -> ProviderSaid:
        return [*self._microphone.heard(wish, self._config.manual_turns)]

    def envelope(self, wish: UserAudio) -> Envelope | None:
        takes = self._microphone.takes(wish.format, self._config.manual_turns)
        return Envelope(out.APPEND_HEAD, out.APPEND_TAIL) if takes else None

    def told_unread(self, crossed: Crossed) -> None:
        self._microphone.heard_unread(crossed.audio_bytes)

    def _user_image(self, wish: UserImage) -> ProviderSaid:
        return [*self._microphone.saw(wish)]

    def _speech_begins(self, wish: SpeechBegins) -> ProviderSaid:
        cut: ProviderSaid = []
        if self._config.turns.interrupts:
            self._replies.forget_wanted()  # the end of this asks for one
            cut = self._replies.cut_short()
        return [*cut, out.CLEAR, *self._microphone.begins()]

    def _speech_ends(self, wish: SpeechEnds) -> ProviderSaid:
        if not self._microphone.open:
            return []
        return [*self._microphone.ends(), out.COMMIT, *self._replies.ask(AskReply())]

    def _audio_pauses(self, wish: AudioPauses) -> ProviderSaid:
        silence_ms = self._config.turns.silence_ms
        return [*self._microphone.pauses(SILENCE_MS if silence_ms is None else silence_ms)]

    def _commit(self, wish: CommitAudio) -> ProviderSaid:
        return [out.COMMIT]

    def _clear(self, wish: ClearAudio) -> ProviderSaid:
        return [out.CLEAR]

    def _say(self, wish: Say) -> ProviderSaid:
        if wish.spoken:
            return [Refused(wish.spoken[0].path, _ONLY_APPENDED, wish.request_id)]
        return [out.said(wish)]

    def _say_call(self, wish: SayCall) -> ProviderSaid:
        return [self._calls.said(wish)]

    def _answer_tool(self, wish: AnswerTool) -> ProviderSaid:
        return self._calls.answered(wish)

    def _ask_reply(self, wish: AskReply) -> ProviderSaid:
        for extra in wish.extras:
            if self._terms.strict or not extra.ignorable:
                return [Refused(extra.path, "Not supported by the OpenAI backend.", wish.request_id)]
        if self._replies.busy and not wish.interrupts:
            return [Refused("", "A reply is running already.", wish.request_id, REPLY_RUNS)]
        return [*(self._replies.cut_short() if wish.interrupts else []), *self._replies.ask(wish)]

    def _stop_reply(self, wish: StopReply) -> ProviderSaid:
        if not self._replies.busy and wish.request_id:
            return [Refused("", "No reply is running.", wish.request_id, "response_cancel_not_active")]
        self._replies.forget_wanted()
        return self._replies.cut_short()

    def _truncate(self, wish: Truncate) -> ProviderSaid:
        left_ms = self._replies.left_ms.get(wish.item_id)
        if left_ms is None or left_ms <= wish.heard_ms:
            # An earlier provider said it, or it is cut there already: asking would be a mistake.
            return [ReplyTruncated(wish.item_id, wish.heard_ms)]
        return [out.truncate(wish.item_id, wish.heard_ms)]

    def _delete(self, wish: Delete) -> ProviderSaid:
        return [out.request("conversation.item.delete", item_id=wish.item_id)]

    # -- What the provider says --------------------------------------------------------------------------

    def hear(self, payload: bytes) -> ProviderSaid:
        said: ProviderSaid = []
        for act in read_closely(payload):
            hear = _HEARERS.get(type(act))
            said += [act] if hear is None else hear(self, act)
        return said if self._unheard is None else self._cut_off(said)

    def _ready(self, act: Ready) -> ProviderSaid:
        return [Ready(b"", act.audio_bytes_per_ms, act.expires_us)]

    def _configured(self, act: Configured) -> ProviderSaid:
        said = output_format(session_of(act.raw))
        # Not everybody says at which rate, and beta cannot; then the configuration knows.
        taken = said.coding != "pcm" or self._target.is_like_openai
        self._output = said if taken else self._target.output
        act = Configured(b"", self._output.bytes_per_ms)
        if self._opening_id:
            return self._opened(act)
        if self._updates:
            self._updates.pop(next(iter(self._updates)))  # answered in order (4.2)
        return [act]

    def _opened(self, act: Configured) -> ProviderSaid:
        self._opening_id = ""
        self.due_us = None
        return [*self._refused[:1]] or [act]

    def woke(self) -> ProviderSaid:
        if self.due_us is None or self._now_us() < self.due_us:
            return []
        if self._opening_id:
            return self._opened(Configured(b"", self._output.bytes_per_ms))
        return self._heard_out()

    def _trouble(self, act: Trouble) -> ProviderSaid:
        """`request_id` is told on only where the client waits for what was refused."""
        if act.code in OVER_WITH and not act.request_id:
            return [act]  # the call goes on with another connection
        # Not every provider says which message it means; the first answer of all is that to the opening.
        if self._opening_id and act.request_id in ("", self._opening_id):
            self.due_us = None
            return [Trouble(act.code, act.message, self._opening_id)]
        if (update := self._updates.pop(act.request_id, None)) is not None:
            field = min(update.changed, default="")
            return [Refused(field, act.message, update.request_id, act.code)]
        return [self._replies.troubled(act)]

    def _speech_started(self, act: SpeechStarted) -> ProviderSaid:
        self._microphone.speaking = True
        said: ProviderSaid = [act]
        turns = self._config.turns
        if turns.interrupts and turns.replies:
            self._replies.forget_wanted()  # the provider begins one when this is over
        if turns.interrupts:
            said += self._replies.spoken_over()
        return [*said, *self._microphone.seen()]

    def _speech_stopped(self, act: SpeechStopped) -> ProviderSaid:
        self._microphone.speaking = False
        return [act]

    def _user_turn(self, act: UserTurn) -> ProviderSaid:
        self._microphone.speaking = False
        return [act]

    def _item(self, act: UserText | PastTold | ItemTaken) -> ProviderSaid:
        # What we told of the past was said long ago: it is not to be remembered once more.
        return [] if act.item_id.startswith(resume.ITEM_ID) else [act]

    def _begun(self, act: ReplyBegun) -> ProviderSaid:
        self._replies.begun(act.reply_id)
        return [*self._heard_out(), act]

    def _audio(self, act: ReplyAudio) -> ProviderSaid:
        if self._output != act.format:
            act = msgspec.structs.replace(act, format=self._output)
        self._replies.heard(act.item_id, base64_bytes(act.base64), act.format)
        return [act]

    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        return self._learned.alike(payload, act)

    def heard_unread(self, crossed: Crossed) -> None:
        if isinstance(crossed.said, ReplyAudio):
            self._replies.heard(crossed.said.item_id, crossed.audio_bytes, crossed.said.format)

    def _call(self, act: ToolCall) -> ProviderSaid:
        self._calls.called(act)
        return [act]

    def _done(self, act: ReplyDone) -> ProviderSaid:
        calls = self._calls.any_of(act.reply_id)
        if act.status != "completed":
            self._calls.drop(act.reply_id)
        next_ = self._replies.done(act.reply_id)
        waits = self._terms.reply_ends == "heard" and act.status == "completed" and not calls
        if not waits or next_ or self._replies.heard_us <= self._now_us():
            return [act, *next_]
        self._unheard = act
        self.due_us = self._replies.heard_us
        return [ReplyMade(act.reply_id)]

    def _cut_off(self, said: ProviderSaid) -> ProviderSaid:
        """Of a reply that is only being played nothing more comes once it is cut short."""
        cut = any(isinstance(one, Interrupted) for one in said)
        return [*said, *self._heard_out()] if cut else said

    def _heard_out(self) -> ProviderSaid:
        """A reply that was made and is being played is over now."""
        if self._unheard is None:
            return []
        act, self._unheard, self.due_us = self._unheard, None, None
        return [act]


# Each is given the wishes, or the acts, that it is filed under.
_TELLERS: dict[type[Wish], Callable[[Translated, Any], ProviderSaid]] = {
    Configure: Translated._configure,
    UserAudio: Translated._user_audio,
    UserImage: Translated._user_image,
    SpeechBegins: Translated._speech_begins,
    SpeechEnds: Translated._speech_ends,
    AudioPauses: Translated._audio_pauses,
    CommitAudio: Translated._commit,
    ClearAudio: Translated._clear,
    Say: Translated._say,
    SayCall: Translated._say_call,
    AnswerTool: Translated._answer_tool,
    AskReply: Translated._ask_reply,
    StopReply: Translated._stop_reply,
    Truncate: Translated._truncate,
    Delete: Translated._delete,
}
_HEARERS: dict[type[Act], Callable[[Translated, Any], ProviderSaid]] = {
    Ready: Translated._ready,
    Pinged: lambda side, act: [],
    Configured: Translated._configured,
    Trouble: Translated._trouble,
    SpeechStarted: Translated._speech_started,
    SpeechStopped: Translated._speech_stopped,
    UserTurn: Translated._user_turn,
    UserText: Translated._item,
    PastTold: Translated._item,
    ItemTaken: Translated._item,
    ReplyBegun: Translated._begun,
    ReplyAudio: Translated._audio,
    ToolCall: Translated._call,
    ReplyDone: Translated._done,
}
