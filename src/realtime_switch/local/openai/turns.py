"""The user's turns: out of the audio that streams in, by VAD, by commit, or because nobody said anything."""

from collections.abc import Callable

from realtime_switch.local.audio import Sound
from realtime_switch.local.listening import InputBuffer
from realtime_switch.local.openai.hearing import Hearing
from realtime_switch.local.openai.items import Item, Items
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.openai.replies import Replies
from realtime_switch.local.openai.reply import Reply
from realtime_switch.local.openai.session import Session, TurnDetection
from realtime_switch.local.openai.shape import Refused
from realtime_switch.local.vad import TICKS_PER_MS, Began

COMMIT_MS_MIN = 100


class Turns:
    def __init__(
        self,
        session: Session,
        items: Items,
        hearing: Hearing,
        replies: Replies,
        outbox: Outbox,
        now_us: Callable[[], int],
    ) -> None:
        self.idle_due_us: int | None = None
        self._session = session
        self._items = items
        self._hearing = hearing
        self._replies = replies
        self._outbox = outbox
        self._now_us = now_us
        self._input = InputBuffer(session.input_format)
        self._item_id: str | None = None  # minted when speech starts, kept until the turn is taken
        self._begin_tick = 0
        self._idle_from_ms = 0

    def session_updated(self) -> None:
        self._input.reformat(self._session.input_format)
        if self._session.turn_detection is None:
            self.idle_due_us = None

    def append(self, data: bytes) -> None:
        detection = self._session.turn_detection
        for mark in self._input.append(data, detection):
            assert detection is not None
            if isinstance(mark, Began):
                self._speech_started(mark.tick, detection)
            else:
                self._speech_stopped(mark.tick, detection)

    def commit(self) -> None:
        if self._input.size_ms < COMMIT_MS_MIN:
            raise Refused(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
                f"but buffer only has {self._input.size_ms:.2f}ms of audio.",
            )
        self._take(self._input.take())

    def clear(self) -> None:
        self._input.clear()
        self._item_id = None
        self._outbox.emit("input_audio_buffer.cleared")

    def reply_done(self, reply: Reply) -> None:
        detection = self._session.turn_detection
        if reply.terms.in_conversation and detection is not None and detection.idle_timeout_ms is not None:
            # 4.4: from response.done and the time its audio takes to play.
            self.idle_due_us = self._now_us() + (reply.audio_ms + detection.idle_timeout_ms) * 1000
            self._idle_from_ms = self._input.position_ms

    def tick(self) -> None:
        if self.idle_due_us is None or self._now_us() < self.idle_due_us:
            return
        self.idle_due_us = None
        detection = self._session.turn_detection
        if detection is None or self._input.speaking or self._replies.active is not None:
            return
        self._item_id = self._items.mint()
        self._outbox.emit(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=self._idle_from_ms,
            audio_end_ms=self._input.position_ms,
            item_id=self._item_id,
        )
        self._take(self._input.take())
        self._reply(detection)

    def _speech_started(self, tick: int, detection: TurnDetection) -> None:
        self.idle_due_us = None
        self._item_id = self._items.mint()
        self._begin_tick = max(tick - detection.prefix_ms * TICKS_PER_MS, self._input.start_tick)
        start_ms = self._begin_tick // TICKS_PER_MS
        self._outbox.emit("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=self._item_id)
        if detection.interrupt_response and (active := self._replies.active) is not None:
            active.stop("cancelled", "turn_detected")

    def _speech_stopped(self, tick: int, detection: TurnDetection) -> None:
        end_ms = tick // TICKS_PER_MS
        self._outbox.emit("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=self._item_id)
        self._take(self._input.take(self._begin_tick, tick))
        self._reply(detection)

    def _take(self, sound: Sound) -> None:
        item_id, self._item_id = self._item_id or self._items.mint(), None
        said = [{"type": "input_audio", "transcript": None}]
        item = Item(
            {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": said}
        )
        before = self._items.last_id
        self._outbox.emit("input_audio_buffer.committed", previous_item_id=before, item_id=item_id)
        item.sounds[0] = sound
        self._items.place(item)
        self._outbox.placed(item, before)
        self._hearing.listen_to(item, self._session.transcription)

    def _reply(self, detection: TurnDetection) -> None:
        # Where interruption is off a reply may still be running; then, as OpenAI documents, none is made
        # for this turn.
        if detection.create_response and self._replies.active is None:
            self._replies.start(self._session.terms({}), list(self._items))
