"""Towards GPT-Live for a client of another dialect: what it wishes, as commands (TRANSLATION-GPT-LIVE.md 5,
6).

The voice takes sound, and words about how to speak; what a client types, and what its tools answer, goes to
the backend, which has the voice say what it makes of it. Nothing can be stopped, taken back or deleted.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ..acts import (
    Act,
    AudioSent,
    Configured,
    ItemTaken,
    PastTold,
    Ready,
    Refused,
    ReplyTruncated,
    StartOver,
    ToolAnswered,
    Trouble,
    UserText,
)
from ..dialect import NewId, NowUs, ProviderSaid
from ..sound import Converter, base64_bytes, standard
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
from . import frames, start_out
from .context import pieces
from .hearing_in_turns import HearingInTurns
from .items_out import Buffer, answered, typed
from .silence import Feeder

_NO_TURNS = "GPT-Live has no turns: it finds by itself when the user has spoken, and answers when it likes."
_FULL = "More is waiting to be told to this backend than it takes; ask for a response first."
_OUTPUTS_FIRST = "All function call outputs are required before a response can be asked for."
_RUNS = "conversation_already_has_active_response"
_SPEAK = "[Speak to the user now.]"


class Wished:
    def __init__(self, target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> None:
        self._target = target
        self._terms = terms
        self._new_id = new_id
        self._now_us = now_us
        self._config = Config()
        self._refused: list[Refused] = []  # of the opening; said when that is answered
        self._updates: dict[str, Configure] = {}  # not confirmed yet, by our name for the command
        self._hearing = HearingInTurns(new_id, self._updated)
        self._turned = self._hearing.turned
        self._feeder: Feeder | None = None  # the session has not started
        self._converter: tuple[Any, Converter] | None = None  # from that format
        self._buffer = Buffer()  # of the backend
        self._runs = False  # it was asked to go on, and the voice has not spoken since
        self._earlier: dict[str, str] = {}  # calls that an earlier provider made, and their names
        self._answered: set[str] = set()
        self._asked_by: dict[str, str] = {}  # by our name for the command that asks for a reply

    # -- How the call is to be held --------------------------------------------------------------------------

    def opening(self, config: Config, history: str) -> list[bytes]:
        self._config = config
        self._refused = start_out.refusals(config, self._terms)
        session = start_out.session(config, self._target, self._terms, history)
        return [frames.write("session.start", session=session)]

    def _configure(self, wish: Configure) -> ProviderSaid:
        """Only the backend can be changed, and instructions added. Before anybody has said a word there may
        as well be another session."""
        old, new = self._config, wish.config
        told = {refused.field for refused in start_out.refusals(old, self._terms)}
        for refused in start_out.refusals(new, self._terms):
            if refused.field not in told:
                return [replace(refused, request_id=wish.request_id)]
        fixed = next((name for name in ("voice", "input", "output") if _differ(old, new, name)), "")
        if self._turned.untouched and (fixed or old.instructions != new.instructions):
            return [StartOver()]
        if fixed:
            why = "GPT-Live fixes it when the session starts; it cannot be changed now."
            return [Refused(fixed, why, wish.request_id)]
        added = new.instructions
        if added.startswith(old.instructions):
            added = added.removeprefix(old.instructions)
        elif self._terms.strict:
            why = "GPT-Live's instructions can be added to, and not replaced."
            return [Refused("instructions", why, wish.request_id)]
        else:
            added = f"[These take the place of what you were told:]\n{added}"
        said: ProviderSaid = [*self._append("instructions", added)]
        self._config = new
        if not any(_differ(old, new, name) for name in _BACKEND):
            return [*said, Configured(b"", self._hearing.format.bytes_per_ms)]
        event_id = self._new_id("event")
        self._updates[event_id] = wish
        changed = start_out.delegation(new, self._terms)
        return [*said, frames.write("session.update", event_id=event_id, session={"delegation": changed})]

    def _updated(self, event_id: str) -> None:
        """Azure does not name the command that it answers; they are answered in order."""
        self._updates.pop(event_id or next(iter(self._updates), ""), None)

    def _append(self, what: str, text: str) -> list[bytes]:
        return [
            frames.write(f"session.{what}.append", content=piece, delegation_id=None)
            for piece in pieces(text)
        ]

    # -- The user --------------------------------------------------------------------------------------------

    def _user_audio(self, wish: UserAudio) -> ProviderSaid:
        if self._feeder is not None:
            self._feeder.heard(self._now_us())
        return self._sent(self._converted(wish))

    def _converted(self, wish: UserAudio) -> str:
        spoken = start_out.spoken(self._config)
        if wish.format == spoken:
            return standard(wish.base64.encode("utf-8", "replace"))
        if self._converter is None or self._converter[0] != wish.format:
            self._converter = (wish.format, Converter(wish.format, spoken))
        return self._converter[1].convert(wish.base64)

    def _sent(self, base64: str) -> ProviderSaid:
        return [frames.audio(base64), AudioSent(base64_bytes(base64))] if base64 else []

    @property
    def due_us(self) -> int | None:
        return self._feeder.due_us if self._feeder is not None else None

    def woke(self) -> ProviderSaid:
        piece = self._feeder.woke(self._now_us()) if self._feeder is not None else None
        return self._sent(piece.base64) if piece is not None else []

    def _user_image(self, wish: UserImage) -> ProviderSaid:
        return [Refused("realtimeInput.video", "GPT-Live sees nothing.")]

    def _speech(self, wish: SpeechBegins | SpeechEnds) -> ProviderSaid:
        return [Refused("manual_turns", _NO_TURNS)]

    def _pause(self, wish: AudioPauses) -> ProviderSaid:
        return []  # silence is fed

    def _commit(self, wish: CommitAudio | ClearAudio) -> ProviderSaid:
        return [Refused("manual_turns", _NO_TURNS, wish.request_id)]

    # -- The conversation ------------------------------------------------------------------------------------

    def _say(self, wish: Say) -> ProviderSaid:
        if wish.spoken:
            why = "GPT-Live hears sound as it is spoken, and not as an item."
            return [Refused(wish.spoken[0].path, why, wish.request_id)]
        if wish.role == "system":
            return [*self._append("instructions", wish.text), ItemTaken(wish.item_id)]
        if wish.role == "agent":
            return self._past(wish.item_id, f"[You have said before: {wish.text}]", wish.request_id)
        if not self._buffer.take(item := typed(wish)):
            return [Refused("item", _FULL, wish.request_id, "response_input_buffer_full")]
        text = [UserText(wish.item_id, wish.text)] if wish.text else []
        return [frames.write("response.item.create", item=item), *text, ItemTaken(wish.item_id)]

    def _say_call(self, wish: SayCall) -> ProviderSaid:
        if wish.awaited:  # its answer is told when it comes
            self._earlier[wish.call_id] = wish.name
            return [ItemTaken(wish.item_id)]
        said = f"[You have called the tool {wish.name} before, with {wish.arguments}]"
        self._answered.add(wish.call_id)
        return self._past(wish.item_id, said, wish.request_id)

    def _past(self, item_id: str, text: str, request_id: str) -> ProviderSaid:
        """An assistant's words can be told when a session begins; later they are something to know."""
        if self._terms.strict:
            return [Refused("item.role", "GPT-Live takes nothing of the past in mid-call.", request_id)]
        return [*self._append("thinking", text), PastTold(item_id), ItemTaken(item_id)]

    def _answer_tool(self, wish: AnswerTool) -> ProviderSaid:
        if wish.more:  # the last of them says it all
            return [*self._append("thinking", f"[A tool that still works says: {wish.output}]")]
        said: ProviderSaid = [ToolAnswered(wish.call_id, wish.output), ItemTaken(wish.item_id)]
        name = self._hearing.calls.get(wish.call_id)
        if name is None and wish.call_id in self._answered and not self._terms.strict:
            return [*self._append("thinking", f"[The tool answered: {wish.output}]"), *said]
        if name is None and wish.call_id not in self._earlier:
            why = f"Tool call ID '{wish.call_id}' not found in conversation."
            return [Refused("item.call_id", why, wish.request_id, "invalid_tool_call_id")]
        item = answered(wish, self._earlier.get(wish.call_id, ""))
        if not self._buffer.take(item):
            return [Refused("item", _FULL, wish.request_id, "response_input_buffer_full")]
        self._hearing.calls.pop(wish.call_id, None)
        self._earlier.pop(wish.call_id, None)
        told = frames.write("response.item.create", item=item)
        return [told, *said, *([] if self._open else self._run())]

    @property
    def _open(self) -> bool:
        """Calls wait for their answers."""
        return bool(self._hearing.calls or self._earlier)

    def _run(self, request_id: str = "") -> ProviderSaid:
        """The backend is to go on with what it was told."""
        self._buffer.clear()
        self._runs = True
        return [frames.write("response.create", event_id=self._name(request_id))]

    def _name(self, request_id: str) -> str:
        event_id = self._new_id("event")
        self._asked_by[event_id] = request_id
        return event_id

    # -- Replies ---------------------------------------------------------------------------------------------

    def _ask_reply(self, wish: AskReply) -> ProviderSaid:
        for extra in wish.extras:
            if self._terms.strict or not extra.ignorable:
                why = f"{extra.path} is not available on GPT-Live."
                return [Refused(extra.path, why, wish.request_id)]
        if wish.instructions and self._terms.strict:
            why = "GPT-Live has no instructions for one response."
            return [Refused("response.instructions", why, wish.request_id)]
        reply_id = self._turned.reply_id
        if reply_id and self._runs:
            return []  # what was answered is spoken of next
        if reply_id and not wish.interrupts:
            why = f"Conversation already has an active response in progress: {reply_id}."
            return [Refused("", why, wish.request_id, _RUNS)]
        if self._buffer.items and self._open:
            return [Refused("", _OUTPUTS_FIRST, wish.request_id, "function_call_outputs_required")]
        left = self._turned.leave() if reply_id else []
        return [*left, *self._asked(wish), *self._turned.ask(wish.metadata)]

    def _asked(self, wish: AskReply) -> ProviderSaid:
        told = self._append("instructions", wish.instructions) if wish.instructions else []
        if self._buffer.items:
            return [*told, *self._run(wish.request_id)]
        if self._runs:
            return [*told]
        event_id = self._name(wish.request_id)
        speak = {"content": _SPEAK, "delegation_id": None, "event_id": event_id}
        return [*told, frames.write("session.commentary.append", **speak)]

    def _stop_reply(self, wish: StopReply) -> ProviderSaid:
        reply_id = self._turned.reply_id
        if not reply_id or wish.reply_id not in ("", reply_id):
            why = "Cancellation failed: no active response found"
            return [Refused("response_id", why, wish.request_id, "response_cancel_not_active")]
        if self._terms.strict:
            return [Refused("", "Nothing stops GPT-Live's voice.", wish.request_id)]
        return [*self._append("instructions", "Stop speaking now, and listen."), *self._turned.leave()]

    def _truncate(self, wish: Truncate) -> ProviderSaid:
        """In our memory alone."""
        return [ReplyTruncated(wish.item_id, wish.heard_ms)]

    def _delete(self, wish: Delete) -> ProviderSaid:
        return [Refused("item_id", "GPT-Live cannot forget what it was told.", wish.request_id)]

    def tell(self, wish: Wish) -> ProviderSaid:
        return _TELLERS[type(wish)](self, wish)

    # -- What the provider says ------------------------------------------------------------------------------

    def hear(self, payload: bytes) -> ProviderSaid:
        spoke = self._turned.spoken
        said: ProviderSaid = []
        for act in self._hearing.hear(payload):
            said += self._heard(act)
        if self._turned.spoken != spoke:
            self._runs = False
        return said

    def _heard(self, act: Act) -> ProviderSaid:
        if isinstance(act, Ready):
            self._feeder = Feeder(start_out.spoken(self._config), self._now_us())
            refused, self._refused = self._refused, []
            return [act, *refused] if refused else [act, Configured(b"", act.audio_bytes_per_ms)]
        if isinstance(act, Trouble):
            return [self._trouble(act)]
        return [act]

    def _trouble(self, act: Trouble) -> Act:
        """`request_id` is told on only where the client waits for what was refused."""
        if (update := self._updates.pop(act.request_id, None)) is not None:
            return Refused(min(update.changed, default=""), act.message, update.request_id, act.code)
        return replace(act, request_id=self._asked_by.pop(act.request_id, ""))


def _differ(old: Config, new: Config, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


_BACKEND = ("tools", "tool_choice", "parallel_tools", "thinking")

# Each is given the wishes that it is filed under.
_TELLERS: dict[type[Wish], Callable[[Wished, Any], ProviderSaid]] = {
    Configure: Wished._configure,
    UserAudio: Wished._user_audio,
    UserImage: Wished._user_image,
    SpeechBegins: Wished._speech,
    SpeechEnds: Wished._speech,
    AudioPauses: Wished._pause,
    CommitAudio: Wished._commit,
    ClearAudio: Wished._commit,
    Say: Wished._say,
    SayCall: Wished._say_call,
    AnswerTool: Wished._answer_tool,
    AskReply: Wished._ask_reply,
    StopReply: Wished._stop_reply,
    Truncate: Wished._truncate,
    Delete: Wished._delete,
}
