"""Towards Gemini, in a client's place: what it says is heard (hearing.py), what a client wants is told to it.

Gemini has no items, no ids, no errors and no way to stop it. What it lacks is answered from what is known
here, or refused by name; the table is TRANSLATION.md 2.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ..acts import (
    Act,
    ItemDeleted,
    ItemTaken,
    PastTold,
    Refused,
    ReplyAudio,
    ReplyTranscript,
    ReplyTruncated,
    SpeechStarted,
    StartOver,
    UserText,
)
from ..dialect import Manner, NewId, NowUs, ProviderSaid
from ..envelopes import Alike, Crossed, Envelope
from ..sound import PCM_24K
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
from . import frames, setup_out
from .answers import Answers
from .asking import TOO_MUCH, Queue, typed
from .closes import trouble
from .hearing import Hearing
from .holding import Holding
from .proofs import proven_audio
from .speech import Speech
from .users import Users


class ProviderSide:
    manner = Manner.ANSWERS
    last_word = b""
    stop_reply = b""  # only a user's voice does (GEMINI-LIVE.md)

    def __init__(self, target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> None:
        self._target = target
        self._terms = terms
        self._users = Users(new_id)
        self._speech = Speech(target, terms, self._users, now_us)
        self._hearing = Hearing(new_id, now_us, self._users, self._speech.input_ms)
        self._replies = self._hearing.replies
        self._holding = Holding(target, terms)
        self._start_over = False  # as soon as nothing is being said
        self._queue = Queue(terms.waiting_bytes_max)
        self._answers = Answers(self._hearing.calls, self._queue, now_us)

    # -- Hearing -----------------------------------------------------------------------------------------

    def hear(self, payload: bytes) -> ProviderSaid:
        hearing = self._hearing
        if (audio := self.hear_audio(payload)) is not None:
            return audio
        if self._holding.config is None:
            return [*hearing.hear(payload, payload)]
        waited = not hearing.ready
        said: ProviderSaid = [*hearing.hear(payload, b"")]
        if waited and hearing.ready:
            first, refusals = self._holding.opened()
            said = [*first, *said, *refusals]
        if self._queue.has_turns and any(type(act) is SpeechStarted for act in said):
            said += self._tell_before_speech()
        if self._start_over:
            said += self._begin_anew()
        return said

    def hear_audio(self, payload: bytes) -> ProviderSaid | None:
        base64 = proven_audio(payload)
        return None if base64 is None else [*self._replies.audio(base64, PCM_24K)]

    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        return self._replies.alike(act)

    def heard_unread(self, crossed: Crossed) -> None:
        self._replies.heard_unread(crossed)

    def _tell_before_speech(self) -> list[bytes]:
        """The model answers the user's speech unasked, and is to know by then what the client has added."""
        if not self._takes_content():
            return []
        return [frames.content(self._queue.take_turns(), complete=False)]

    def passed(self, base64_chars: int) -> Sequence[Act]:
        return self._replies.passed(base64_chars)

    def closed(self, code: int, reason: str) -> Sequence[Act]:
        return trouble(code, reason, self._hearing.ready)

    @property
    def due_us(self) -> int | None:
        waits = (self._speech.due_us, self._answers.due_us, self._replies.due_us)
        due = [us for us in waits if us is not None]
        return min(due) if due else None

    def woke(self) -> ProviderSaid:
        said: ProviderSaid = [*self._speech.woke(), *self._answers.woke()]
        return [*said, *self._replies.woke(), *self._begin_anew()]

    # -- How the call is to be held ----------------------------------------------------------------------

    def opening(self, config: Config, history: str, handle: str = "") -> list[bytes]:
        setup = self._holding.open(config, history, handle)
        self._hear_as(config)
        return [setup]

    def _hear_as(self, config: Config) -> None:
        replies = self._replies
        replies.text_only = config.text_only
        replies.writes = setup_out.writes(config, self._target.profile)
        replies.ends_when_made = self._terms.reply_ends == "made"
        self._users.manual = config.manual_turns

    def _configure(self, wish: Configure) -> ProviderSaid:
        said: ProviderSaid = [*self._holding.change(wish, self._replies.has_spoken)]
        if any(isinstance(one, StartOver) for one in said):
            self._start_over = True
            return []
        if self._holding.config is not None:
            self._hear_as(self._holding.config)
        return said

    def _begin_anew(self) -> ProviderSaid:
        """Not in the middle of a reply."""
        if not self._start_over or self._replies.reply is not None:
            return []
        self._start_over = False
        return [StartOver()]

    # -- The user ----------------------------------------------------------------------------------------

    def envelope(self, wish: UserAudio) -> Envelope | None:
        return self._speech.envelope(wish)

    def told_unread(self, crossed: Crossed) -> None:
        self._speech.told_unread(crossed)

    def _user_image(self, wish: UserImage) -> ProviderSaid:
        return [frames.video(wish.base64, wish.mime_type)]

    def _speech_begins(self, wish: SpeechBegins) -> ProviderSaid:
        if self._speech.begun:
            return []
        left = self._replies.leave_running()
        self._replies.interrupts = self._replies.old_turn
        return [*left, self._speech.begin()]

    # -- The conversation --------------------------------------------------------------------------------

    def _takes_content(self) -> bool:
        return self._target.profile.content == "always" or not self._replies.has_spoken

    def _say(self, wish: Say) -> ProviderSaid:
        if wish.role == "system":
            return self._say_as_system(wish)
        if wish.role == "agent" and not self._takes_content():
            why = "This model takes the agent's own words only before its first turn."
            return [Refused("item.role", why, wish.request_id)]
        if wish.spoken:
            return self._say_aloud(wish)
        if not self._queue.say(wish):
            return [Refused("item", TOO_MUCH, wish.request_id)]
        if wish.role == "agent":
            return [PastTold(wish.item_id), ItemTaken(wish.item_id)]
        return [*([UserText(wish.item_id, wish.text)] if wish.text else []), ItemTaken(wish.item_id)]

    def _say_aloud(self, wish: Say) -> ProviderSaid:
        """Where the client marks its turns, as one of them; else the service would look for turns in it."""
        if self._terms.strict or not self._users.manual:
            why = "This backend takes audio only through input_audio_buffer.append."
            return [Refused(wish.spoken[0].path, why, wish.request_id)]
        # It is not deleted in part, so what is written beside the sound goes by no name.
        beside = replace(wish, item_id="", spoken=())
        if not self._queue.say(beside):
            return [Refused("item", TOO_MUCH, wish.request_id)]
        if not self._speech.add_turn(wish):
            self._queue.take_back()
            return [Refused("item", TOO_MUCH, wish.request_id)]
        text = [UserText(wish.item_id, wish.text)] if wish.text else []
        return [*text, ItemTaken(wish.item_id), *self._speech.turn_added(wish)]

    def _say_as_system(self, wish: Say) -> ProviderSaid:
        update = self._holding.add(wish.text)
        if update is None:
            why = "This model takes no words of the system once the session has started."
            return [Refused("item.role", why, wish.request_id)]
        return [update, ItemTaken(wish.item_id)]

    def _say_call(self, wish: SayCall) -> ProviderSaid:
        if not self._takes_content():
            why = "This model takes calls of the past only before its first turn."
            return [Refused("item.type", why, wish.request_id)]
        if not self._queue.say_call(wish):
            return [Refused("item", TOO_MUCH, wish.request_id)]
        return [PastTold(wish.item_id), ItemTaken(wish.item_id)]

    def _truncate(self, wish: Truncate) -> ProviderSaid:
        """Gemini cuts its turn by itself, where the user interrupts, and remembers what it had sent. What the
        client was told by an earlier provider is cut in our memory alone."""
        replies = self._replies
        uncut = replies.was_said(wish.item_id) and not replies.was_cut(wish.item_id)
        if uncut and self._terms.strict:
            why = "This backend truncates only what the user has interrupted."
            return [Refused("item_id", why, wish.request_id)]
        return [ReplyTruncated(wish.item_id, wish.heard_ms)]

    def _delete(self, wish: Delete) -> ProviderSaid:
        if self._queue.delete(wish.item_id):
            return [ItemDeleted(wish.item_id)]
        why = "This backend cannot forget what it was told."
        return [Refused("item_id", why, wish.request_id)]

    # -- Replies -----------------------------------------------------------------------------------------

    def _ask_reply(self, wish: AskReply) -> ProviderSaid:
        if refused := self._unanswerable(wish):
            return [refused]
        left = self._replies.leave_running()
        return [*left, *self._asked(wish.instructions), *self._replies.ask(wish.metadata)]

    def _unanswerable(self, wish: AskReply) -> Refused | None:
        for extra in wish.extras:
            if self._terms.strict or not extra.ignorable:
                why = f"{extra.path} is not available on this backend."
                return Refused(extra.path, why, wish.request_id)
        if wish.instructions and self._terms.strict:
            why = "This backend has no instructions for one response."
            return Refused("response.instructions", why, wish.request_id)
        reply = self._replies.reply
        if reply is None or reply.made or wish.interrupts:
            return None
        why = (
            f"Conversation already has an active response in progress: {reply.id}. "
            "Wait until the response is finished before creating a new one."
        )
        return Refused("", why, wish.request_id, "conversation_already_has_active_response")

    def _asked(self, instructions: str) -> list[bytes]:
        """All that waits, as what makes Gemini answer: answers of tools, turns, an activity, or nothing but
        the wish."""
        replies = self._replies
        said = self._answers.take()
        turns = self._queue.take_turns()
        if instructions:
            turns.append({"role": "user", "parts": [{"text": instructions}]})
        activity = self._speech.take()
        if turns:
            if self._takes_content():
                # A second one interrupts what the first has begun, as does an activity.
                replies.interrupts = replies.old_turn or bool(said)
                said.append(frames.content(turns, complete=not activity))
            else:
                said += typed(turns)
        if activity:
            replies.interrupts = replies.interrupts or replies.old_turn or bool(said)
            said += self._speech.in_time(activity)
        if not said and not activity:
            replies.interrupts = replies.old_turn and self._takes_content()
            said.append(frames.GO_ON if self._takes_content() else frames.text(" "))
        return said

    def _stop_reply(self, wish: StopReply) -> ProviderSaid:
        """Nothing stops Gemini; it is only not listened to until its turn is over."""
        reply = self._replies.reply
        if reply is None or wish.reply_id not in ("", reply.id):
            why = "Cancellation failed: no active response found"
            return [Refused("response_id", why, wish.request_id, "response_cancel_not_active")]
        return [*self._replies.leave("cancelled", "client_cancelled")]

    # -- Telling -----------------------------------------------------------------------------------------

    def tell(self, wish: Wish) -> ProviderSaid:
        said = _TELLERS[type(wish)](self, wish)
        return said + self._begin_anew() if self._start_over else said


# Each is given the wishes that it is filed under.
_TELLERS: dict[type[Wish], Callable[[ProviderSide, Any], ProviderSaid]] = {
    UserAudio: lambda side, wish: side._speech.heard(wish),
    UserImage: ProviderSide._user_image,
    SpeechBegins: ProviderSide._speech_begins,
    SpeechEnds: lambda side, wish: side._speech.end(),
    AudioPauses: lambda side, wish: side._speech.pauses(),
    CommitAudio: lambda side, wish: side._speech.commit(wish),
    ClearAudio: lambda side, wish: side._speech.clear(),
    Say: ProviderSide._say,
    SayCall: ProviderSide._say_call,
    AnswerTool: lambda side, wish: side._answers.add(wish),
    AskReply: ProviderSide._ask_reply,
    StopReply: ProviderSide._stop_reply,
    Truncate: ProviderSide._truncate,
    Delete: ProviderSide._delete,
    Configure: ProviderSide._configure,
}
