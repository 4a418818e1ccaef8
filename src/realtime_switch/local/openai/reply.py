"""One response, from response.created to its one response.done (OPENAI-REALTIME.md 9).

    WAITING --answer--> [ VOICING --voiced--> ] TALKING --last portion--> next step ... --> DONE
        any phase --stop--> DONE

A reply is paced: a portion is at most PORTION_MS of audio with its words, and `due_us` says when the next
may leave, so that a barge-in or a cancel finds something to interrupt.
"""

import base64
import enum
import re
from collections import deque
from collections.abc import Callable

import msgspec

from realtime_switch.local.audio import Sound, encoded
from realtime_switch.local.billing import text_tokens
from realtime_switch.local.openai.billing import agent_audio_tokens, usage
from realtime_switch.local.openai.items import Item, Items, Json
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.openai.part import ARGUMENT_PIECE, PORTION_MS, WORDS_PER_PORTION, Part
from realtime_switch.local.openai.session import Terms
from realtime_switch.local.orders import Speak
from realtime_switch.local.portions import Portion, audio_portions, words_of
from realtime_switch.local.thought import Answer, Call, Say, Tokens, Trouble


class Phase(enum.Enum):
    WAITING = enum.auto()
    VOICING = enum.auto()
    TALKING = enum.auto()
    DONE = enum.auto()


class Reply:
    def __init__(
        self,
        terms: Terms,
        items: Items,
        outbox: Outbox,
        read: Tokens,
        *,
        conversation_id: str,
        interval_us: int,
        now_us: Callable[[], int],
        on_done: Callable[["Reply", Tokens], None],
    ) -> None:
        self.id = outbox.new_id("resp")
        self.terms = terms
        self.phase = Phase.WAITING
        self.due_us: int | None = None
        self.audio_ms = 0
        self._items = items
        self._outbox = outbox
        self._emit = outbox.emit
        self._read = read
        self._conversation_id = conversation_id if terms.in_conversation else None
        self._interval_us = interval_us
        self._now_us = now_us
        self._on_done = on_done
        self._written = Tokens()
        self._billed: Tokens | None = None
        self._trouble: Trouble | None = None
        self._steps: deque[Say | Call] = deque()
        self._portions: deque[Portion] = deque()
        self._output: list[Json] = []
        self._part: Part | None = None

    def begin(self) -> None:
        self._emit("response.created", response=self._wire("in_progress", None, None))

    def answer(self, answer: Answer) -> None:
        self._billed, self._trouble = answer.tokens, answer.trouble
        self._steps.extend(answer.steps)
        self.phase = Phase.TALKING
        self.due_us = self._now_us() + answer.delay_ms * 1000

    def voiced(self, pcm: bytes) -> None:
        if self.phase is not Phase.VOICING or self._part is None:
            return  # stopped meanwhile
        sound = encoded(pcm, self.terms.format.coding)
        self._portions.extend(
            audio_portions(self._part.text, sound, self.terms.format.size_bytes(PORTION_MS))
        )
        self.phase = Phase.TALKING
        self.due_us = self._now_us()

    def tick(self) -> None:
        if self.phase is not Phase.TALKING or self.due_us is None or self.due_us > self._now_us():
            return
        if self._trouble is not None:
            self.stop("failed", error=msgspec.to_builtins(self._trouble))
        elif self._portions:
            self._next_portion()
        elif self._part is not None:
            self._close_part("completed")
        elif self._steps:
            self._open_step(self._steps.popleft())
        else:
            self.stop("completed")

    def stop(self, status: str, reason: str | None = None, error: Json | None = None) -> None:
        """Ends it, closing what is open: `reason` is turn_detected, client_cancelled or max_output_tokens."""
        assert self.phase is not Phase.DONE
        if self._part is not None:
            self._close_part("incomplete")
        self.phase, self.due_us = Phase.DONE, None
        details: Json | None = None
        if status != "completed":
            named = {"reason": reason, "error": error}
            details = {"type": status, **{name: value for name, value in named.items() if value is not None}}
        bill = self._billed or msgspec.structs.replace(
            self._read, output_text=self._written.output_text, output_audio=self._written.output_audio
        )
        self._emit("response.done", bill=bill, response=self._wire(status, details, usage(bill)))
        self._on_done(self, bill)

    def said_ms(self, item: Item) -> int | None:
        """How much of this item's audio has left, if it is the one being said."""
        part = self._part
        return self.terms.format.ms(len(part.sound)) if part is not None and part.item is item else None

    def _wire(self, status: str, details: Json | None, bill: Json | None) -> Json:
        output = {"format": self.terms.output_format, "voice": self.terms.voice}
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": list(self._output),
            "conversation_id": self._conversation_id,
            "output_modalities": [self.terms.modality],
            "max_output_tokens": self.terms.max_output_tokens,
            "audio": {"output": output},
            "usage": bill,
            "metadata": self.terms.metadata,
        }

    def _open_step(self, step: Say | Call) -> None:
        self._part = part = self._new_part(step)
        self._emit("response.output_item.added", **self._at(), item=part.item.announced())
        if self.terms.in_conversation:
            part.previous_item_id = self._items.place(part.item)
            self._emit(
                "conversation.item.added", previous_item_id=part.previous_item_id, item=part.item.announced()
            )
        self.due_us = self._now_us()
        if isinstance(step, Call):
            pieces = re.findall(f"(?s).{{1,{ARGUMENT_PIECE}}}", step.arguments)
            self._portions.append(Portion(tuple(pieces)))
            return
        self._emit("response.content_part.added", **self._within(), part=part.content(""))
        if part.kind == "text":
            words = words_of(step.text)
            for start in range(0, len(words), WORDS_PER_PORTION):
                self._portions.append(Portion(tuple(words[start : start + WORDS_PER_PORTION])))
            return
        self.phase, self.due_us = Phase.VOICING, None
        terms = self.terms
        self._outbox.order(Speak(self.id, step.text, terms.voice_name, terms.speed, terms.format.rate_hz))

    def _new_part(self, step: Say | Call) -> Part:
        wire: Json = {"id": self._items.mint(), "type": "message", "status": "in_progress"}
        if isinstance(step, Say):
            wire |= {"role": "assistant", "content": []}
            return Part(Item(wire), "audio" if self.terms.modality == "audio" else "text", step.text)
        wire |= {
            "type": "function_call",
            "name": step.name,
            "call_id": self._outbox.new_id("call"),
            "arguments": "",
        }
        return Part(Item(wire), "call", step.arguments)

    def _next_portion(self) -> None:
        part = self._part
        assert part is not None
        portion = self._portions[0]
        said = part.said + "".join(portion.words)
        sound_ms = self.terms.format.ms(len(part.sound) + len(portion.audio))
        written = self._count(text_tokens(said), agent_audio_tokens(sound_ms))
        if self.terms.max_output_tokens != "inf" and written.output > self.terms.max_output_tokens:
            self.stop("incomplete", reason="max_output_tokens")
            return
        self._portions.popleft()
        for piece in portion.words:
            self._emit(part.delta_event, **self._within(), delta=piece)
        if portion.audio:
            self._emit(
                "response.output_audio.delta",
                **self._within(),
                delta=base64.b64encode(portion.audio).decode(),
            )
        part.said = said
        part.sound += portion.audio
        part.written = written
        self.due_us = self._now_us() + self._interval_us

    def _count(self, text: int, audio: int) -> Tokens:
        return Tokens(
            output_text=self._written.output_text + text, output_audio=self._written.output_audio + audio
        )

    def _close_part(self, status: str) -> None:
        part = self._part
        assert part is not None
        self._portions.clear()
        self._written = part.written or self._written
        item, said = part.item, part.said
        if part.kind == "call":
            item.wire["arguments"] = said
            if status == "completed":
                self._emit(
                    "response.function_call_arguments.done",
                    **self._within(),
                    name=item.wire["name"],
                    arguments=said,
                )
        else:
            self._close_message(part)
        item.wire["status"] = status
        if self.terms.in_conversation:
            self._emit(
                "conversation.item.done", previous_item_id=part.previous_item_id, item=item.announced()
            )
        self._emit("response.output_item.done", **self._at(), item=item.announced())
        self._output.append(item.announced())
        self._part = None
        self.due_us = self._now_us()

    def _close_message(self, part: Part) -> None:
        item, said = part.item, part.said
        if part.kind == "text":
            item.wire["content"].append({"type": "output_text", "text": said})
            self._emit("response.output_text.done", **self._within(), text=said)
        else:
            item.wire["content"].append({"type": "output_audio", "transcript": said})
            item.words[0] = said
            sound_ms = self.terms.format.ms(len(part.sound))
            self.audio_ms += sound_ms
            self._items.keep_sound(item, 0, Sound(bytes(part.sound), self.terms.format, sound_ms))
            self._emit("response.output_audio.done", **self._within())
            self._emit("response.output_audio_transcript.done", **self._within(), transcript=said)
        self._emit("response.content_part.done", **self._within(), part=part.content(said))

    def _at(self) -> Json:
        return {"response_id": self.id, "output_index": len(self._output)}

    def _within(self) -> Json:
        part = self._part
        assert part is not None
        place = {"response_id": self.id, "item_id": part.item.id, "output_index": len(self._output)}
        if part.kind == "call":
            return {**place, "call_id": part.item.wire["call_id"]}
        return {**place, "content_index": 0}
