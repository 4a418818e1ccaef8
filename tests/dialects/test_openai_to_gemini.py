"""An OpenAI client on a Gemini provider, both halves joined: the examples of the reference."""

from base64 import b64decode, b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from gemini_anything import MESSAGE, PAYLOAD
from gemini_frames import tight
from openai_anything import FRAME
from openai_client import agrees
from realtime_switch.dialects.acts import GoingAway, Handle, Trouble, Usage
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.sound import PCM_16K, PCM_24K, silence
from realtime_switch.session.lane import Heard
from two_dialects import GEMINI, OpenAICall

_TEXT = (Path(__file__).parents[1] / "translation_examples.json").read_bytes()
# The others are the other way round.
EXAMPLES = {one["id"]: one for one in msgspec.json.decode(_TEXT) if one["id"][0] in "AB"}

MANUAL = {"audio": {"input": {"turn_detection": None}}}
WORDS = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
G711 = {"audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}}}
ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Ho."}]},
    {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA" * 1600}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "{}"},
    {"type": "function_call_output", "call_id": "fc-1", "output": "It leaves."},
]
ITEM_1 = {"item_id": "item_1"}
QUIET = "AAAAAAAAAAAAAAAA"  # 6 samples


def said(text: str) -> dict[str, Any]:
    return {"serverContent": {"outputTranscription": {"text": text}}}


def sound(ms: int) -> dict[str, Any]:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": silence(PCM_24K, ms)}
    return {"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}}


class FromProvider(Struct, frozen=True):
    payload: bytes


def append(ms: int) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": silence(PCM_24K, ms)}


def voice(kind: str, offset: str) -> dict[str, Any]:
    return {"voiceActivity": {"type": f"ACTIVITY_{kind}", "audioOffset": offset}}


TURN = [voice("START", "0.1s"), voice("END", "0.9s")]
MADE = {"serverContent": {"generationComplete": True}}
INTERRUPTED = {"serverContent": {"interrupted": True}}
OVER = {"serverContent": {"turnComplete": True}}
ONE_CALL = {"toolCall": {"functionCalls": [{"id": "fc-1", "name": "find_tram", "args": {}}]}}


class Case(Struct, frozen=True):
    """What the example takes for given, and where we say something else than it does."""

    session: dict[str, Any] = {}
    before: list[dict[str, Any]] = []
    items: list[str] = []  # their ids, in the order in which they come to be
    strict: bool = False
    omitted: tuple[str, ...] = ()  # kinds of events that the example leaves out
    message: str = ""  # of an error: `param` says what it is about, so the message need not
    to_provider: list[dict[str, Any]] | None = None


def microphone(base64: str, rate_hz: int = 24_000) -> dict[str, Any]:
    return {"realtimeInput": {"audio": {"mimeType": f"audio/pcm;rate={rate_hz}", "data": base64}}}


CASES: dict[str, Case] = {
    # PCM passes under its true rate, as the note there says it may.
    "A05": Case(to_provider=[microphone(QUIET)]),
    "A07": Case(
        session=MANUAL,
        before=[append(200)],
        items=["item_u1"],
        to_provider=[
            {"realtimeInput": {"activityStart": {}}},
            microphone(silence(PCM_24K, 200)),
            {"realtimeInput": {"activityEnd": {}}},
        ],
    ),
    "A08": Case(session=MANUAL),
    "A09": Case(items=["item_u1"]),
    "A11": Case(omitted=("conversation.item.added", "conversation.item.done")),
    "A13": Case(before=[*TURN, ONE_CALL], items=["item_u1", "item_f1", "item_o1"]),
    "A15": Case(session={"tools": [{"type": "function", "name": "find_tram"}]}),
    "A16": Case(
        strict=True, message="This backend fixes it when the session starts; it cannot be changed now."
    ),
    "A18": Case(before=[*TURN, sound(1_500), INTERRUPTED, OVER], items=["item_u1", "item_a1"]),
    "A20": Case(message="response.conversation is not available on this backend."),
    "A21": Case(strict=True),
    "B01": Case(session=WORDS, items=["item_u1", "item_a1"]),
    "B04": Case(before=[*TURN, said("One moment.")], items=["item_u1", "item_a1", "item_f1", "item_f2"]),
    "B05": Case(before=[*TURN, ONE_CALL], items=["item_u1", "item_f1", "item_o1"]),
    "B10": Case(before=[*TURN, said("To do that")], items=["item_u1", "item_a1"]),
    "B11": Case(
        session={"output_modalities": ["text"]},
        before=[*TURN, {"type": "response.create"}],
        items=["item_u1", "item_a1"],
    ),
    "B14": Case(
        session=WORDS,
        before=[append(7_400), *TURN, sound(100), said("In four minutes."), MADE],
        items=["item_u1", "item_a1", "item_u2"],
    ),
}


def test_every_example_is_tried():
    source = Path(__file__).read_text()
    assert all(f'"{name}"' in source for name in EXAMPLES)


def play(call: OpenAICall, messages: list[dict[str, Any]]) -> OpenAICall:
    """Said by whose they are: an OpenAI client's have a type."""
    for message in messages:
        call.client(message) if "type" in message else call.provider(message)
    return call


def told_as(example: dict[str, Any], events: list[dict[str, Any]], message: str = "") -> bool:
    expected = example["to_client"]
    if message:
        expected = [{**event, "error": {**event["error"], "message": message}} for event in expected]
    assert [event["type"] for event in events] == [event["type"] for event in expected]
    for event, like in zip(events, expected, strict=True):
        assert agrees(like, event), (like, event)
    return True


@pytest.mark.parametrize("name", CASES)
def test_the_example(name):
    case, example = CASES[name], EXAMPLES[name]
    call = OpenAICall(ids={"item": case.items}, strict=case.strict).ready(**case.session)
    play(call, case.before).forget()
    play(call, example["input"])
    told = [event for event in call.to_client if event["type"] not in case.omitted]
    assert told_as(example, told, case.message)
    expected = example.get("to_backend", []) if case.to_provider is None else case.to_provider
    assert call.to_provider == expected


def test_a01_a_client_is_greeted_before_anything_is_known():
    call = OpenAICall()
    assert told_as(EXAMPLES["A01"], call.to_client)
    assert call.to_provider == []


@pytest.mark.parametrize("name", ["A02", "A03"])
def test_a02_a03_the_first_update_is_the_setup_and_its_answer_session_updated(name):
    example = EXAMPLES[name]
    call = OpenAICall(beta=name == "A03")
    call.forget()
    update, confirmed = example["input"]
    assert call.first_word(update)
    assert (call.to_provider, call.to_client) == (example["to_backend"], [])
    call.provider(confirmed)
    assert told_as(example, call.to_client)


def test_a04_nothing_stands_beside_turns_that_are_not_found():
    call = OpenAICall()
    assert call.first_word(EXAMPLES["A04"]["input"][0])
    assert call.to_provider == EXAMPLES["A04"]["to_backend"]


def test_a05_sound_is_resampled_for_a_provider_of_which_that_is_said():
    target = structs.replace(GEMINI, input=PCM_16K)
    call = OpenAICall(target).ready()
    play(call, EXAMPLES["A05"]["input"])
    call.client({"type": "input_audio_buffer.append", "audio": silence(PCM_24K, 100)})
    call.client({"type": "input_audio_buffer.commit"})  # what the filter still holds
    *audio, pause = call.to_provider
    assert pause == {"realtimeInput": {"audioStreamEnd": True}}
    assert {one["realtimeInput"]["audio"]["mimeType"] for one in audio} == {"audio/pcm;rate=16000"}
    sent = b"".join(b64decode(one["realtimeInput"]["audio"]["data"]) for one in audio)
    assert len(sent) == 4 * 2 + 100 * PCM_16K.bytes_per_ms


def test_b07_a_provider_that_goes_away_is_only_heard_and_the_next_goes_on_where_it_was():
    """Which connection a call has is the session's to say. The example leaves out the voice, which
    TRANSLATION.md 3 has fixed so that it does not change with the model's default."""
    call = OpenAICall().ready()
    call.provider({"sessionResumptionUpdate": {"newHandle": "h-77", "resumable": True}})
    call.provider(EXAMPLES["B07"]["input"][0])
    assert (call.acts, call.to_client) == ([Handle("h-77"), GoingAway(50_000)], [])
    call.connect()
    call.set_up("h-77")
    (expected,) = EXAMPLES["B07"]["to_backend"]
    voice = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
    expected["setup"]["generationConfig"]["speechConfig"] = {**voice}
    assert (call.to_provider, call.to_client) == ([expected], [])


def test_b08_why_a_provider_hung_up_is_named():
    """The code is OpenAI's own for it; the words to the client and its close are the session's."""
    call = OpenAICall()
    call.first_word({"type": "response.create"})
    close = EXAMPLES["B08"]["input"][0]["close"]
    (hop,) = call.lane.closed(close["code"], close["reason"])
    assert hop == Heard(Trouble("invalid_api_key", close["reason"]))


def test_b12_an_older_spelling_and_sound_of_another_kind():
    """The filter waits for more of the stream, so two samples come when there is no more of it."""
    call = OpenAICall(beta=True, ids={"item": ["item_a1"]}).ready(output_audio_format="g711_ulaw")
    call.client({"type": "response.create"})
    call.provider(said(" ")).forget()
    sound, words = EXAMPLES["B12"]["input"]
    call.provider(sound, MADE, words)
    assert told_as(EXAMPLES["B12"], call.to_client)


def test_an_item_with_sound_is_a_turn_whose_words_are_told_by_the_clients_own_name():
    call = OpenAICall().ready(audio={"input": {"turn_detection": None, **WORDS["audio"]["input"]}})
    sound_item = {"id": "mine", **ITEMS[3]}
    call.client({"type": "conversation.item.create", "item": sound_item}, {"type": "response.create"})
    call.provider({"serverContent": {"inputTranscription": {"text": "Hi."}}}, sound(100), OVER)
    told = [(event["type"], event.get("item_id")) for event in call.to_client[:6]]
    assert told == [
        ("conversation.item.added", None),
        ("conversation.item.done", None),
        ("response.created", None),
        ("conversation.item.input_audio_transcription.delta", "mine"),
        ("response.output_item.added", None),
        ("conversation.item.added", None),
    ]
    assert next(one for one in call.to_client if one.get("transcript") == "Hi.")["item_id"] == "mine"


BILL = {"promptTokenCount": 40, "responseTokenCount": 10, "totalTokenCount": 50}
BARE = {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 5}}


def usages(call: OpenAICall) -> list[tuple[int, int] | None]:
    told = [event["response"]["usage"] for event in call.to_client if event["type"] == "response.done"]
    return [usage and (usage["input_tokens"], usage["output_tokens"]) for usage in told]


def test_tokens_that_no_open_response_is_told_of_are_told_with_the_next():
    """TRANSLATION.md 12, B04: some backends end a turn of calls with a bare turnComplete."""
    call = OpenAICall().ready()
    call.provider(ONE_CALL, BARE)
    assert usages(call) == [None]
    answer = {"type": "function_call_output", "call_id": "fc-1", "output": "{}"}
    call.client({"type": "conversation.item.create", "item": answer}, {"type": "response.create"})
    call.provider(sound(100), {**OVER, "usageMetadata": BILL})
    assert usages(call) == [None, (45, 10)]
    call.client({"type": "response.create"})
    call.provider(sound(100), {**OVER, "usageMetadata": BILL})
    assert usages(call) == [None, (45, 10), (40, 10)]
    billed = [act.input for act in call.acts if isinstance(act, Usage)]
    assert billed == [5, 40, 40]  # each when it comes


def test_a_response_that_is_done_when_it_is_made_leaves_its_tokens_to_the_next():
    call = OpenAICall(reply_ends="made").ready()
    call.client({"type": "response.create"})
    call.provider(sound(1_000), MADE).wake(0.3)
    assert usages(call) == [None]
    call.client({"type": "response.create"})
    call.provider({**OVER, "usageMetadata": BILL}, sound(100), {**OVER, "usageMetadata": BILL})
    assert usages(call) == [None, (80, 20)]


# -- Whatever comes ------------------------------------------------------------------------------------------

FROM_CLIENT = st.sampled_from(
    [
        append(20),
        append(200),
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
        {"type": "response.create"},
        {"type": "response.create", "response": {"instructions": "Briefly.", "metadata": {"a": "b"}}},
        {"type": "response.cancel"},
        {"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}},
        {"type": "session.update", "session": {"type": "realtime", **MANUAL}},
        {"type": "session.update", "session": {"type": "realtime", **WORDS}},
        {
            "type": "conversation.item.truncate",
            "item_id": "item_1",
            "content_index": 0,
            "audio_end_ms": 0,
        },
        {"type": "conversation.item.delete", "item_id": "item_1"},
        {"type": "conversation.item.retrieve", "item_id": "item_1"},
        *[{"type": "conversation.item.create", "item": item} for item in ITEMS],
    ]
)
SESSION = st.sampled_from([{}, MANUAL, WORDS, {"output_modalities": ["text"]}, G711])
PROFILE = st.sampled_from([Profile(), Profile(content="seed_only", context_update=False, text=True)])
PATIENCE = st.sampled_from([0.6, 6.0, 40.0])  # seconds
PROPER = FROM_CLIENT | MESSAGE.map(tight).map(FromProvider) | PATIENCE
ANY = PROPER | FRAME | PAYLOAD.map(FromProvider)


@pytest.mark.parametrize("event", [PROPER, ANY], ids=["proper", "any"])
@settings(max_examples=200)
@given(
    data=st.data(),
    session=SESSION,
    profile=PROFILE,
    strict=st.booleans(),
    reply_ends=st.sampled_from(["as_provider", "made"]),
)
def test_each_reply_that_begins_ends_once_and_every_frame_is_what_the_sdks_expect(
    event, data, session, profile, strict, reply_ends
):
    events = data.draw(st.lists(event, max_size=30))
    target = structs.replace(GEMINI, profile=profile)
    call = OpenAICall(target, strict=strict, reply_ends=reply_ends).ready(**session)
    for event in events:
        if isinstance(event, float):
            call.wake(event)
        elif isinstance(event, FromProvider):
            call.provider(event.payload)
        else:
            call.client(event)
        assert open_replies(call.to_client) <= 1
    for _ in range(3):  # whatever the provider leaves open ends in time
        call.wake(40.0)
    assert open_replies(call.to_client) == 0
    assert call.client_side.close_replies() == []


def open_replies(events: list[dict[str, Any]]) -> int:
    begun, over = set(), set()
    for event in events:
        if event["type"] == "response.created":
            assert event["response"]["id"] not in begun
            begun.add(event["response"]["id"])
        elif event["type"] == "response.done":
            assert event["response"]["id"] in begun - over
            over.add(event["response"]["id"])
    return len(begun - over)


@given(
    st.binary(min_size=2, max_size=9_000),
    st.lists(st.integers(0, 9_000), max_size=4),
    st.sampled_from([{}, {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}]),
    st.sampled_from([PCM_24K, PCM_16K]),
    st.booleans(),
)
def test_however_a_client_cuts_up_its_sound_the_provider_gets_the_same_samples(
    data, cuts, session, best, manual
):
    turns = {"turn_detection": None if manual else {"type": "server_vad"}}
    came = {**session.get("audio", {}).get("input", {}), **turns}

    def sent(pieces):
        call = OpenAICall(structs.replace(GEMINI, input=best)).ready(audio={"input": came})
        for piece in [*pieces, bytes(4_800)]:
            call.client({"type": "input_audio_buffer.append", "audio": b64encode(piece).decode()})
        call.client({"type": "input_audio_buffer.commit"}, {"type": "response.create"})
        blobs = [one["realtimeInput"].get("audio") for one in call.to_provider if "realtimeInput" in one]
        assert len({blob["mimeType"] for blob in blobs if blob}) == 1
        return b"".join(b64decode(blob["data"]) for blob in blobs if blob)

    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert sent([data[start:end] for start, end in pairwise(edges)]) == sent([data])
