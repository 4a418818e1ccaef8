"""What was set up: who said what in it, and whose turn it is (GEMINI-LIVE.md 3.2 to 3.5, 5)."""

from collections.abc import Callable

import msgspec

from realtime_switch.local.billing import Line, input_tokens, text_tokens
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.handles import Handles, Session
from realtime_switch.local.gemini.hearing import Hearing
from realtime_switch.local.gemini.messages import said_in
from realtime_switch.local.gemini.outbox import Outbox
from realtime_switch.local.gemini.past import Past, given, result_text
from realtime_switch.local.gemini.proto import Json, invalid
from realtime_switch.local.gemini.reply import Phase, Reply, Tempo
from realtime_switch.local.gemini.setup import Offer, Setup, updated
from realtime_switch.local.thought import Think, Thought


class Talk:
    def __init__(
        self,
        habits: Habits,
        setup: Setup,
        session: Session,
        handles: Handles,
        outbox: Outbox,
        tempo: Tempo,
        *,
        think: Think,
        new_id: Callable[[str], str],
        now_us: Callable[[], int],
    ) -> None:
        self.session = session
        self._habits = habits
        self._setup = setup
        self._offer: Offer = setup.offer
        self._past: Past = session.past
        self._handles = handles
        self._outbox = outbox
        self._tempo = tempo
        self._think = think
        self._new_id = new_id
        self._now_us = now_us
        self._seeding = setup.seeds
        self._reply: Reply | None = None
        # Something is there to be answered, once nothing is being said or called.
        self._wanted = False
        self._results_tokens = 0
        self._lines_before: list[Line] = []
        self._hearing = Hearing(
            setup,
            habits,
            self._past,
            outbox,
            now_us=now_us,
            on_start=self._speech_started,
            on_turn=self._answer,
        )

    @property
    def due_us(self) -> int | None:
        return None if self._reply is None else self._reply.due_us

    def tick(self) -> None:
        if self._reply is not None:
            self._reply.tick()

    def heard(self, key: int, words: str | None) -> None:
        self._hearing.heard(key, words)
        self._understood()

    def voiced(self, key: str, pcm: bytes) -> None:
        if self._reply is not None and self._reply.key == key:
            self._reply.voiced(pcm)

    def tell_handle(self) -> None:
        if self._setup.resumes:
            handle = self._handles.handle(self.session)
            self._outbox.emit({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})

    # What the client asks.

    def content(self, wire: Json) -> None:
        self._interrupt()  # 3.2: always
        for content in wire.get("turns", ()):
            if content.get("role") == "system" and self._habits.vertex:
                self._offer = msgspec.structs.replace(self._offer, instructions=said_in(content))
            else:
                self._past.entries.extend(given(content))
        if wire.get("turnComplete", False):
            if self._seeding:
                self._seeding = False
            else:
                self._answer()

    def realtime(self, wire: Json) -> None:
        if len(wire) > 1:
            raise invalid()
        for kind, value in wire.items():
            match kind:
                case "audio":
                    self._hearing.audio(value)
                case "video":
                    self._hearing.video(value)
                case "mediaChunks":
                    self._chunk(value)
                case "text":
                    self._text(value)
                case "activityStart":
                    self._hearing.activity_start()
                case "activityEnd":
                    self._hearing.activity_end()
                case "audioStreamEnd" if value:
                    self._hearing.stream_end()

    def results(self, wire: Json) -> None:
        wanted = False
        for result in wire.get("functionResponses", ()):
            wanted |= self._result(result)
        if wanted and not self._past.blocking:
            self._answer()
        elif self._reply is not None and self._reply.phase is Phase.OPEN and not self._past.calls:
            self._reply.finish()  # all was silent: nothing will be said of it

    def update(self, wire: Json) -> None:
        self._offer = updated(self._offer, wire, self._habits)

    def _chunk(self, chunks: list[Json]) -> None:
        for chunk in chunks[:1]:
            spoken = chunk.get("mimeType", "").startswith("audio/")
            (self._hearing.audio if spoken else self._hearing.video)(chunk)

    def _text(self, text: str) -> None:
        if self._past.blocking:
            self._interrupt()  # 5.7: new input takes the call back
        if text.strip():
            self._hearing.text(text)
        self._answer()

    def _result(self, wire: Json) -> bool:
        """Whether something is to be said of it."""
        call_id = wire.get("id") or self._call_named(wire.get("name", ""))
        if call_id in self._past.cancelled:
            return False
        if call_id not in self._past.calls:
            raise invalid()
        waited_for = call_id in self._past.blocking
        output = result_text(wire)
        self._past.answered(call_id, output, more=wire.get("willContinue", False))
        self._results_tokens += text_tokens(output)
        scheduling = "WHEN_IDLE" if waited_for else wire.get("scheduling", "WHEN_IDLE")
        if scheduling == "INTERRUPT":
            self._interrupt()
        return scheduling != "SILENT"

    def _call_named(self, name: str) -> str:
        """Where ids are not told, the oldest call of this name is meant."""
        if self._habits.call_ids:
            raise invalid()
        return next((call_id for call_id, called in self._past.calls.items() if called == name), "")

    # Whose turn it is.

    def _speech_started(self) -> None:
        if self._setup.interrupts:
            self._interrupt()

    def _interrupt(self) -> None:
        self._wanted = False
        taken_back = self._past.cancel_blocking()
        if taken_back and self._habits.call_ids:
            self._outbox.emit({"toolCallCancellation": {"ids": taken_back}})
        if self._reply is not None and (taken_back or self._reply.phase is not Phase.OPEN):
            self._reply.interrupt()

    def _answer(self) -> None:
        self._wanted = True
        self._go()

    def _go(self) -> None:
        if not self._wanted or self._past.blocking:
            return
        if self._reply is None:
            self._reply = Reply(
                self._setup,
                self._habits,
                self._past,
                self._outbox,
                self._tempo,
                new_id=self._new_id,
                now_us=self._now_us,
                on_done=self._done,
            )
        elif self._reply.phase not in (Phase.OPEN, Phase.WAITING):
            return
        self._wanted = False
        lines = [self._preamble(), *self._past.lines()]
        read, self._lines_before = input_tokens(lines, self._lines_before), lines
        self._reply.begin(read, self._results_tokens, self._offer.blocking)
        self._results_tokens = 0
        self._understood()

    def _understood(self) -> None:
        if self._reply is None or self._reply.phase is not Phase.WAITING or self._hearing.pending:
            return
        tools = tuple(one.tool for one in self._offer.functions)
        self._reply.answer(self._think(Thought(self._offer.instructions, self._past.turns(), tools)))

    def _done(self) -> None:
        self._reply = None
        self.tell_handle()
        self._go()

    def _preamble(self) -> Line:
        tools = [one.tool for one in self._offer.functions]
        told = self._offer.instructions + (msgspec.json.encode(tools).decode() if tools else "")
        return Line(told, text_tokens(told))
