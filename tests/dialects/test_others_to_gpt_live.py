"""Clients of the dialects that take turns on GPT-Live, both halves joined (TRANSLATION-GPT-LIVE.md 5, 6)."""

from base64 import b64encode
from typing import Any

import pytest

import live_frames as live
from openai_client import agrees
from realtime_switch.dialects.acts import AudioSent, SessionTime, Trouble, Usage
from realtime_switch.dialects.sound import PCM_24K, silence
from two_dialects import BACKEND, GeminiLiveCall, LiveCall

LOUD = b64encode(b"\x00\x20" * 2_400).decode()  # 100 ms
QUIET = silence(PCM_24K, 100)
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def append(ms: int = 100) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": silence(PCM_24K, ms)}


def sound(*pieces: str) -> list[bytes]:
    return [live.spoken(piece) for piece in pieces]


def response(kind: str, **members: Any) -> bytes:
    event = {"type": kind, "sequence_number": 1, **members}
    return live.frame("response.event", event_id="event_r", delegation_id="item_d2", event=event)


def called(call_id: str = "call_1", name: str = "weather", arguments: str = '{"city":"Pune"}') -> bytes:
    item = {"type": "function_call", "id": "fc_1", "call_id": call_id, "name": name, "status": "completed"}
    return response("response.output_item.done", output_index=0, item={**item, "arguments": arguments})


def over(status: str = "completed", tokens: int = 30) -> bytes:
    usage = {
        "input_tokens": tokens - 10,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens,
    }
    told = {"id": "resp_b", "object": "response", "status": status, "model": BACKEND, "usage": usage}
    return response(f"response.{status}", response=told)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """One after the other, each once where it comes in a row."""
    told: list[str] = []
    for event in events:
        kind = event["type"].removeprefix("response.").removeprefix("conversation.item.")
        if not told or told[-1] != kind:
            told.append(kind)
    return told


def contents(call: LiveCall) -> list[dict[str, Any]]:
    return [message["serverContent"] for message in call.to_client if "serverContent" in message]


def words(said: list[dict[str, Any]], name: str) -> str:
    return "".join(one[name].get("text", "") for one in said if name in one)


def codes(call: LiveCall) -> list[tuple[str, Any]]:
    return [(e["error"]["code"], e["error"]["param"]) for e in call.to_client if e["type"] == "error"]


# -- The beginning -------------------------------------------------------------------------------------------


def test_a_session_begins_with_all_that_the_client_has_asked_for() -> None:
    call = LiveCall().begin(
        instructions="Be kind.",
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
        reasoning={"effort": "low"},
        audio={"output": {"voice": "cedar"}},
    )
    (start,) = call.to_provider
    assert start == {
        "type": "session.start",
        "session": {
            "model": "gpt-live-1",
            "instructions": "Be kind.",
            "audio": {"format": {"type": "audio/pcm", "rate": 24_000}, "output": {"voice": "cedar"}},
            "delegation": {
                "type": "responses",
                "responses": {
                    "model": BACKEND,
                    "instructions": "Be kind.",
                    "tools": [{**WEATHER, "strict": False}],
                    "tool_choice": "required",
                    "parallel_tool_calls": False,
                    "reasoning": {"effort": "low"},
                },
            },
        },
    }
    assert call.to_client[-1]["type"] == "session.updated"


def test_what_was_said_before_is_in_the_start() -> None:
    call = LiveCall().begin("user: My name is Ana.\nagent: Hello Ana.\n")
    told = call.to_provider[0]["session"]["input"]
    assert [message["role"] for message in told] == ["developer", "user", "assistant"]
    assert told[2]["content"] == [{"type": "output_text", "text": "Hello Ana."}]


def test_a_line_of_g711_is_one_for_both_ways() -> None:
    line = {"type": "audio/pcmu"}
    call = LiveCall().begin(audio={"input": {"format": line}, "output": {"format": line}})
    assert call.to_provider[0]["session"]["audio"]["format"] == {"type": "audio/pcmu", "rate": 8_000}


def test_a_gemini_client_is_heard_at_its_rate_and_told_at_24_khz() -> None:
    call = GeminiLiveCall().begin(
        systemInstruction={"parts": [{"text": "Be kind."}]},
        tools=[{"functionDeclarations": [{"name": "weather", "description": "It."}]}],
        generationConfig={"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}},
    )
    start = call.to_provider[0]["session"]
    assert start["audio"] == {"format": {"type": "audio/pcm", "rate": 24_000}}, "it has no such voice"
    assert start["delegation"]["responses"]["tools"][0]["name"] == "weather"
    assert call.to_client == [{"setupComplete": {}}]
    call.forget()
    heard = {"mimeType": "audio/pcm;rate=16000", "data": b64encode(bytes(32_000)).decode()}
    call.client({"realtimeInput": {"audio": heard}})
    (appended,) = call.to_provider
    assert abs(len(appended["audio"]) * 3 // 4 - 48_000) < 2_000
    (sent,) = (act for act in call.acts if isinstance(act, AudioSent))
    assert sent.audio_bytes == len(appended["audio"]) * 3 // 4


# -- Turns ---------------------------------------------------------------------------------------------------

QUESTION = [live.words("user", " is row four", 200, 600), live.words("user", " free", 600, 800)]
ANSWER = [
    live.words("agent", " It is", 1_600, 1_800),
    *sound(LOUD, LOUD),
    live.words("agent", " free.", 0, 0),
]


def test_a_question_and_its_answer_are_told_as_two_turns_and_no_silence_between() -> None:
    call = LiveCall().begin(audio={"input": {"transcription": {"model": "whisper-1"}}})
    call.forget()
    call.provider(*sound(*[QUIET] * 8), *QUESTION, *sound(*[QUIET] * 8), *ANSWER, *sound(*[QUIET] * 30))
    assert kinds(call.to_client) == [
        "input_audio_buffer.speech_started",
        "input_audio_transcription.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "added",
        "done",
        "input_audio_transcription.completed",
        "created",
        "output_item.added",
        "added",
        "content_part.added",
        "output_audio_transcript.delta",
        "output_audio.delta",
        "output_audio_transcript.delta",
        "output_audio.delta",
        "output_audio.done",
        "output_audio_transcript.done",
        "content_part.done",
        "done",
        "output_item.done",
        "done",
    ]
    (completed,) = (e for e in call.to_client if e["type"].endswith("transcription.completed"))
    assert completed["transcript"] == "is row four free"
    done = call.to_client[-1]["response"]
    assert (done["status"], done["usage"]) == ("completed", None), "seconds are no tokens"
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "It is free."}]
    played = [e for e in call.to_client if e["type"] == "response.output_audio.delta"]
    assert len(played) == 10, "200 ms of sound, and the 800 ms by which it is known that no more comes"


def test_a_gemini_client_is_told_the_same_in_its_own_words() -> None:
    call = GeminiLiveCall().begin()
    call.forget()
    call.provider(*sound(*[QUIET] * 8), *QUESTION, *sound(*[QUIET] * 8), *ANSWER, *sound(*[QUIET] * 30))
    said = contents(call)
    assert words(said, "inputTranscription") == "is row four free"
    assert words(said, "outputTranscription") == "It is free."
    assert [list(one) for one in said[-2:]] == [["generationComplete"], ["turnComplete"]]
    assert not any("usageMetadata" in message for message in call.to_client)


@pytest.mark.parametrize("kind", [LiveCall, GeminiLiveCall])
def test_speaking_over_the_agent_until_it_falls_silent_interrupts_it(kind: Any) -> None:
    call = kind().begin()
    call.forget().provider(live.words("agent", " one two", 0, 200), *sound(*[LOUD] * 10)).forget()
    call.provider(live.words("user", " stop", 800, 1_000), *sound(LOUD, QUIET, QUIET))
    assert not any("speech_started" in str(event) for event in call.to_client), "it may be a back-channel"
    call.forget().provider(*sound(QUIET))
    if kind is GeminiLiveCall:
        told = contents(call)
        assert [next(iter(one)) for one in told[-3:]] == ["inputTranscription", "interrupted", "turnComplete"]
    else:
        started, *_, done = [e for e in call.to_client if not e["type"].endswith("delta")]
        assert started["type"] == "input_audio_buffer.speech_started"
        details = done["response"]["status_details"]
        assert details == {"type": "cancelled", "reason": "turn_detected"}


def test_a_back_channel_is_remembered_and_stops_nobody() -> None:
    call = LiveCall().begin(audio={"input": {"transcription": {"model": "whisper-1"}}})
    call.forget().provider(live.words("agent", " one two", 0, 200), *sound(*[LOUD] * 10)).forget()
    call.provider(live.words("user", " mm-hm", 800, 1_000), *sound(*[LOUD] * 20))
    told = [e["type"].split(".")[-1] for e in call.to_client if "audio.delta" not in e["type"]]
    assert told == ["committed", "added", "done", "delta", "completed"]


def test_who_speaks_on_over_the_agent_is_told_before_it_yields() -> None:
    call = LiveCall().begin()
    call.forget().provider(*sound(*[LOUD] * 10)).forget()
    call.provider(*(live.words("user", " and", at, at + 200) for at in range(0, 1_200, 200)))
    assert [e["type"] for e in call.to_client] == ["input_audio_buffer.speech_started"]
    call.forget().provider(*sound(LOUD))
    assert kinds(call.to_client) == ["output_audio.delta"], "and it is still speaking"


# -- Tools ---------------------------------------------------------------------------------------------------

CREATED = live.frame(
    "session.delegation.created",
    event_id="event_11",
    offset_ms=3_000,
    delegation={"type": "delegation", "id": "item_d2", "target": "responses", "response_id": "resp_b"},
)


def test_the_backends_calls_are_those_of_a_reply_which_is_over_with_them() -> None:
    call = LiveCall().begin(tools=[WEATHER])
    call.forget().provider(CREATED, live.words("agent", " One moment.", 0, 200), *sound(LOUD))
    call.provider(called(), called("call_2"), over())
    response = call.to_client[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["message", "function_call", "function_call"]
    assert (response["status"], response["usage"]) == ("completed", None)
    assert next(act for act in call.acts if isinstance(act, Usage)).model == BACKEND
    call.forget()
    item = {"type": "function_call_output", "call_id": "call_1", "output": "31"}
    call.client({"type": "conversation.item.create", "item": item})
    assert [frame["type"] for frame in call.to_provider] == ["response.item.create"]
    call.client({"type": "conversation.item.create", "item": {**item, "call_id": "call_2"}})
    assert [frame["type"] for frame in call.to_provider[1:]] == ["response.item.create", "response.create"]
    call.forget().client({"type": "response.create"})
    assert call.to_provider == [], "it was asked already"
    assert kinds(call.to_client) == ["created"]
    call.provider(live.words("agent", " 31 degrees.", 0, 200), *sound(LOUD, *[QUIET] * 9))
    assert call.to_client[-1]["response"]["output"][0]["content"][0]["transcript"] == "31 degrees."


def test_calls_of_a_response_that_failed_are_void_and_billed() -> None:
    call = LiveCall().begin(tools=[WEATHER])
    call.forget().provider(CREATED, called(), over("failed"))
    assert call.to_client == []
    assert [act.output for act in call.acts if isinstance(act, Usage)] == [10]


def test_a_gemini_client_answers_its_calls_and_the_backend_goes_on() -> None:
    call = GeminiLiveCall().begin(tools=[{"functionDeclarations": [{"name": "weather"}]}])
    call.forget().provider(CREATED, called(), over())
    (asked,) = (message["toolCall"]["functionCalls"] for message in call.to_client if "toolCall" in message)
    assert asked == [{"id": "call_1", "name": "weather", "args": {"city": "Pune"}}]
    answer = {"id": "call_1", "name": "weather", "response": {"temp": 31}}
    call.forget().client({"toolResponse": {"functionResponses": [answer]}})
    item, create = call.to_provider
    assert (item["item"]["call_id"], create["type"]) == ("call_1", "response.create")


# -- What a client asks besides ------------------------------------------------------------------------------


def test_a_greeting_is_asked_for_by_a_commentary() -> None:
    call = LiveCall().begin()
    call.forget().client({"type": "response.create", "response": {"instructions": "Greet Ana."}})
    told, speak = call.to_provider
    assert told == {"type": "session.instructions.append", "content": "Greet Ana.", "delegation_id": None}
    assert (speak["type"], speak["delegation_id"]) == ("session.commentary.append", None)
    assert kinds(call.to_client) == ["created"]


def test_what_is_typed_goes_to_the_backend_and_is_answered_when_asked() -> None:
    call = LiveCall().begin()
    content = [{"type": "input_text", "text": "I am Ana."}]
    item = {"type": "message", "role": "user", "content": content}
    call.forget().client({"type": "conversation.item.create", "item": item}, {"type": "response.create"})
    told, create = call.to_provider
    assert told["item"] == item
    assert create["type"] == "response.create"
    assert kinds(call.to_client) == ["added", "done", "created"]


def test_nobody_waits_for_ever_for_a_voice_that_keeps_silent() -> None:
    call = LiveCall().begin()
    call.client({"type": "response.create"}).forget()
    call.provider(*sound(*[QUIET] * 99))
    assert call.to_client == []
    call.provider(*sound(QUIET))
    assert kinds(call.to_client) == ["done"]


def test_a_cancelled_reply_is_not_told_until_the_voice_pauses() -> None:
    call = LiveCall().begin()
    call.provider(live.words("agent", " one", 0, 200), *sound(LOUD)).forget()
    call.client({"type": "response.cancel"})
    assert [frame["type"] for frame in call.to_provider] == ["session.instructions.append"]
    assert call.to_client[-1]["response"]["status_details"]["reason"] == "client_cancelled"
    call.forget().provider(*sound(LOUD, LOUD), live.words("agent", " two", 200, 400), *sound(*[QUIET] * 4))
    assert call.to_client == []
    call.provider(*sound(LOUD))
    assert kinds(call.to_client)[0] == "created"


def test_what_has_no_counterpart_is_refused_by_its_name() -> None:
    call = LiveCall().begin()
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 40_000}
    call.forget().client(
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
        {"type": "conversation.item.delete", "item_id": "item_x"},
        {"type": "response.cancel"},
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
        {
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
        },
        {"type": "session.update", "session": {"type": "realtime", "max_output_tokens": 100}},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [image]}},
    )
    turns = ("unsupported_by_backend", "session.audio.input.turn_detection")
    assert codes(call)[:2] == [turns, turns]
    assert codes(call)[3:] == [
        ("response_cancel_not_active", None),
        ("unsupported_by_backend", "session.output_modalities"),
        turns,
        ("unsupported_by_backend", "session.max_output_tokens"),
        ("response_input_buffer_full", "item"),
    ]
    assert call.to_provider == []


@pytest.mark.parametrize(
    ("setup", "path"),
    [
        ({"generationConfig": {"responseModalities": ["TEXT"]}}, "setup.generationConfig.responseModalities"),
        ({"generationConfig": {"maxOutputTokens": 10}}, "setup.generationConfig.maxOutputTokens"),
        (
            {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}},
            "setup.realtimeInputConfig.automaticActivityDetection.disabled",
        ),
    ],
)
def test_a_gemini_client_that_asks_for_the_impossible_is_closed_by_its_name(setup: Any, path: str) -> None:
    call = GeminiLiveCall().begin(**setup)
    assert call.hangup is not None
    assert (call.hangup.code, call.hangup.reason.split(":")[0]) == (1007, path)


def test_pictures_are_refused_to_a_gemini_client() -> None:
    call = GeminiLiveCall().begin()
    call.client({"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}})
    assert call.hangup is not None
    assert call.hangup.reason.startswith("realtimeInput.video")


def test_tools_change_in_mid_call_and_instructions_are_added_to() -> None:
    call = LiveCall().begin(instructions="Be kind.")
    call.provider(*QUESTION).forget()
    session = {"type": "realtime", "instructions": "Be kind. Speak Spanish.", "tools": [WEATHER]}
    call.client({"type": "session.update", "session": session})
    added, update = call.to_provider
    assert added["content"] == "Speak Spanish."
    assert update["session"]["delegation"]["responses"]["tools"][0]["name"] == "weather"
    assert call.to_client == []
    call.provider(live.example("session.updated"))
    assert kinds(call.to_client) == ["session.updated"]


def test_a_strict_route_refuses_what_is_only_nearly_the_same() -> None:
    call = LiveCall(strict=True).begin(instructions="Be kind.")
    call.provider(*QUESTION, *sound(LOUD)).forget()
    call.client(
        {"type": "session.update", "session": {"type": "realtime", "instructions": "Be short."}},
        {"type": "response.cancel"},
    )
    assert codes(call) == [
        ("unsupported_by_backend", "session.instructions"),
        ("unsupported_by_backend", None),
    ]


# -- The clock -----------------------------------------------------------------------------------------------


def test_a_client_that_sends_no_sound_is_fed_silence_and_it_is_counted() -> None:
    call = LiveCall().begin()
    call.forget()
    for _ in range(12):
        call.wake(0.1)
    assert [len(frame["audio"]) * 3 // 4 for frame in call.to_provider] == [4_800] * 11
    assert sum(act.audio_bytes for act in call.acts if isinstance(act, AudioSent)) == 11 * 4_800
    call.client(append()).forget()
    call.wake(0.1)
    assert call.to_provider == [], "it speaks itself"


def test_ten_minutes_of_silence_are_the_most_that_a_client_pays_for() -> None:
    call = LiveCall().begin()
    call.forget()
    for _ in range(6_100):
        call.wake(0.1)
    assert len(call.to_provider) == 6_000
    assert call.lane.due_us is None
    call.client(append())
    assert call.lane.due_us is not None


# -- Ends ----------------------------------------------------------------------------------------------------


def test_time_is_told_as_time_and_a_session_that_is_lost_is_no_end_of_the_call() -> None:
    call = LiveCall().begin()
    call.forget().provider(live.usage(15.0), live.closed(20.0, "expired"))
    assert [act.total_ms for act in call.acts if isinstance(act, SessionTime)] == [15_000, 20_000]
    assert [act.code for act in call.acts if isinstance(act, Trouble)] == ["expired"]
    assert call.hangup is None


def test_a_session_that_is_closed_for_its_content_cuts_the_reply_off() -> None:
    call = LiveCall().begin()
    call.provider(live.words("agent", " one", 0, 200), *sound(LOUD)).forget()
    call.provider(live.closed(20.0, "content"))
    done, error = call.to_client[-2:]
    assert done["response"]["status_details"] == {"type": "incomplete", "reason": "content_filter"}
    assert error["error"]["code"] == "content_filter"


def test_an_error_names_the_message_that_it_is_about() -> None:
    call = LiveCall().begin()
    call.provider(*QUESTION).forget()
    call.client({"type": "session.update", "event_id": "u1", "session": {"type": "realtime", "tools": []}})
    call.client(
        {"type": "session.update", "event_id": "u2", "session": {"type": "realtime", "tools": [WEATHER]}}
    )
    call.provider(
        live.frame(
            "error",
            event_id="event_22",
            error={"type": "invalid_request_error", "code": None, "message": "No.", "client_event_id": "x"},
        )
    )
    assert [event["type"] for event in call.to_client] == ["session.updated", "error"]
    assert agrees({"error": {"message": "No."}}, call.to_client[1])
