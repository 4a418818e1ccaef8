"""One turn of the model, from its first frame to its one turnComplete (GEMINI-LIVE.md 5).

    WAITING --answer--> [ VOICING --voiced--> ] TALKING --all is made--> PLAYING --it was played--> DONE
                                                   TALKING --toolCall--> OPEN --begin again--> WAITING
        any phase --interrupt--> DONE

Speech is made faster than it plays; the turn is complete when it would have been played, so an interruption
meets a running turn during both.
"""

import base64
import enum
from collections import deque
from collections.abc import Callable

import msgspec

from realtime_switch.local.audio import Format
from realtime_switch.local.billing import text_tokens
from realtime_switch.local.gemini.billing import AUDIO_MS_PER_TOKEN, Bill, audio_tokens, usage
from realtime_switch.local.gemini.closes import end_of_trouble
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.outbox import Outbox
from realtime_switch.local.gemini.past import Entry, Past
from realtime_switch.local.gemini.proto import Refused
from realtime_switch.local.gemini.setup import Setup
from realtime_switch.local.gemini.wire import AUDIO_OUT
from realtime_switch.local.orders import Event, Speak
from realtime_switch.local.portions import Portion, audio_portions
from realtime_switch.local.thought import Answer, Call, Said, Say, Tokens

PORTION_MS = 40
_FORMAT = Format("pcm16", 24_000)
_THOUGHT = "**Working out the answer**"


class Phase(enum.Enum):
    WAITING = enum.auto()
    VOICING = enum.auto()
    TALKING = enum.auto()
    PLAYING = enum.auto()
    OPEN = enum.auto()
    DONE = enum.auto()


class Tempo:
    """How fast speech is made, and how fast it is taken to play, both against real time."""

    def __init__(self, pace: float, playing_speed: float) -> None:
        self.interval_us = int(PORTION_MS * 1000 / pace)
        self.us_per_ms = 1000 / playing_speed


class Reply:
    def __init__(
        self,
        setup: Setup,
        habits: Habits,
        past: Past,
        outbox: Outbox,
        tempo: Tempo,
        *,
        new_id: Callable[[str], str],
        now_us: Callable[[], int],
        on_done: Callable[[], None],
    ) -> None:
        self.key = new_id("turn")
        self.phase = Phase.WAITING
        self.due_us: int | None = None
        self._setup = setup
        self._habits = habits
        self._past = past
        self._outbox = outbox
        self._tempo = tempo
        self._new_id = new_id
        self._now_us = now_us
        self._on_done = on_done
        self._blocking: Callable[[str], bool] = setup.offer.blocking
        self._read = Tokens()
        self._tool_results = 0
        self._billed: Tokens | None = None
        self._thoughts = 0
        self._called_tokens = 0
        self._audio_ms = 0
        self._first_us: int | None = None
        self._steps: deque[Say | Call] = deque()
        self._portions: deque[Portion] = deque()
        self._text = ""
        self._entry: Entry | None = None
        self._cut_short = False

    def begin(self, read: Tokens, tool_results: int, blocking: Callable[[str], bool]) -> None:
        """Also again, once a tool's result is there to be told."""
        self.phase, self.due_us = Phase.WAITING, None
        self._read = read
        self._tool_results += tool_results
        self._blocking = blocking

    def answer(self, answer: Answer) -> None:
        if answer.trouble is not None:
            raise Refused(end_of_trouble(answer.trouble.message))
        self._billed = answer.tokens
        self._steps.extend(answer.steps)
        self.phase, self.due_us = Phase.TALKING, self._now_us() + answer.delay_ms * 1000

    def voiced(self, pcm: bytes) -> None:
        if self.phase is not Phase.VOICING:
            return
        portions = audio_portions(self._text, pcm, _FORMAT.size_bytes(PORTION_MS))
        if self._habits.premature_end:
            portions, self._cut_short = portions[: max(len(portions) // 2, 1)], True
            self._steps.clear()
        self._portions.extend(portions)
        self._entry = None
        self.phase, self.due_us = Phase.TALKING, self._now_us()

    def tick(self) -> None:
        if self.due_us is None or self.due_us > self._now_us():
            return
        if self.phase is Phase.PLAYING:
            self.finish()
        elif self._portions:
            self._say(self._portions.popleft())
        elif self._steps and isinstance(self._steps[0], Say):
            self._speak(self._steps[0].text)
            self._steps.popleft()
        elif self._steps:
            self._call([step for step in self._steps if isinstance(step, Call)])
        else:
            self._made()

    def interrupt(self) -> None:
        """5.2: and no generationComplete afterwards."""
        self._outbox.content(interrupted=True)
        self.finish()

    def finish(self) -> None:
        assert self.phase is not Phase.DONE
        self.phase, self.due_us = Phase.DONE, None
        self._complete()
        self._on_done()

    def _speak(self, text: str) -> None:
        if self._setup.thoughts and self._first_us is None:
            self._thoughts += text_tokens(_THOUGHT)
            self._outbox.content(modelTurn=self._turn({"text": _THOUGHT, "thought": True}))
        self._text = text
        self.phase, self.due_us = Phase.VOICING, None
        self._outbox.order(Speak(self.key, text, self._setup.voice, 1.0, _FORMAT.rate_hz))

    def _say(self, portion: Portion) -> None:
        now = self._now_us()
        if self._first_us is None:
            self._first_us = now
        self._remember(portion)
        fields: list[Event] = []
        if portion.words and self._setup.tells:
            fields.append({"outputTranscription": {"text": "".join(portion.words)}})
        if portion.audio:
            data = base64.b64encode(portion.audio).decode()
            part = {"inlineData": {"mimeType": AUDIO_OUT, "data": data}}
            fields.append({"modelTurn": self._turn(part)})
        if self._habits.bundled and fields:
            fields = [{name: value for field in reversed(fields) for name, value in field.items()}]
        for field in fields:
            self._outbox.content(**field)
        if self._habits.heartbeats:
            self._outbox.emit({})
        self.due_us = now + self._tempo.interval_us
        limit = self._setup.max_output_tokens
        if limit is not None and audio_tokens(self._audio_ms) >= limit:
            self._portions.clear()
            self._steps.clear()

    def _remember(self, portion: Portion) -> None:
        """5.2: what was sent is what is kept, whether it was played or not."""
        ms = _FORMAT.ms(len(portion.audio))
        said = "".join(portion.words)
        self._audio_ms += ms
        if self._entry is None:
            self._entry = self._past.add(Entry(Said("agent", said)))
        elif isinstance(self._entry.turn, Said):
            self._entry.turn = Said("agent", self._entry.turn.text + said)
        self._entry.audio += audio_tokens(ms)

    def _call(self, calls: list[Call]) -> None:
        self._steps.clear()
        told = []
        for call in calls:
            call_id = self._new_id("fc")
            self._past.call(call_id, call.name, call.arguments, blocking=self._blocking(call.name))
            self._called_tokens += text_tokens(call.name + call.arguments)
            named = {"id": call_id} if self._habits.call_ids else {}
            told.append({**named, "name": call.name, "args": _object(call.arguments)})
        self._outbox.emit({"toolCall": {"functionCalls": told}})
        if self._habits.bare_turn_complete:
            self.finish()
        else:
            self.phase, self.due_us = Phase.OPEN, None

    def _made(self) -> None:
        if self._cut_short:
            self.finish()
            return
        self._outbox.content(generationComplete=True)
        self.phase, self.due_us = Phase.PLAYING, self._now_us()
        if self._first_us is not None:
            played_us = self._first_us + int(self._audio_ms * self._tempo.us_per_ms)
            self.due_us = max(self.due_us, played_us)

    def _complete(self) -> None:
        bill = self._bill()
        event = {
            "serverContent": {"turnComplete": True},
            "usageMetadata": usage(bill, vertex=self._habits.vertex),
        }
        self._outbox.emit(event, bill.tokens)

    def _bill(self) -> Bill:
        if self._billed is not None:
            return Bill(self._billed)
        tokens = Tokens(
            input_text=self._read.input_text,
            input_audio=self._read.input_audio,
            input_image=self._read.input_image,
            cached_text=self._read.cached_text,
            cached_audio=self._read.cached_audio,
            output_text=self._called_tokens + self._thoughts,
            output_audio=-(-self._audio_ms // AUDIO_MS_PER_TOKEN),
        )
        return Bill(tokens, self._tool_results, self._thoughts)

    def _turn(self, part: Event) -> Event:
        return {"role": "model", "parts": [part]} if self._habits.role else {"parts": [part]}


def _object(arguments: str) -> Event:
    found = msgspec.json.decode(arguments)
    return found if isinstance(found, dict) else {}
