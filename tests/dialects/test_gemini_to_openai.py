"""A Gemini client on an OpenAI provider, both halves joined: the examples of the reference."""

from base64 import b64decode, urlsafe_b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemini_client_frames as gemini
import openai_frames as openai
from realtime_switch.dialects.acts import Usage
from realtime_switch.dialects.dialect import Hangup
from two_dialects import SPOKEN, Call, audio, called, created, done

_TEXT = (Path(__file__).parents[1] / "translation_examples.json").read_bytes()
# The others are the other way round.
EXAMPLES = {one["id"]: one for one in msgspec.json.decode(_TEXT) if one["id"][0] in "CD"}


def example(name: str, call: Call) -> dict[str, Any]:
    """Its input, said by whose it is: an OpenAI provider's messages have a type."""
    for message in EXAMPLES[name]["input"]:
        call.provider(message) if "type" in message else call.client(message)
    return EXAMPLES[name]


def test_every_example_is_tried():
    source = Path(__file__).read_text()
    assert all(f'"{name}"' in source for name in EXAMPLES)


def test_c01_the_setup_becomes_a_session_and_its_answer_a_setup_complete():
    shown = EXAMPLES["C01"]
    said, confirmed = shown["input"]
    call = Call(msgspec.json.encode(said), session_id="gw-1")
    assert call.word.model == "gpt-realtime"
    assert (call.to_provider, call.to_client) == (shown["to_backend"], [])
    call.provider(confirmed)
    # The handle is ours, and says so.
    handle = {"sessionResumptionUpdate": {"newHandle": "rs.gw-1", "resumable": True}}
    assert call.to_client == [shown["to_client"][0], handle]


def test_c02_sound_reaches_the_provider_at_its_own_rate():
    call = Call().ready()
    shown = example("C02", call)
    call.client({"realtimeInput": {"audioStreamEnd": True}})  # what the filter still holds
    sent = "".join(event["audio"] for event in call.to_provider)
    assert sent == shown["to_backend"][0]["audio"]


def test_c03_typed_text_stops_the_reply_and_what_was_not_heard_is_taken_back():
    call = Call().ready()
    call.provider(created("resp_9"), audio("AAAA" * 1600 * 18, "item_a9")).forget()
    call.clock.go_on(1.2)
    shown = example("C03", call)
    assert (call.to_provider, call.to_client) == (shown["to_backend"][:-1], shown["to_client"])
    call.provider(done("resp_9", "cancelled", status_details={"type": "cancelled"}))
    assert call.to_provider == shown["to_backend"]
    assert call.to_client[1:] == [{"serverContent": {"turnComplete": True}}]


def test_c04_turns_become_items_and_an_answer_is_asked_for():
    call = Call().ready()
    shown = example("C04", call)
    assert (call.to_provider, call.to_client) == (shown["to_backend"], [])


def test_c06_one_reply_is_asked_for_when_all_calls_are_answered():
    call = Call().ready()
    call.provider(created(), called("call_1"), called("call_2", "weather"), done()).forget()
    shown = example("C06", call)
    assert (call.to_provider, call.to_client) == (shown["to_backend"], [])


def test_c08_instructions_change_in_mid_call():
    call = Call().ready()
    shown = example("C08", call)
    assert (call.to_provider, call.to_client) == (shown["to_backend"], [])


def test_c09_what_openai_cannot_do_is_named_in_the_close():
    shown = EXAMPLES["C09"]
    call = Call(msgspec.json.encode(shown["input"][0])).ready()
    close = shown["to_client"][0]["close"]
    assert (call.hangup, call.to_client) == (Hangup(close["code"], close["reason"]), [])


def test_c11_a_pause_is_silence_where_somebody_was_speaking():
    call = Call().ready()
    example("C11", call)
    assert call.to_provider == []
    call.provider({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u"})
    example("C11", call)
    # 200 ms end a turn where the client does not say otherwise, and 100 to be sure, at 48 bytes each.
    (event,) = call.to_provider
    assert event == {"type": "input_audio_buffer.append", "audio": "A" * (300 * 48 // 3 * 4)}


def test_d01_a_voice_turn_is_told():
    call = Call().ready()
    shown = example("D01", call)
    assert (call.to_provider, call.to_client) == ([], shown["to_client"])


def test_d04_a_filtered_and_a_failed_reply_end_their_turns():
    call = Call().ready()
    first, second = EXAMPLES["D04"]["input"]
    call.provider(created("resp_1"), first, created("resp_2"), second)
    assert call.to_client == EXAMPLES["D04"]["to_client"]


def test_d05_a_session_that_expires_is_not_the_end_of_the_call():
    """The reference closes; here the call goes on with another connection (A18), as that of an OpenAI
    client does."""
    call = Call().ready()
    example("D05", call)
    assert (call.hangup, call.to_client) == (None, [])


HIDDEN = 'AAAA","type":"session.update","session":{"model":"dear"},"x":"'


@pytest.mark.parametrize("data", [HIDDEN, "é", '"', "AAA\\", "A"])
@pytest.mark.parametrize("mime_type", ["audio/pcm;rate=24000", "audio/pcm"])
@pytest.mark.parametrize("holder", ["audio", "mediaChunks"])
def test_what_is_no_base64_reaches_no_provider(data, mime_type, holder):
    blob = {"mimeType": mime_type, "data": data}
    call = Call().ready()
    call.client({"realtimeInput": {holder: blob if holder == "audio" else [blob]}})
    assert call.to_provider == []
    assert call.hangup == Hangup(1007, "Request contains an invalid argument.")


def test_a_picture_that_is_none_reaches_no_provider():
    call = Call().ready()
    call.client({"realtimeInput": {"video": {"mimeType": "image/png", "data": '"'}}})
    assert (call.to_provider, call.hangup) == ([], Hangup(1007, "Request contains an invalid argument."))


# -- Whatever comes ------------------------------------------------------------------------------------------

MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
FROM_CLIENT = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            {"realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": "AAAA"}}},
            {"realtimeInput": {"text": "hi"}},
            {"realtimeInput": {"text": " "}},
            {"realtimeInput": {"audioStreamEnd": True}},
            {"realtimeInput": {"activityStart": {}}},
            {"realtimeInput": {"activityEnd": {}}},
            {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}},
            {"clientContent": {"turns": [{"parts": [{"text": "hi"}]}], "turnComplete": True}},
            {"clientContent": {}},
            {"toolResponse": {"functionResponses": [{"id": "call_1", "response": {}}]}},
            {
                "toolResponse": {
                    "functionResponses": [{"id": "call_1", "response": {}, "scheduling": "SILENT"}]
                }
            },
            {"contextUpdate": {"systemInstruction": {"parts": [{"text": "x"}]}}},
        ]
    ),
)


class Provider:
    """One that begins replies and ends them, as it must, and says whatever it likes meanwhile."""

    def __init__(self) -> None:
        self.replies = 0
        self.open = ""

    def says(self, number: int) -> bytes:
        if not self.open:
            self.replies += 1
            self.open = f"resp_{self.replies}"
            return created(self.open)
        reply_id = self.open
        said = [
            audio(item_id=f"item_{reply_id}"),
            called("call_1", reply_id=reply_id),
            openai.frame("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u"),
            done(reply_id),
            done(reply_id, "cancelled"),
            done(reply_id, "failed"),
            openai.frame("error", error={"code": "odd", "message": "odd"}),
        ][number % 7]
        if b'"response.done"' in said:
            self.open = ""
        return said


@given(
    st.booleans(),
    st.sampled_from(["as_provider", "heard"]),
    st.lists(st.integers(0, 6) | FROM_CLIENT, max_size=30),
)
def test_each_turn_ends_once_and_every_frame_is_what_the_sdks_expect(manual, reply_ends, events):
    call = Call(gemini.setup(**SPOKEN, **(MANUAL if manual else {})), reply_ends=reply_ends).ready()
    provider = Provider()
    for event in events:
        call.clock.go_on(0.05)
        if isinstance(event, int):
            call.provider(provider.says(event))
        else:
            call.client(event)
    if provider.open:
        call.provider(done(provider.open, "cancelled"))
    call.wake(10)
    frames = [*call.to_client, *map(msgspec.json.decode, call.client_side.close_replies())]
    if open_turn(frames):  # it waits for its tools, and ends with them
        assert not call.client_side.reply_open
        call.forget().client(SILENCED)
        frames += call.to_client
    assert not open_turn(frames)  # nothing that a client saw begin is left open
    assert sum("turnComplete" in frame.get("serverContent", {}) for frame in frames) <= provider.replies + 1


SILENCED = {"toolResponse": {"functionResponses": [{"id": "call_1", "response": {}, "scheduling": "SILENT"}]}}
SHOWN = {"modelTurn", "outputTranscription", "generationComplete"}


def open_turn(frames: list[dict[str, Any]]) -> bool:
    shown = False
    for frame in frames:
        server = frame.get("serverContent", {})
        shown = "turnComplete" not in server and (shown or "toolCall" in frame or bool(SHOWN & set(server)))
    return shown


@given(st.binary(min_size=2, max_size=3000), st.lists(st.integers(0, 3000), max_size=4))
def test_however_a_client_cuts_up_its_sound_the_provider_gets_the_same_samples(data, cuts):
    def sent(pieces):
        call = Call().ready()
        for piece in pieces:
            blob = {"mimeType": "audio/pcm;rate=16000", "data": urlsafe_b64encode(piece).decode().rstrip("=")}
            call.client({"realtimeInput": {"audio": blob}})
        call.client({"realtimeInput": {"audioStreamEnd": True}})
        return b"".join(b64decode(event["audio"]) for event in call.to_provider)

    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert sent([data[start:end] for start, end in pairwise(edges)]) == sent([data])


def test_a_turn_may_be_over_only_when_it_must_have_been_heard():
    call = Call(reply_ends="heard").ready()
    usage = {"usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}
    call.provider(created(), audio("AAAA" * 16_000), done(**usage))
    *_, made = call.to_client
    assert made == {"serverContent": {"generationComplete": True}}
    assert [act.input for act in call.acts if isinstance(act, Usage)] == [3]  # billed at once
    call.forget().wake(1.0)
    (over,) = call.to_client
    assert over["serverContent"] == {"turnComplete": True}
    assert over["usageMetadata"]["totalTokenCount"] == 5


def test_a_turn_that_is_interrupted_while_it_is_played_ends_then():
    call = Call(reply_ends="heard").ready()
    call.provider(created(), audio("AAAA" * 16_000), done()).forget()
    call.provider({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "u"})
    assert call.to_client[1:] == [
        {"serverContent": {"interrupted": True}},
        {"serverContent": {"turnComplete": True}},
    ]


def test_a_turn_that_is_being_played_when_its_provider_goes_is_whole():
    call = Call(reply_ends="heard").ready()
    call.provider(created(), audio("AAAA" * 16_000), done()).forget()
    assert [msgspec.json.decode(frame) for frame in call.client_side.close_replies()] == [
        {"serverContent": {"turnComplete": True}}
    ]


def pieced(response: dict[str, Any], more: bool, **members: Any) -> dict[str, Any]:
    answer = {"id": "call_1", "name": "find_tram", "response": response, "willContinue": more, **members}
    return {"toolResponse": {"functionResponses": [answer]}}


def test_an_answer_in_pieces_is_one_for_openai_wherever_the_call_is_by_then():
    call = Call().ready()
    call.provider(created(), called("call_1"), done()).forget()
    call.client(pieced({"minutes": 4}, more=True))
    assert call.to_provider == []
    call.connect("user: next tram?\nagent: Let me look.")
    call.provider(openai.SESSION_UPDATED).forget()
    call.client(pieced({}, more=False, scheduling="SILENT"))
    assert [event["type"] for event in call.to_provider] == ["conversation.item.create"] * 2 + [
        "response.create"
    ]
    assert call.to_provider[1]["item"]["output"] == '{"minutes":4}'


def test_a_strict_route_takes_no_answer_in_pieces():
    call = Call(strict=True).ready()
    call.provider(created(), called("call_1"), done())
    call.client(pieced({"minutes": 4}, more=True))
    path = "toolResponse.functionResponses[].willContinue"
    reason = f"{path}: Not supported by the OpenAI backend of this gateway."
    assert call.hangup == Hangup(1007, reason)


def test_a_call_goes_on_with_another_connection_and_the_answer_of_a_tool_is_not_lost():
    call = Call().ready()
    call.provider(created(), called("call_1"), done())
    assert call.client_side.close_replies() == []  # its turn goes on
    call.connect("user: next tram?\nagent: Let me look.")
    call.provider(openai.SESSION_UPDATED).forget()
    call.client({"toolResponse": {"functionResponses": [{"id": "call_1", "response": {"minutes": 4}}]}})
    assert [event["type"] for event in call.to_provider] == ["conversation.item.create"] * 2 + [
        "response.create"
    ]
    assert call.to_client == []


def test_numbers_that_json_has_and_no_machine_word_holds_do_no_harm():
    huge = b"1" + b"0" * 30
    schema = b'{"type":"OBJECT","properties":{"n":{"type":"INTEGER","default":%s}}}' % huge
    call = Call(
        b'{"setup":{"tools":[{"functionDeclarations":[{"name":"f","parameters":%s}]}],"labels":{"x":%s}}}'
        % (schema, huge)
    ).ready()
    call.provider(created(), called("call_1", "f", f'{{"n":{huge.decode()}}}'), done())
    call.client(
        b'{"toolResponse":{"functionResponses":[{"id":"call_1","name":"f","response":{"n":%s}}]}}' % huge,
        b'{"clientContent":{"turns":[{"role":"model","parts":[{"functionCall":{"args":{"n":%s}}}]}]}}' % huge,
    )
    assert call.hangup is None
    assert call.to_provider[0]["item"]["output"] == f'{{"n":{huge.decode()}}}'
