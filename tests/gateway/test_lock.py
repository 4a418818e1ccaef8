"""What a token fixes of a Gemini client's first message, as a table."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.accounts.questions import UseToken
from realtime_switch.dialects.dialect import FirstWord, Hangup
from realtime_switch.gateway.client_secrets import Bound, Lock
from realtime_switch.gateway.lock import Locked, overwritten

NO_SETUP = Hangup(1007, "Request contains an invalid argument.")


def setup_of(payload: bytes | Hangup) -> Any:
    assert isinstance(payload, bytes)
    message = msgspec.json.decode(payload)
    assert message.keys() == {"setup"}
    return message["setup"]


def says(setup: object) -> bytes:
    return msgspec.json.encode({"setup": setup})


MINE = {"model": "models/m", "systemInstruction": {"parts": [{"text": "Be brief."}]}}

# What the token has, what the client says, what is heard.
CASES: dict[str, tuple[Lock, dict[str, Any], dict[str, Any]]] = {
    "a setup without fields takes the place of the client's": (
        Lock(setup=MINE),
        {"model": "models/other", "tools": [{"googleSearch": {}}]},
        MINE,
    ),
    "but which connection goes on is the client's to say": (
        Lock(setup=MINE),
        {"model": "models/other", "session_resumption": {"handle": "h"}},
        {"sessionResumption": {"handle": "h"}, **MINE},
    ),
    "unless the token says that, too": (
        Lock(setup={**MINE, "sessionResumption": {}}),
        {"sessionResumption": {"handle": "h"}},
        {**MINE, "sessionResumption": {}},
    ),
    "a field takes the place of the client's, and the rest stays": (
        Lock(setup={"model": "models/m"}, fields=("model",)),
        {"model": "models/other", "tools": []},
        {"model": "models/m", "tools": []},
    ),
    "a field that the token leaves empty is empty": (
        Lock(setup={"model": "models/m"}, fields=("model", "tools")),
        {"model": "models/other", "tools": [{"googleSearch": {}}]},
        {"model": "models/m"},
    ),
    "without any setup, too": (Lock(fields=("tools",)), {"model": "m", "tools": [1]}, {"model": "m"}),
    "an inner field": (
        Lock(
            setup={"generationConfig": {"temperature": 1, "topP": 2}},
            fields=("generationConfig.temperature",),
        ),
        {"generationConfig": {"temperature": 9, "topP": 9}},
        {"generationConfig": {"temperature": 1, "topP": 9}},
    ),
    "an inner field of what the client does not say": (
        Lock(setup={"generationConfig": {"temperature": 1}}, fields=("generationConfig.temperature",)),
        {"model": "m"},
        {"model": "m", "generationConfig": {"temperature": 1}},
    ),
    "an inner field that neither says": (
        Lock(fields=("inputAudioTranscription.languageCodes",)),
        {"inputAudioTranscription": {}},
        {"inputAudioTranscription": {}},
    ),
    "an inner field of what the client says as something else": (
        Lock(setup={"generationConfig": {"temperature": 1}}, fields=("generationConfig.temperature",)),
        {"generationConfig": "x"},
        {"generationConfig": {"temperature": 1}},
    ),
    "in whatever casing": (
        Lock(
            setup={"system_instruction": {"parts": []}, "generation_config": {"top_p": 1}},
            fields=("system_instruction.parts", "generationConfig.topP"),
        ),
        {"systemInstruction": {"parts": [1], "role": "user"}, "generation_config": {"topP": 2}},
        {"systemInstruction": {"parts": [], "role": "user"}, "generationConfig": {"topP": 1}},
    ),
    "a member in both casings": (
        Lock(setup={"systemInstruction": {"parts": []}}, fields=("systemInstruction",)),
        {"systemInstruction": {"parts": [1]}, "system_instruction": {"parts": [2]}},
        {"systemInstruction": {"parts": []}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_tokens_setup_is_put_over_the_clients(case: str) -> None:
    lock, said, heard = CASES[case]
    assert setup_of(overwritten(says(said), lock)) == heard


NO_SETUPS = [
    b"",
    b"{}",
    b"not json",
    b'{"setup":1}',
    b'{"setup":[]}',
    b'{"setup":{},"realtimeInput":{}}',
    b'{"setup":{},"setup":{}}',
    b'{"setup":{"model":"a","model":"b"}}',
    b'{"clientContent":{}}',
    b'{"setup":' + b"[" * 5000 + b"]" * 5000 + b"}",
]


@pytest.mark.parametrize("payload", NO_SETUPS)
def test_what_cannot_be_overwritten_does_not_pass(payload: bytes) -> None:
    assert overwritten(payload, Lock(setup=MINE)) == NO_SETUP


@given(st.binary(max_size=200), st.text(max_size=30))
def test_whatever_comes_is_a_setup_of_the_tokens_or_none(payload: bytes, path: str) -> None:
    assert overwritten(payload, Lock(setup=MINE)) in (NO_SETUP, says(MINE))
    assert isinstance(overwritten(payload, Lock(setup=MINE, fields=(path,))), bytes | Hangup)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abC_", min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)
setups = st.dictionaries(
    st.sampled_from(["model", "tools", "system_instruction", "systemInstruction"]), json_values
)


@given(client=setups, token=setups)
def test_a_locked_field_never_comes_from_the_client(client: dict[str, Any], token: dict[str, Any]) -> None:
    lock = Lock(setup=token, fields=("system_instruction", "model"))
    heard = setup_of(overwritten(says(client), lock))
    again = setup_of(overwritten(says({}), lock))
    assert {key: heard.get(key) for key in ("systemInstruction", "model")} == {
        key: again.get(key) for key in ("systemInstruction", "model")
    }
    assert "system_instruction" not in heard


# -- Times, sessions, models -------------------------------------------------------------------------------

BOUND = Bound(key_hash="h", session_id="ada", expires_at=2000, begins_until=1000, dialect="gemini")
ANOTHER = "BidiGenerateContent session not found: this token was made for another one."
EXPIRED = "API key not valid: the token is invalid or has expired. Ask for a new one."

WORDS: dict[str, tuple[dict[str, Any], FirstWord, int, FirstWord | Hangup]] = {
    "in time": ({}, FirstWord(model="m"), 999, FirstWord(model="m")),
    "too late to begin": ({}, FirstWord(model="m"), 1000, Hangup(1007, EXPIRED)),
    "not too late to go on": ({}, FirstWord(session_id="ada"), 1500, FirstWord(session_id="ada")),
    "a handle of another session": ({}, FirstWord(session_id="bob"), 999, Hangup(1008, ANOTHER)),
    "without a time to begin": ({"begins_until": 0}, FirstWord(), 1999, FirstWord()),
    "its model": (
        {"model": "voice"},
        FirstWord(model="models/voice"),
        1,
        FirstWord(model="models/voice"),
    ),
    "no model": ({"model": "voice"}, FirstWord(), 1, FirstWord()),
    "another model": (
        {"model": "voice"},
        FirstWord(model="models/other"),
        1,
        Hangup(1008, "This token was made for another model."),
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_a_token_opens_its_own_session_with_its_own_model_in_its_time(case: str) -> None:
    bound, word, now_s, heard = WORDS[case]
    read = Locked(lambda payload: word, msgspec.structs.replace(BOUND, **bound), lambda: float(now_s))
    assert read(says({})) == heard


@pytest.mark.parametrize(
    ("word", "goes_on"), [(FirstWord(model="m"), False), (FirstWord(session_id="ada"), True)]
)
def test_what_a_token_may_open_is_asked_for_with_the_call(word: FirstWord, goes_on: bool) -> None:
    counted = msgspec.structs.replace(BOUND, uses=3, token_id="t")
    lock = Locked(lambda payload: word, counted, lambda: 0.0)
    lock(says({}))
    asked = UseToken(token_id="t", call_id="run-1", uses=3, until_us=2_000_000_000, goes_on=goes_on)
    assert lock.use("run-1") == asked
    assert Locked(lambda payload: word, BOUND, lambda: 0.0).use("run-1") is None


HANDLES = {
    "": FirstWord(),
    '{"sessionResumption":{}}': FirstWord(),
    '{"sessionResumption":{"handle":""}}': FirstWord(),
    '{"sessionResumption":{"handle":"b2f7"}}': Hangup(1008, ANOTHER),
    '{"session_resumption":{"handle":"b2f7"}}': Hangup(1008, ANOTHER),
}


@pytest.mark.parametrize("setup", HANDLES)
def test_a_providers_own_handle_is_not_for_whoever_has_a_token(setup: str) -> None:
    payload = b'{"setup":' + (setup or "{}").encode() + b"}"
    assert Locked(lambda payload: FirstWord(), BOUND, lambda: 0.0)(payload) == HANDLES[setup]


def test_what_the_dialect_refuses_stays_refused() -> None:
    no = Hangup(1007, "no")
    assert Locked(lambda payload: no, BOUND, lambda: 0.0)(b"") == no


def test_the_dialect_reads_what_the_token_made_of_it() -> None:
    heard: list[bytes] = []

    def read(payload: bytes) -> FirstWord:
        heard.append(payload)
        return FirstWord(config=payload.decode())

    bound = msgspec.structs.replace(BOUND, lock=Lock(setup=MINE))
    assert Locked(read, bound, lambda: 0.0)(says({"model": "other"})) == FirstWord(config=says(MINE).decode())
    assert heard == [says(MINE)]
    assert Locked(read, BOUND, lambda: 0.0)(b"as it is") == FirstWord(config="as it is")
