"""A session that has started: its clock is the sound that is appended, and everything happens by it
(GPT-LIVE.md 6, 13)."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from realtime_switch.local.audio import Format
from realtime_switch.local.billing import text_tokens
from realtime_switch.local.gpt_live.backend import Backend
from realtime_switch.local.gpt_live.habits import LiveHabits
from realtime_switch.local.gpt_live.outbox import Outbox
from realtime_switch.local.gpt_live.speech import GRID_MS, PIECE_MS, Speech
from realtime_switch.local.gpt_live.start import Held, Mistake, backend_of
from realtime_switch.local.listening import Detection, InputBuffer
from realtime_switch.local.orders import Listen
from realtime_switch.local.portions import words_of
from realtime_switch.local.thought import Answer, Said, Say, Think, Thought, Turn, unintelligible
from realtime_switch.local.vad import TICKS_PER_MS, Began, Sensitivity

_Json = dict[str, Any]

_DETECTION = Detection(Sensitivity(0.5, 500), 300)
ACK_MS, VOICE_MS = 600, 200  # of the clock: until it is acknowledged, and until it is spoken after that
CONTENT_CHARS_MAX = 1_800  # about 500 tokens (GPT-LIVE.md 4.3)
FIXTURE_MS_MAX = 30_000
_FIXTURE = Format("pcm16", 24_000)


class _Append(msgspec.Struct):
    due_ms: int
    kind: str
    content: str
    asked_by: str


class SessionEnds(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Talk:
    def __init__(
        self,
        held: Held,
        habits: LiveHabits,
        outbox: Outbox,
        *,
        think: Think,
        new_id: Callable[[str], str],
    ) -> None:
        self._held = held
        self._habits = habits
        self._outbox = outbox
        self._think = think
        self._new_id = new_id
        self._turns: list[Turn] = [*held.past]
        self._instructions = held.instructions
        self._speech = Speech(held.format, held.voice, outbox, new_id)
        self._backend = Backend(held, self._turns, outbox, new_id)
        self._buffer = InputBuffer(held.format)
        self._bytes = 0  # of sound that was appended: the clock
        self._piece_ms = 0  # up to where sound was given back
        self._told_ms = 0  # of the time that was told
        self._muted = False
        self._fixture_until_ms: int | None = None
        self._fixture_asked_by = ""
        self._appends: list[_Append] = []
        self._delegations: set[str] = set()  # the client's that are open
        self._listening: dict[int, int] = {}  # what is being understood: by key, when it began
        self._began_ms = 0

    @property
    def now_ms(self) -> int:
        return self._held.format.ms(self._bytes)

    # -- Sound ---------------------------------------------------------------------------------------------

    def audio(self, message: _Json) -> None:
        try:
            data = base64.b64decode(message.get("audio") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise Mistake("invalid_audio", "The audio is not valid base64.", "audio") from None
        if len(data) % self._held.format.bytes_per_sample:
            raise Mistake("invalid_audio", "PCM audio must have an even number of bytes.", "audio")
        self._bytes += len(data)
        heard = bytes(len(data)) if self._muted or self._fixture_until_ms is not None else data
        for mark in self._buffer.append(heard, _DETECTION):
            if isinstance(mark, Began):
                self._began_ms = mark.tick // TICKS_PER_MS
                if self._fixture_until_ms is None:
                    self._interrupted()
            else:
                self._stopped(mark.tick)
        while self._piece_ms + PIECE_MS <= self.now_ms:
            self._on_piece()

    def _on_piece(self) -> None:
        at_ms = self._piece_ms
        self._acknowledge(at_ms)
        self._speech.piece(at_ms)
        self._piece_ms += PIECE_MS
        if self._fixture_until_ms is not None and self._piece_ms >= self._fixture_until_ms:
            self._fixture_until_ms = None
            self._outbox.emit("session.output_audio.fixture.played", self._fixture_asked_by)
        every_ms = self._habits.usage_every_ms
        if every_ms is not None and self._piece_ms % every_ms == 0:
            self._outbox.emit(
                "session.usage.updated",
                time_ms=self._untold(self._piece_ms),
                usage={"seconds": self._piece_ms / 1000},
                context_window={"usage_ratio": min(1.0, self._tokens() / 128_000)},
            )

    def _untold(self, ms: int) -> int:
        more_ms, self._told_ms = ms - self._told_ms, ms
        return more_ms

    def final(self) -> tuple[float, int]:
        """The seconds of all of it, and how many milliseconds of them were not told before."""
        return self.now_ms / 1000, self._untold(self.now_ms)

    def mute(self, message: _Json) -> None:
        self._muted = True
        self._outbox.emit("session.input_audio.muted", _id(message))

    def unmute(self, message: _Json) -> None:
        self._muted = False
        self._outbox.emit("session.input_audio.unmuted", _id(message))

    def fixture(self, message: _Json) -> None:
        if self._fixture_until_ms is not None:
            raise Mistake("invalid_value", "A fixture is being played already.")
        try:
            pcm = base64.b64decode(message.get("audio") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise Mistake("invalid_audio", "The audio is not valid base64.", "audio") from None
        if len(pcm) % 2 or _FIXTURE.ms(len(pcm)) > FIXTURE_MS_MAX:
            raise Mistake("invalid_audio", "A fixture is at most 30 s of PCM16 at 24 kHz.", "audio")
        self._speech.stop()
        self._speech.play(_at_rate(pcm, self._held.format.rate_hz))
        self._fixture_until_ms = self._piece_ms + max(PIECE_MS, _FIXTURE.ms(len(pcm)))
        self._fixture_asked_by = _id(message)
        self._outbox.emit("session.output_audio.fixture.playing", self._fixture_asked_by)

    # -- The user ------------------------------------------------------------------------------------------

    def _interrupted(self) -> None:
        if self._speech.speaking:
            self._agent_said()
            self._speech.stop()

    def _stopped(self, tick: int) -> None:
        sound = self._buffer.take(None, tick)
        key = len(self._listening) + len(self._turns) + self._bytes
        self._listening[key] = self._began_ms
        self._outbox.order(Listen(key, sound.data, sound.format.rate_hz))
        self._length_ms = sound.ms

    def heard(self, key: int, words: str | None) -> None:
        began_ms = self._listening.pop(key, None)
        if began_ms is None:
            return
        said = words if words is not None else unintelligible(self._length_ms / 1000)
        at_ms = began_ms // GRID_MS * GRID_MS
        for piece in words_of(f" {said}"):
            self._outbox.emit(
                "session.input_transcript.delta", delta=piece, start_ms=at_ms, end_ms=at_ms + GRID_MS
            )
            at_ms += GRID_MS
        self._agent_said()
        self._turns.append(Said("user", said))
        self._answer()

    def voiced(self, key: str, pcm: bytes) -> None:
        self._speech.voiced(key, pcm)

    # -- Answers -------------------------------------------------------------------------------------------

    def _agent_said(self) -> None:
        """What was said so far is part of the conversation."""
        if said := self._speech.said.strip():
            self._turns.append(Said("agent", said))
        self._speech.said = ""

    def _answer(self) -> None:
        read = self._tokens()
        tools = self._held.tools if self._held.delegation == "responses" else ()
        answer = self._think(Thought(self._instructions, tuple(self._turns), tools))
        if answer.trouble is not None:
            if answer.trouble.type == "session.closed":
                raise SessionEnds(answer.trouble.code)
            self._outbox.error(answer.trouble.code, answer.trouble.message, kind=answer.trouble.type)
            return
        if answer.delegate and self._held.delegation == "client":
            self._delegate()
        if self._held.delegation == "responses" and (answer.delegate or answer.hosted or answer.calls):
            said = self._backend.run(answer, read, self._piece_ms)
        else:
            said = _text_of(answer)
        if said:
            self._speech.say(said)

    def _delegate(self) -> None:
        """To the application: it is not told what, it has heard it (GPT-LIVE.md 7)."""
        delegation_id = self._new_id("item")
        self._delegations.add(delegation_id)
        target = {"type": "delegation", "id": delegation_id, "target": "client"}
        self._outbox.emit("session.delegation.created", offset_ms=self._piece_ms, delegation=target)

    def _tokens(self) -> int:
        told = [self._instructions, *(turn.text for turn in self._turns if isinstance(turn, Said))]
        return sum(map(text_tokens, told))

    def backend_item(self, message: _Json) -> None:
        self._only_with_responses()
        self._backend.take(message.get("item"))

    def backend_asked(self, message: _Json) -> None:
        self._only_with_responses()
        self._backend.asked()
        read = self._tokens()
        answer = self._think(Thought(self._instructions, tuple(self._turns), self._held.tools))
        if said := self._backend.run(answer, read, self._piece_ms):
            self._speech.say(said)

    def _only_with_responses(self) -> None:
        if self._held.delegation != "responses":
            raise Mistake("invalid_value", "The session does not delegate to a Responses model.", "type")

    # -- Context -------------------------------------------------------------------------------------------

    def append(self, message: _Json) -> None:
        if self._fixture_until_ms is not None:
            raise Mistake("invalid_value", "Context cannot be appended while a fixture plays.")
        content = message.get("content")
        if not isinstance(content, str) or not content:
            raise Mistake("missing_required_parameter", "Missing required parameter: 'content'.", "content")
        if len(content) > CONTENT_CHARS_MAX:
            raise Mistake("invalid_value", "The content has more than 500 tokens.", "content")
        if "delegation_id" not in message:
            path = "delegation_id"
            raise Mistake("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
        delegation_id = message["delegation_id"]
        if delegation_id is not None and delegation_id not in self._delegations:
            raise Mistake("invalid_value", "There is no such open delegation.", "delegation_id")
        kind = message["type"].split(".")[1]
        self._appends.append(_Append(self._piece_ms + ACK_MS, kind, content, _id(message)))

    def _acknowledge(self, at_ms: int) -> None:
        due = [append for append in self._appends if append.due_ms <= at_ms]
        self._appends = [append for append in self._appends if append.due_ms > at_ms]
        for append in due:
            if append.kind == "said":
                self._speech.say(append.content)
                continue
            kind, end_ms = f"session.{append.kind}.appended", at_ms + GRID_MS
            self._outbox.emit(kind, append.asked_by, start_ms=at_ms, end_ms=end_ms)
            if append.kind == "instructions":
                self._instructions = f"{self._instructions}\n\n{append.content}".strip()
            elif append.kind == "commentary":
                self._appends.append(_Append(at_ms + VOICE_MS, "said", append.content, ""))
            else:
                self._turns.append(Said("system", append.content))

    def close(self) -> None:
        """What was to be appended is not any more."""
        for append in self._appends:
            if append.kind != "said":
                self._outbox.error(
                    "context_injection_incomplete",
                    "The session was closed before the context was appended.",
                    asked_by=append.asked_by,
                )
        self._appends.clear()

    # -- How it is held ------------------------------------------------------------------------------------

    def update(self, message: _Json) -> None:
        changed = message.get("session")
        if not isinstance(changed, dict):
            raise Mistake("missing_required_parameter", "Missing required parameter: 'session'.", "session")
        for name in changed.keys() - {"delegation"}:
            path = f"session.{name}"
            if name in self._held.session:
                raise Mistake("immutable_field_update", f"'{path}' cannot be changed.", path)
            raise Mistake("unknown_parameter", f"Unknown parameter: '{path}'.", path)
        delegation = changed.get("delegation") or {}
        if delegation.get("type", self._held.delegation) != self._held.delegation:
            path = "session.delegation.type"
            raise Mistake("immutable_field_update", f"'{path}' cannot be changed.", path)
        merged = {**self._held.backend, **(delegation.get("responses") or {})}
        if self._held.delegation == "responses":
            self._held.backend = backend_of({"type": "responses", "responses": merged})
            self._held.session["delegation"] = {"type": "responses", "responses": self._held.backend}


def _id(message: _Json) -> str:
    value = message.get("event_id")
    return value if isinstance(value, str) else ""


def _text_of(answer: Answer) -> str:
    return " ".join(step.text for step in answer.steps if isinstance(step, Say))


def _at_rate(pcm: bytes, rate_hz: int) -> bytes:
    """By leaving samples out: a clip is to be recognised, not enjoyed."""
    count = len(pcm) // 2 * rate_hz // _FIXTURE.rate_hz
    places = (index * _FIXTURE.rate_hz // rate_hz * 2 for index in range(count))
    return b"".join(pcm[at : at + 2] for at in places)
