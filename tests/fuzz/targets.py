"""What a stranger can say, to whoever reads it first: the door, a call of any two dialects, the link.

Each target is a function of bytes that fails if the program does. The bytes are dice (Dice): they choose
among messages that are known to be spoken, and what of them is odd, so that little is wasted on what is no
JSON at all. tests/fuzz plays each for a moment with hypothesis, in every run of the tests; `make fuzz` plays
them for as long as one likes with atheris, which is led by what the code does.
"""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from realtime_switch.accounts.records import Grant
from realtime_switch.dialects import gemini, gpt_live, openai
from realtime_switch.dialects.dialect import Dialect
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.gateway.arrival import Arrival, Attaching, TurnedAway, read_arrival
from realtime_switch.gateway.rates import client_address, is_allowed
from realtime_switch.link import envelope
from realtime_switch.session.choice import Health
from realtime_switch.session.purse import Purse
from realtime_switch.session.session import Phase, Session
from realtime_switch.session.steps import PASS, End, Steps
from realtime_switch.session.way import Way, Ways

TESTS = Path(__file__).parents[1]
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 5, 1.5, -1e300, 2**53, 2**70, "", "x", "é😀", "AAAA", "AAA", "\x00"),
    *([], [[]], [{}], {}, {"id": 5}, {"type": "x"}, [None, {}], "a" * 300, "/" * 70),
)


class Dice:
    """Decisions, taken from bytes; once they are used up, always the first of what there is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def rolls(self) -> bool:
        return self._at < len(self._data)

    def below(self, bound: int) -> int:
        at, self._at = self._at, self._at + (1 if bound <= 256 else 2)
        return int.from_bytes(self._data[at : self._at], "big") % bound

    def one(self, things: Any) -> Any:
        return things[self.below(len(things))]

    def bytes(self, at_most: int) -> bytes:
        at = self._at + 1
        self._at = at + self.below(at_most)
        return self._data[at : self._at]

    def text(self) -> str:
        return self.bytes(60).decode("latin-1")


# -- The door ----------------------------------------------------------------------------------------------

_PATHS = (
    *("/", "/v1/realtime", "/realtime", "/openai/v1/realtime", "/v1/realtime/translations"),
    *("/v1/live/sessions", "/openai/v1/live/sessions/ls_1/attach", "/v1/live/sessions//attach"),
    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    "//ws//google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
)
_QUERIES = (
    "model",
    "session_id",
    "rs_sessid",
    "rs_api",
    "rs_key",
    "key",
    "intent",
    "call_id",
    "access_token",
)
_NAMES = (
    *("host", "connection", "upgrade", "authorization", "api-key", "x-goog-api-key", "origin", "openai-beta"),
    *("sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol", "x-session-id"),
    *("x-forwarded-for", "traceparent"),
)
_VALUES = (
    *("websocket", "keep-alive, Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==", "Bearer rslive_v1_" + "0a" * 24),
    *("realtime, openai-insecure-api-key.x", "gemini", "gpt-live", "https://a.example.org", "Bearer", ""),
    *("10.0.0.1, 198.51.100.7", "::ffff:10.0.0.1", "auth_tokens/x", "Token a.b.c", "realtime=v1"),
)


def door(data: bytes) -> None:
    dice = Dice(data)
    target = dice.one(_PATHS) if dice.below(4) else "/" + dice.text()
    if dice.below(2):
        told = [f"{dice.one(_QUERIES)}={_value(dice)}" for _ in range(dice.below(4))]
        target += "?" + ("&".join(told) if told else dice.text())
    good = [("host", "a"), ("connection", "Upgrade"), ("upgrade", "websocket")]
    good += [("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
    headers = good if dice.below(4) else []
    headers += [(dice.one(_NAMES), _value(dice)) for _ in range(dice.below(8))]
    method = "GET" if dice.below(8) else dice.text()
    arrived = read_arrival(method, target, headers)
    assert isinstance(arrived, Arrival | Attaching | TurnedAway)
    is_allowed(headers, ("https://*.example.org",))
    address = client_address("10.0.0.9", headers, ("10.0.0.0/8", "::1"))
    assert re.fullmatch(r"[0-9a-fA-F:.%\w]{1,64}", address), address


def _value(dice: Dice) -> str:
    return str(dice.one(_VALUES)) if dice.below(3) else dice.text()


# -- Calls -------------------------------------------------------------------------------------------------


def _in_talks() -> Iterator[bytes]:
    for talk in sorted(TESTS.glob("talks/**/*.talk")):
        yield from (one.encode() for one in re.findall(r"^[cp]> (\{.*\})$", talk.read_text(), flags=re.M))


def _in_examples(value: Any) -> Iterator[Any]:
    """Of GPT-Live: whatever has a type."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        for member in value.values():
            yield from _in_examples(member)


_OPENAI = [msgspec.json.decode(one) for one in dict.fromkeys(_in_talks())]
_LIVE = list(_in_examples(msgspec.json.decode((TESTS / "gpt_live_examples.json").read_bytes())))
_BLOB = {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}
_GEMINI: list[Any] = [
    {"setup": {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}}},
    {"setup": {"model": "models/m", "tools": [{"functionDeclarations": [{"name": "f"}]}]}},
    {"setup": {"model": "m", "sessionResumption": {"handle": "h"}, "inputAudioTranscription": {}}},
    {"realtimeInput": {"audio": _BLOB}},
    {"realtimeInput": {"mediaChunks": [_BLOB]}},
    {"realtimeInput": {"text": "Hi", "audioStreamEnd": True}},
    {"realtimeInput": {"activityStart": {}}},
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "Hi"}]}], "turnComplete": True}},
    {"toolResponse": {"functionResponses": [{"id": "f1", "name": "f", "response": {"a": 1}}]}},
    {"setupComplete": {}},
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": _BLOB}]}}},
    {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}]}}},
    {"serverContent": {"outputTranscription": {"text": " Hello"}}},
    {"serverContent": {"inputTranscription": {"text": " Hi", "finished": True}}},
    {"serverContent": {"generationComplete": True}},
    {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 7}},
    {"serverContent": {"interrupted": True, "turnComplete": True}},
    {"toolCall": {"functionCalls": [{"id": "f1", "name": "f", "args": {"a": 1}}]}},
    {"toolCallCancellation": {"ids": ["f1"]}},
    {"goAway": {"timeLeft": "50s"}},
    {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
]


def _opens(spoken: list[Any], kind: str) -> bytes:
    """The first of them, by which a call begins."""
    return msgspec.json.encode(next(one for one in spoken if one.get("type") == kind or kind in one))


# What is said first, or a call would seldom begin: by a client, by a provider.
_FIRST = {"openai": b"", "gemini": _opens(_GEMINI, "setup"), "gpt-live": _opens(_LIVE, "session.start")}
_GREETING = {
    "openai": _opens(_OPENAI, "session.created"),
    "gemini": _opens(_GEMINI, "setupComplete"),
    "gpt-live": _opens(_LIVE, "session.started"),
}


def _message(dice: Dice, spoken: list[Any]) -> bytes:
    """One that is spoken, as it is or with something odd in it; or noise."""
    kind = dice.below(8)
    if kind == 0:
        return dice.bytes(80)
    message = dice.one(spoken)
    if kind < 4:
        message = msgspec.json.decode(msgspec.json.encode(message))
        for _ in range(1 + dice.below(3)):
            _spoil(dice, message)
    return msgspec.json.encode(message)


def _spoil(dice: Dice, message: Any) -> None:
    inside = message
    for _ in range(dice.below(6)):
        members = list(inside.values()) if isinstance(inside, dict) else inside
        deeper = [one for one in members if isinstance(one, dict | list) and one]
        if not deeper:
            break
        inside = dice.one(deeper)
    if not inside:
        return
    place = dice.one(list(inside)) if isinstance(inside, dict) else dice.below(len(inside))
    if dice.below(4) or isinstance(inside, list):
        inside[place] = deepcopy(dice.one(ODD))
    else:
        del inside[place]


class _Call:
    """A session with both ends in the dice's hands, and a clock."""

    def __init__(self, client: Dialect, client_side: Any, provider: Dialect, dice: Dice) -> None:
        self.us, numbers = 1_000_000, count(1)
        self.dice, self.ended, self.greeting = dice, False, _GREETING[provider.NAME]
        target = Target(provider="p", model="m", greets=provider is openai)
        strict = provider is not gpt_live and bool(dice.below(2))  # there little would begin
        backend = "b" if provider is gpt_live is not client else ""
        terms = Terms(strict=strict, tell_switches=True, transcribe_with="w", backend_model=backend)
        translated = provider is openai and client is openai and not dice.below(4)
        self.session = Session(
            run_id="run",
            client=client,
            client_side=client_side(lambda kind: f"{kind}_{next(numbers)}", self.now),
            choose=lambda model: Ways(ways=(Way(target, terms, provider, 3600.0, translated),) * 2),
            model="m",
            health=Health(self.now),
            now_us=self.now,
            random=lambda: 0.5,
            new_id=lambda kind: f"{kind}_{next(numbers)}",
        )
        self.take(self.session.begin())

    def now(self) -> int:
        return self.us

    def take(self, answer: Any) -> None:
        assert not (self.ended and answer is not PASS and any(isinstance(one, End) for one in answer))
        if answer is not PASS:
            steps: Steps = answer
            self.ended |= any(isinstance(one, End) for one in steps)

    def go_on(self, of_client: list[Any], of_provider: list[Any]) -> None:
        call, dice = self.session, self.dice
        what = dice.below(12)
        if call.phase is Phase.ASKING:
            grant = Grant(account_id="a", session_id="s", credits=1_000, history="user: Hi\n" * dice.below(2))
            self.take(call.granted(grant, Purse(1_000)))
        elif call.phase is Phase.DIALLING and what < 9:
            self.take(call.provider_opened(call.generation))
        elif call.phase is Phase.HEARING and what < 6:
            self.take(call.from_client(_FIRST[call.dialect]))
        elif call.phase is Phase.GREETING and what < 6:
            self.take(call.from_provider(call.generation, self.greeting))
        elif what < 4:
            self.take(call.from_client(_message(dice, of_client)))
        elif what < 9:
            self.take(call.from_provider(call.generation, _message(dice, of_provider)))
        elif what == 9:
            self.us += dice.below(1 << 16) * 1_000
            self.take(call.woke())
        elif what == 10:
            self.take(call.provider_lost(call.generation, bool(dice.below(2))))
        else:
            self.take(call.provider_closed(call.generation, 1000 + dice.below(20), dice.text()))


def _calling(
    client: Dialect, client_side: Any, of_client: list[Any], provider: Dialect, of: list[Any]
) -> Any:
    def play(data: bytes) -> None:
        dice = Dice(data)
        call = _Call(client, client_side, provider, dice)
        while dice.rolls and call.session.phase is not Phase.ENDED:
            call.go_on(of_client, of)
        if call.session.phase is not Phase.ENDED:
            call.take(call.session.client_left())

    return play


# -- The link ----------------------------------------------------------------------------------------------

_PASSAGE = {"id": "p", "account_id": "a", "session_id": "s", "text": "user: Hi\n", "born_us": 1}
_BILL = {"id": "r", "account_id": "a", "session_id": "s", "provider": "p", "tokens": {"input": 3}}
_LINKED: list[Any] = [
    {"type": "hello", "id": 1, "version": 2, "boot": "b"},
    {"type": "validate_and_load", "id": 2, "key_hash": "a" * 64, "session_id": "s"},
    {"type": "get_credits", "id": 3, "account_id": "a"},
    {"type": "update_usage", "id": 4, "records": [_BILL, _BILL]},
    {"type": "save_session", "id": 5, "saved": {**_PASSAGE, "config": "{}"}},
    {"type": "append_conversation", "id": 6, "passages": [_PASSAGE]},
    {"type": "ask", "id": 7, "key_hash": "a", "question": {"type": "account"}},
    {"type": "granted", "id": 2, "grant": {"account_id": "a", "session_id": "s", "credits": 3}},
    {"type": "refused", "id": 2, "refusal": {"code": "EXTERNAL_INVALID_AUTH", "message": "m"}},
    {"type": "credits", "id": 3, "credits": 5},
    {"type": "kept", "id": 5},
    {"type": "failure", "id": 5, "code": "INTERNAL_UNEXPECTED", "message": "m"},
]


def link(data: bytes) -> None:
    """What arrives becomes a message or Unreadable; a message is written as it was read."""
    dice = Dice(data)
    kind = dice.below(4)
    if kind == 0:
        payload = dice.bytes(200)
    else:
        message = msgspec.msgpack.decode(msgspec.msgpack.encode(dice.one(_LINKED)))
        for _ in range(dice.below(3)):
            _spoil(dice, message)
        try:
            payload = msgspec.msgpack.encode(message)
        except OverflowError:  # no number of msgpack's
            return
        if kind == 1:
            payload = payload[: dice.below(len(payload) + 1)] + dice.bytes(20)
    for decode in (envelope.decode_request, envelope.decode_reply):
        try:
            read = decode(payload)
        except envelope.Unreadable:
            continue
        assert decode(envelope.encode(read)) == read


def _openai_side(new_id: Any, now_us: Any) -> Any:
    return openai.ClientSide(new_id)


def _openai_beta_side(new_id: Any, now_us: Any) -> Any:
    return openai.ClientSide(new_id, True)


def _gemini_side(new_id: Any, now_us: Any) -> Any:
    return gemini.ClientSide(new_id)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "door": door,
    "link": link,
    "openai": _calling(openai, _openai_side, _OPENAI, openai, _OPENAI),
    "openai-beta": _calling(openai, _openai_beta_side, _OPENAI, openai, _OPENAI),
    "openai-to-gemini": _calling(openai, _openai_side, _OPENAI, gemini, _GEMINI),
    "openai-to-gpt-live": _calling(openai, _openai_side, _OPENAI, gpt_live, _LIVE),
    "gemini": _calling(gemini, _gemini_side, _GEMINI, gemini, _GEMINI),
    "gemini-to-openai": _calling(gemini, _gemini_side, _GEMINI, openai, _OPENAI),
    "gemini-to-gpt-live": _calling(gemini, _gemini_side, _GEMINI, gpt_live, _LIVE),
    "gpt-live": _calling(gpt_live, gpt_live.ClientSide, _LIVE, gpt_live, _LIVE),
    "gpt-live-to-openai": _calling(gpt_live, gpt_live.ClientSide, _LIVE, openai, _OPENAI),
    "gpt-live-to-gemini": _calling(gpt_live, gpt_live.ClientSide, _LIVE, gemini, _GEMINI),
}
