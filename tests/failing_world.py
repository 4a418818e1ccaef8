"""One call in a world without sockets and with a clock of its own: a session, providers of either dialect
that are the local provider's own conversations, and whatever goes wrong between them.

Time passes only when told. Whatever is said to anybody is validated by the SDKs' own types.
"""

import base64
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec

from callers import GeminiCaller, OpenAICaller
from gemini_client_frames import setup
from gemini_frames import sent as sent_to_gemini
from local_talk import think
from openai_frames import is_for_provider as is_for_openai
from realtime_switch.accounts.records import Grant, UsageKind, UsageRecord
from realtime_switch.dialects import gemini, openai
from realtime_switch.dialects.sound import AudioFormat
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.gateway.dialects import DIALECTS
from realtime_switch.local.faults import NONE
from realtime_switch.local.gemini.conversation import Conversation as GeminiConversation
from realtime_switch.local.gemini.habits import SHAPES
from realtime_switch.local.gemini.handles import Handles
from realtime_switch.local.gemini.life import life
from realtime_switch.local.gemini.reply import Tempo
from realtime_switch.local.openai.conversation import Conversation as OpenAIConversation
from realtime_switch.local.orders import Conversation, End, Listen, Order, Send, Speak
from realtime_switch.local.thought import Tokens
from realtime_switch.session.choice import Health
from realtime_switch.session.phase import Phase
from realtime_switch.session.purse import Purse
from realtime_switch.session.session import Session
from realtime_switch.session.steps import (
    PASS,
    Ask,
    Dial,
    DialBeside,
    GoOver,
    Keep,
    LeaveBeside,
    ToBeside,
    ToClient,
    ToProvider,
    Wake,
)
from realtime_switch.session.steps import (
    End as EndCall,
)
from realtime_switch.session.way import Way, Ways

START_US = 1_795_230_000_000_000
STALL_AFTER_S = 5.0
SAMPLES = 48  # in a piece of the user's audio; its number is the first of them
GARBAGE = b'{"type":"response.output_audio.delta","delta":"AAAA'


class Line:
    """One connection: what the provider of it was told, and whether it still says anything."""

    def __init__(self, dialect: str, conversation: Conversation) -> None:
        self.dialect = dialect
        self.conversation = conversation
        self.heard: list[int] = []  # pieces of audio
        self.mute = False


class World:
    def __init__(self, client: str, providers: Sequence[str]) -> None:
        self.now_us = START_US
        self._numbers = count(1)
        self.client = client
        self.caller: Any = (OpenAICaller if client == "openai" else GeminiCaller)(None)  # type: ignore[arg-type]
        self.lines: dict[int, Line] = {}
        self.dialled: dict[int, tuple[int, Target]] = {}  # when, by generation
        self.order: list[Line] = []  # as they became the call's
        self.spoken = 0
        self.calls_answered: set[str] = set()
        self.kept: list[UsageRecord] = []
        self.billed: list[Tokens] = []
        self.ended: EndCall | None = None
        self.wake_us: int | None = None
        self.refuses = 0  # so many dials fail
        self.says_nothing = 0  # so many connections after that are opened and silent
        self._new = lambda kind: f"{kind}_{next(self._numbers)}"
        self.handles = Handles(lambda: self.now_us, lambda: self._new("handle"))
        ways = tuple(self._way(number, dialect) for number, dialect in enumerate(providers))
        dialect = {"openai": openai, "gemini": gemini}[client]
        self.session = Session(
            run_id="run",
            client=dialect,
            client_side=dialect.ClientSide(self._new),
            choose=lambda model: Ways(ways=ways, stall_after_s=STALL_AFTER_S),
            model="m",
            health=Health(lambda: self.now_us),
            now_us=lambda: self.now_us,
            random=lambda: 0.5,
            new_id=self._new,
        )
        self.follow(self.session.begin())
        if client == "gemini":
            words = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}
            self.says(
                msgspec.json.decode(setup(**words, tools=[{"functionDeclarations": [_GEMINIS_WEATHER]}]))
            )
        else:
            tool = {"type": "function", **_WEATHER}
            self.says({"type": "session.update", "session": {"type": "realtime", "tools": [tool]}})

    def _way(self, number: int, dialect: str) -> Way:
        target = Target(
            provider=f"{dialect}-{number}",
            model="m",
            greets=dialect == "openai",
            input=AudioFormat("pcm", 24_000),
        )
        terms = Terms(transcribe_with="t", redial_after_s=(0.1,) * 200)
        return Way(target, terms, DIALECTS[dialect].dialect)  # type: ignore[index]

    # -- What happens ------------------------------------------------------------------------------------

    @property
    def line(self) -> Line | None:
        return self.lines.get(self.session.generation)

    def says(self, message: Any) -> None:
        if self.ended is None:
            payload = msgspec.json.encode(message)
            answer = self.session.from_client(payload)
            self.follow([ToProvider(payload)] if answer is PASS else answer)

    def types(self, text: str) -> None:
        if self.client == "gemini":
            self.says({"realtimeInput": {"text": text}})
            return
        content = [{"type": "input_text", "text": text}]
        item = {"id": f"mine_{next(self._numbers)}", "type": "message", "role": "user", "content": content}
        self.says({"type": "conversation.item.create", "item": item})
        self.says({"type": "response.create"})

    def speaks(self, size: int = 0) -> None:
        """A piece of audio; `size`: of its samples."""
        pcm = self.spoken.to_bytes(2, "little") + size.to_bytes(2, "little") * (SAMPLES - 1)
        audio = base64.b64encode(pcm).decode()
        self.spoken += 1
        if self.client == "gemini":
            self.says({"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=24000", "data": audio}}})
        else:
            self.says({"type": "input_audio_buffer.append", "audio": audio})

    def answers_tools(self) -> None:
        for call_id in self.caller_calls():
            self.calls_answered.add(call_id)
            if self.client == "gemini":
                answer = {"id": call_id, "name": "get_weather", "response": {"celsius": 31}}
                self.says({"toolResponse": {"functionResponses": [answer]}})
            else:
                item = {"type": "function_call_output", "call_id": call_id, "output": '{"celsius":31}'}
                self.says({"type": "conversation.item.create", "item": item})
                self.says({"type": "response.create"})

    def caller_calls(self) -> list[str]:
        found = []
        for event in self.caller.heard:
            for call in event.get("toolCall", {}).get("functionCalls", ()):
                found.append(call["id"])
            if event.get("type") == "response.done":
                found += [i["call_id"] for i in event["response"]["output"] if i["type"] == "function_call"]
        return [call_id for call_id in found if call_id not in self.calls_answered]

    def lose(self) -> None:
        self.lines.pop(self.session.generation, None)
        self.follow(self.session.provider_lost(self.session.generation))

    def hang_up(self) -> None:
        self.lines.pop(self.session.generation, None)
        self.follow(self.session.provider_closed(self.session.generation, 1011, "Internal error."))

    def garble(self) -> None:
        if self.line is not None:
            self.hear(self.session.generation, GARBAGE)

    def switches(self, number: int) -> None:
        """Somebody asks for that target; it may be where the call is, or not be."""
        names = self.session.targets
        answer = self.session.switch(names[number] if number < len(names) else "nobody/m")
        if not isinstance(answer, str):
            self.follow(answer)

    def goes_away(self) -> None:
        """Of Gemini's dialect: the other has no word for it."""
        if self.line is not None and self.line.dialect == "gemini":
            self.hear(self.session.generation, b'{"goAway":{"timeLeft":"50s"}}')

    def lose_beside(self) -> None:
        for generation in [one for one in self.lines if one > self.session.generation]:
            del self.lines[generation]
            self.follow(self.session.provider_lost(generation))

    def stall(self) -> None:
        if self.line is not None:
            self.line.mute = True

    def sends(self, seconds: float, size: int) -> None:
        """The microphone is on."""
        for _ in range(round(seconds * 5)):
            self.speaks(size)
            self.pass_s(0.2)

    def pass_s(self, seconds: float) -> None:
        until_us = self.now_us + int(seconds * 1e6)
        while self.ended is None and (due_us := self._due_us()) is not None and due_us <= until_us:
            self.now_us = max(self.now_us, due_us)
            self._happen()
        self.now_us = until_us

    def _due_us(self) -> int | None:
        dues = [at_us for at_us, _ in self.dialled.values()]
        dues += [self.wake_us] if self.wake_us is not None else []
        dues += [
            due
            for line in self.lines.values()
            if not line.mute and (due := line.conversation.due_us) is not None
        ]
        return min(dues, default=None)

    def _happen(self) -> None:
        if self.wake_us is not None and self.wake_us <= self.now_us:
            self.wake_us = None
            self.follow(self.session.woke())
        for generation, (at_us, target) in list(self.dialled.items()):
            if at_us <= self.now_us and self.dialled.pop(generation, None):
                self._open(generation, target)
        for generation, line in list(self.lines.items()):
            due_us = line.conversation.due_us
            if not line.mute and due_us is not None and due_us <= self.now_us:
                self._obey(generation, line, line.conversation.tick())

    def _open(self, generation: int, target: Target) -> None:
        if self.refuses:
            self.refuses -= 1
            self.follow(self.session.provider_lost(generation))
            return
        dialect = target.provider.partition("-")[0]
        line = self.lines[generation] = Line(dialect, self._conversation(dialect))
        if self.says_nothing:
            self.says_nothing -= 1
            line.mute = True
        self.follow(self.session.provider_opened(generation))
        self._obey(generation, line, line.conversation.begin())

    def _conversation(self, dialect: str) -> Conversation:
        if dialect == "openai":
            return OpenAIConversation(
                model="m",
                kind="realtime",
                think=think,
                new_id=self._new,
                now_us=lambda: self.now_us,
                pace=5.0,
                life_s=3600.0,
            )
        return GeminiConversation(
            habits=SHAPES["3.8"],
            version="v1beta",
            models=(),
            admitted=None,
            handles=self.handles,
            life=life(3600.0, NONE),
            tempo=Tempo(5.0, 1.0),
            think=think,
            new_id=self._new,
            now_us=lambda: self.now_us,
        )

    def _obey(self, generation: int, line: Line, orders: Sequence[Order]) -> None:
        for order in orders:
            if line.mute or self.lines.get(generation) is not line:
                return
            match order:
                case Send(event, bill):
                    if bill is not None and generation == self.session.generation:
                        self.billed.append(bill)
                    self.hear(generation, msgspec.json.encode(event))
                case End(code, reason):
                    self.lines.pop(generation, None)
                    self.follow(self.session.provider_closed(generation, code, reason))
                case Listen():
                    self._obey(generation, line, line.conversation.heard(order.key, "hello"))
                case Speak():
                    pcm = bytes(2 * order.rate_hz * 200 // 1000 * len(order.text.split()))
                    self._obey(generation, line, line.conversation.voiced(order.key, pcm))

    def hear(self, generation: int, payload: bytes) -> None:
        answer = self.session.from_provider(generation, payload)
        self.follow([ToClient(payload)] if answer is PASS else answer)

    # -- What the session orders -------------------------------------------------------------------------

    def follow(self, steps: Any) -> None:
        told: list[tuple[int, Line, bytes]] = []
        for step in steps:
            assert self.ended is None, "nothing follows an end"
            match step:
                case ToClient(payload):
                    frame = payload if self.client == "gemini" else payload.decode()
                    self.caller.heard.append(self.caller.checked(frame))
                case ToProvider(payload):
                    line = self.lines[self.session.generation]
                    self._note(line, payload)
                    told.append((self.session.generation, line, payload))
                case ToBeside(payload):
                    told.append((max(self.lines), self.lines[max(self.lines)], payload))
                case Keep(record):
                    if isinstance(record, UsageRecord) and record.kind is UsageKind.RESPONSE:
                        self.kept.append(record)
                case Ask():
                    grant = Grant(account_id="a", session_id="s", credits=10**9)
                    told.append((0, None, b""))  # type: ignore[arg-type]
                    self._grant = grant
                case Dial(generation, after_s, target, _):
                    self.lines.clear()
                    self.dialled = {generation: (self.now_us + int(after_s * 1e6), target)}
                case DialBeside(generation, target):
                    self.dialled[generation] = (self.now_us, target)
                case GoOver(generation):
                    self.lines = {generation: self.lines[generation]}
                case LeaveBeside():
                    here = self.session.generation
                    self.lines = {at: line for at, line in self.lines.items() if at <= here}
                    self.dialled = {at: one for at, one in self.dialled.items() if at <= here}
                case Wake(after_s):
                    self.wake_us = self.now_us + int(after_s * 1e6)
                case EndCall():
                    self.ended = step
                    self.lines.clear()
        for generation, line, payload in told:
            if line is None:
                self.follow(self.session.granted(self._grant, Purse(10**9)))
            elif self.lines.get(generation) is line and not line.mute:
                self._obey(generation, line, line.conversation.receive(payload))

    def _note(self, line: Line, payload: bytes) -> None:
        if line.dialect == "openai":
            assert is_for_openai(payload)
        else:
            sent_to_gemini(payload)
        message = msgspec.json.decode(payload)
        audio = message.get("audio") or message.get("realtimeInput", {}).get("audio", {}).get("data")
        if not isinstance(audio, str):
            return
        if not self.order or self.order[-1] is not line:
            self.order.append(line)
        pcm = base64.b64decode(audio)
        assert len(pcm) == 2 * SAMPLES
        line.heard.append(int.from_bytes(pcm[:2], "little"))

    @property
    def is_live(self) -> bool:
        return self.session.phase is Phase.LIVE


_ABOUT = {"name": "get_weather", "description": "Tells the weather."}
_WEATHER = {**_ABOUT, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
# It spells the types of its own schema in capitals (GEMINI-LIVE.md 6), and our own one refuses others.
_GEMINIS_WEATHER = {**_ABOUT, "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
