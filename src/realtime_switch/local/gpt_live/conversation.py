"""One call in GPT-Live's dialect, pure: told what the client sent and what time it is, it answers with
orders.

Silent until `session.start`; then the session's clock is the client's sound (talk.py), and only its ends and
its patience are by the clock on the wall.

Promises (tests/local/test_gpt_live_conversation.py): no message makes it raise; a session that has started
and is closed by whatever reason says so once, with its seconds, and nothing after it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from realtime_switch.local.faults import Faults
from realtime_switch.local.gpt_live.habits import LiveHabits
from realtime_switch.local.gpt_live.outbox import Outbox
from realtime_switch.local.gpt_live.start import Held, Mistake, read_start
from realtime_switch.local.gpt_live.talk import SessionEnds, Talk
from realtime_switch.local.orders import End, Order
from realtime_switch.local.thought import Think

_Json = dict[str, Any]

_GOES_AFTER_MS = 2_000  # an error in place of session.started (GPT-LIVE.md 9)


class Conversation:
    def __init__(
        self,
        *,
        habits: LiveHabits,
        models: tuple[str, ...],
        start_error: str,
        life_s: float,
        think: Think,
        new_id: Callable[[str], str],
        now_us: Callable[[], int],
    ) -> None:
        """`start_error`: what every start is answered with."""
        self._habits = habits
        self._models = models
        self._start_error = start_error
        self._life_s = life_s
        self._think = think
        self._new_id = new_id
        self._now_us = now_us
        self._outbox = Outbox(new_id, habits)
        self._held: Held | None = None
        self._talk: Talk | None = None
        self._session: _Json = {}
        self._starts_us: int | None = None
        self._expires_us: int | None = None
        self._deaf_us: int | None = None
        self._closes_us: int | None = None
        self._closes_with = ("", "")  # a reason, and who asked for it
        self._goes_us: int | None = None
        self._ended = False

    # -- What the socket tells -----------------------------------------------------------------------------

    @property
    def due_us(self) -> int | None:
        moments = (self._starts_us, self._expires_us, self._deaf_us, self._closes_us, self._goes_us)
        return None if self._ended else min((at for at in moments if at is not None), default=None)

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
        if faults.expire_after_s is not None and self._talk is not None:
            self._expires_us = self._now_us() + int(faults.expire_after_s * 1e6)

    def gone(self) -> None:
        self._ended = True

    def _do(self, step: Callable[[], None]) -> list[Order]:
        if self._ended:
            return []
        try:
            step()
        except SessionEnds as ends:
            self._close(ends.reason)
        return self._outbox.take()

    def _tick(self) -> None:
        now = self._now_us()
        if self._goes_us is not None and now >= self._goes_us:
            self._end()
        elif self._starts_us is not None and now >= self._starts_us:
            self._starts_us = None
            self._started()
        elif self._closes_us is not None and now >= self._closes_us:
            self._close(*self._closes_with)
        elif any(at is not None and now >= at for at in (self._expires_us, self._deaf_us)):
            self._close("expired")

    # -- What the client says ------------------------------------------------------------------------------

    def _obey(self, payload: bytes) -> None:
        if self._goes_us is not None:
            return
        message = _read(payload)
        asked_by = message.get("event_id")
        asked_by = asked_by if isinstance(asked_by, str) else ""
        try:
            self._do_as(message, asked_by)
        except Mistake as mistake:
            self._outbox.error(mistake.code, mistake.message, mistake.param, asked_by)
            if self._talk is None:
                self._goes_us = self._now_us() + _GOES_AFTER_MS * 1000

    def _do_as(self, message: _Json, asked_by: str) -> None:
        kind = message.get("type")
        if self._talk is None:
            self._begin_with(kind, message)
        elif self._closes_us is not None:
            raise Mistake("invalid_value", "The session is being closed.", "type")
        elif kind == "session.close":
            self._talk.close()
            self._closes_with = ("close_requested", asked_by)
            self._closes_us = self._now_us() + self._habits.drain_ms * 1000
            if not self._habits.drain_ms:
                self._close(*self._closes_with)
        elif kind == "session.update":
            self._talk.update(message)
            self._outbox.emit("session.updated", asked_by, session=self._resource())
        elif isinstance(kind, str) and (obey := _OBEY.get(kind)) is not None:
            self._deaf_us = None if kind == "session.input_audio.append" else self._deaf_us
            obey(self._talk, message)
        else:
            raise Mistake("invalid_value", f"Invalid value: '{str(kind)[:80]}'.", "type")

    def _begin_with(self, kind: Any, message: _Json) -> None:
        if self._starts_us is not None:
            return  # what comes too early is lost (GPT-LIVE.md 2)
        if kind != "session.start":
            raise Mistake("invalid_value", "The first event must be session.start.", "type")
        held = read_start(message.get("session"), self._models)
        if self._start_error:
            raise Mistake(self._start_error, "A fault was asked for.")
        self._held = held
        if self._habits.start_after_ms:
            self._starts_us = self._now_us() + self._habits.start_after_ms * 1000
        else:
            self._started()

    def _started(self) -> None:
        held = self._held
        assert held is not None
        now = self._now_us()
        self._expires_us = now + int(self._life_s * 1e6)
        self._deaf_us = now + self._habits.deaf_after_ms * 1000
        self._session = {
            "id": self._new_id("live"),
            "expires_at": self._expires_us // 1_000_000,
            "status": "active",
        }
        self._talk = Talk(held, self._habits, self._outbox, think=self._think, new_id=self._new_id)
        self._outbox.emit("session.started", session=self._resource())

    def _resource(self) -> _Json:
        assert self._held is not None
        audio = self._held.session.get("audio") or {}
        resolved = {
            "instructions": self._held.instructions,
            "audio": {**audio, "output": {"voice": self._held.voice}},
            "delegation": {"type": "client"},
            "input": [],
        }
        return {**resolved, **{k: v for k, v in self._held.session.items() if k != "audio"}, **self._session}

    # -- The end -------------------------------------------------------------------------------------------

    def _close(self, reason: str, asked_by: str = "") -> None:
        assert self._talk is not None
        seconds, untold_ms = self._talk.final()
        self._outbox.emit(
            "session.closed",
            asked_by,
            time_ms=untold_ms,
            reason=reason,
            usage={"seconds": seconds},
            session=self._resource(),
        )
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._outbox.order(End(1000, ""))


def _read(payload: bytes) -> _Json:
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return message if isinstance(message, dict) else {}


_OBEY: dict[str, Callable[[Talk, _Json], None]] = {
    "session.input_audio.append": Talk.audio,
    "session.input_audio.mute": Talk.mute,
    "session.input_audio.unmute": Talk.unmute,
    "session.output_audio.fixture.play": Talk.fixture,
    "session.instructions.append": Talk.append,
    "session.thinking.append": Talk.append,
    "session.commentary.append": Talk.append,
    "response.item.create": Talk.backend_item,
    "response.create": Talk.backend_asked,
}
