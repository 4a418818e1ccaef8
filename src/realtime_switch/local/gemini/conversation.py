"""One call in the Gemini Live dialect, pure: told what the client sent and what time it is, it answers with
orders.

Promises (tests/local/test_gemini_conversation_laws.py): no message makes it raise; every turn that was begun
ends in exactly one turnComplete with its usage, or with the call; what is interrupted has no
generationComplete after it; nothing is said before setupComplete or after the close.
"""

from collections.abc import Callable

import msgspec

from realtime_switch.local.faults import Faults
from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.auth_tokens import Grant
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.handles import Handles, Session
from realtime_switch.local.gemini.hearing import duration
from realtime_switch.local.gemini.life import Life, life
from realtime_switch.local.gemini.messages import client_reader
from realtime_switch.local.gemini.outbox import Outbox
from realtime_switch.local.gemini.proto import Json, Refused, invalid
from realtime_switch.local.gemini.reply import Tempo
from realtime_switch.local.gemini.setup import Setup, read_setup
from realtime_switch.local.gemini.talk import Talk
from realtime_switch.local.orders import End, Order
from realtime_switch.local.thought import Think


class Conversation:
    def __init__(
        self,
        *,
        habits: Habits,
        version: str,
        models: tuple[str, ...],
        admitted: Grant | End | None,
        handles: Handles,
        life: Life,
        tempo: Tempo,
        think: Think,
        new_id: Callable[[str], str],
        now_us: Callable[[], int],
    ) -> None:
        self._habits = habits
        self._version = version
        self._models = models
        self._refusal = admitted if isinstance(admitted, End) else None
        self._grant = admitted if isinstance(admitted, Grant) else None
        self._handles = handles
        self._life = life
        self._tempo = tempo
        self._think = think
        self._new_id = new_id
        self._now_us = now_us
        self._begun_us = now_us()
        self._outbox = Outbox()
        self._read = client_reader(habits)
        self._goaway_due = life.goaway_s is not None
        self._ended = False
        self._talk: Talk | None = None

    # What the socket tells.

    @property
    def due_us(self) -> int | None:
        if self._ended:
            return None
        own = [self._us(self._life.end_s)]
        if self._goaway_due and self._life.goaway_s is not None:
            own.append(self._us(self._life.goaway_s))
        if self._talk is not None and (reply_us := self._talk.due_us) is not None:
            own.append(reply_us)
        return min(own)

    def begin(self) -> list[Order]:
        return []

    def receive(self, message: bytes) -> list[Order]:
        return self._do(lambda: self._obey(message))

    def heard(self, key: int, words: str | None) -> list[Order]:
        talk = self._talk
        return [] if talk is None else self._do(lambda: talk.heard(key, words))

    def voiced(self, key: str, pcm: bytes) -> list[Order]:
        talk = self._talk
        return [] if talk is None else self._do(lambda: talk.voiced(key, pcm))

    def tick(self) -> list[Order]:
        return self._do(self._tick)

    def live_on(self, faults: Faults) -> None:
        if faults.expire_after_s is not None or faults.goaway_after_s is not None:
            self._begun_us = self._now_us()
            self._life = life(0.0, faults)
            self._goaway_due = self._life.goaway_s is not None

    def gone(self) -> None:
        self._leave()

    def _do(self, step: Callable[[], None]) -> list[Order]:
        if self._ended:
            return []
        try:
            step()
        except Refused as refused:
            self._ended = True
            self._outbox.order(refused.end)
            # At once, because who is sent away comes back before its socket is gone.
            self._leave()
        return self._outbox.take()

    def _tick(self) -> None:
        now = self._now_us()
        if self._goaway_due and self._life.goaway_s is not None and now >= self._us(self._life.goaway_s):
            self._goaway_due = False
            left_ms = round((self._life.end_s - self._life.goaway_s) * 1000)
            self._outbox.emit({"goAway": {"timeLeft": duration(left_ms)}})
        if now >= self._us(self._life.end_s):
            raise Refused(self._life.end)
        if self._talk is not None:
            self._talk.tick()

    def _obey(self, message: bytes) -> None:
        # Not before: Google's SDK reports a close as its own error only where the setup was sent.
        if self._refusal is not None:
            raise Refused(self._refusal)
        try:
            said = self._read(msgspec.json.decode(message), "")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise Refused(closes.no_json("It cannot be parsed.")) from None
        if len(said) != 1:
            raise invalid()
        [(kind, content)] = said.items()
        if self._talk is None and kind == "setup":
            self._set_up(content)
        elif self._talk is None or kind == "setup":
            raise invalid()
        else:
            _OBEY[kind](self._talk, content)

    def _set_up(self, wire: Json) -> None:
        if self._grant is not None:
            wire = self._grant.constrained(wire)
        setup = read_setup(wire, self._habits)
        if self._models and setup.model not in self._models:
            raise Refused(closes.no_such_model(wire["model"], self._version))
        session = self._session(setup)
        self._talk = Talk(
            self._habits,
            setup,
            session,
            self._handles,
            self._outbox,
            self._tempo,
            think=self._think,
            new_id=self._new_id,
            now_us=self._now_us,
        )
        self._outbox.emit(
            {"setupComplete": {"sessionId": self._new_id("sess")} if self._habits.vertex else {}}
        )
        self._talk.tell_handle()

    def _session(self, setup: Setup) -> Session:
        if setup.handle is None:
            if self._grant is not None:
                self._grant.use()
            return Session(setup.model)
        session = self._handles.find(setup.handle)
        if session is None:
            raise Refused(closes.NO_SUCH_SESSION)
        if session.held:
            raise Refused(closes.INTERNAL)  # 9: too soon, or a half-dead connection still has it
        if session.model != setup.model:
            raise invalid()
        self._handles.hold(session)
        return session

    def _leave(self) -> None:
        if self._talk is not None:
            self._handles.leave(self._talk.session)
            self._talk = None

    def _us(self, after_s: float) -> int:
        return self._begun_us + int(after_s * 1e6)


_OBEY: dict[str, Callable[[Talk, Json], None]] = {
    "clientContent": Talk.content,
    "realtimeInput": Talk.realtime,
    "toolResponse": Talk.results,
    "contextUpdate": Talk.update,
}
