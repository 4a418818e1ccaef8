import msgspec
import pytest
from openai.types.beta.realtime import RealtimeClientEvent

import openai_frames as openai
from openai_frames import frame, is_for_client, is_for_provider, message, response, transcript_delta
from realtime_switch.dialects.openai.beta import audio_shown, for_provider, from_client, shown
from realtime_switch.dialects.openai.config_out import session_members
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.sound import AudioFormat
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.dialects.wishes import Config, Tool, Transcription, Turns

decode = msgspec.json.decode
AGENT = message(
    "item_a", "assistant", {"type": "output_audio", "transcript": "Hi"}, {"type": "output_text", "text": "x"}
)
FUNCTION = {
    "type": "function_call",
    "id": "f",
    "status": "completed",
    "name": "n",
    "call_id": "c",
    "arguments": "{}",
}

SERVER_EVENTS = [
    openai.SESSION_CREATED,
    openai.SESSION_UPDATED,
    openai.COMMITTED,
    openai.TRANSCRIBED,
    openai.RESPONSE_CREATED,
    openai.ITEM_ADDED,
    openai.AUDIO,
    transcript_delta("Hi"),
    openai.ITEM_DONE,
    openai.TRUNCATED,
    openai.ERROR,
    frame("conversation.item.added", event_id="e", previous_item_id=None, item=AGENT),
    frame("response.output_text.delta", event_id="e", **openai.PLACE, delta="Hi"),
    frame("response.output_text.done", event_id="e", **openai.PLACE, text="Hi"),
    frame("response.output_audio.done", event_id="e", **openai.PLACE),
    frame("response.output_audio_transcript.done", event_id="e", **openai.PLACE, transcript="Hi"),
    frame("response.output_item.done", event_id="e", response_id="r", output_index=0, item=FUNCTION),
    frame(
        "response.done",
        event_id="e",
        response=response("completed", usage=openai.USAGE, output=[AGENT, FUNCTION]),
    ),
]


@pytest.mark.parametrize("said", SERVER_EVENTS, ids=lambda said: decode(said)["type"])
def test_what_a_beta_client_is_shown_is_of_the_beta_types(said):
    assert is_for_client(said)
    told = shown(said)
    assert told is not None
    assert is_for_client(told, beta=True)


def test_a_session_is_shown_flat():
    session = decode(shown(openai.SESSION_UPDATED))["session"]
    assert session == {
        "object": "realtime.session",
        "id": "sess_1",
        "model": "gpt-realtime",
        "instructions": "Be kind.",
        "tools": [],
        "tool_choice": "auto",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 1795233600,
        "include": None,
        "modalities": ["audio", "text"],
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
        "input_audio_format": "pcm16",
        "input_audio_transcription": None,
        "input_audio_noise_reduction": None,
        "turn_detection": {"type": "server_vad", "threshold": 0.5, "interrupt_response": True},
        "output_audio_format": "pcm16",
        "voice": "marin",
        "speed": 1.0,
    }


@pytest.mark.parametrize("kind", [["audio/pcm"], {}, None, 5, "audio/opus"])
def test_a_format_that_nobody_knows_is_shown_as_it_is(kind):
    audio = {"input": {"format": {"type": kind}}}
    session = decode(shown(frame("session.updated", event_id="e", session={"audio": audio})))["session"]
    assert session["input_audio_format"] == {"type": kind}


def test_an_items_life_is_one_event_in_beta():
    added = frame("conversation.item.added", event_id="e", previous_item_id="u", item=AGENT)
    assert decode(shown(added)) == {
        "type": "conversation.item.created",
        "event_id": "e",
        "previous_item_id": "u",
        "item": {
            "object": "realtime.item",
            **AGENT,
            "content": [{"type": "audio", "transcript": "Hi"}, {"type": "text", "text": "x"}],
        },
    }
    assert shown(frame("conversation.item.done", item=AGENT)) is None


def test_audio_is_renamed_unread():
    assert decode(audio_shown(openai.AUDIO)) == {**decode(openai.AUDIO), "type": "response.audio.delta"}


def test_a_name_inside_of_a_text_is_left_alone():
    said = transcript_delta('say "response.output_audio.delta" and output_text')
    assert decode(shown(said))["delta"] == 'say "response.output_audio.delta" and output_text'


@pytest.mark.parametrize(
    "said", [openai.COMMITTED, openai.ERROR, b'{"type":"brand.new","x":[1]}', b"{", b"[]"]
)
def test_what_is_alike_in_both_passes_as_it_came(said):
    assert shown(said) is said


FLAT = {
    "modalities": ["text", "audio"],
    "instructions": "Be kind.",
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1", "language": "en"},
    "input_audio_noise_reduction": {"type": "far_field"},
    "turn_detection": None,
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": 900,
    "speed": 1.1,
}


def test_a_flat_session_becomes_a_nested_one():
    asked = from_client({"type": "session.update", "event_id": "b1", "session": FLAT})
    assert asked == {
        "type": "session.update",
        "event_id": "b1",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": "Be kind.",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": 900,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "whisper-1", "language": "en"},
                    "noise_reduction": {"type": "far_field"},
                    "turn_detection": None,
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy", "speed": 1.1},
            },
        },
    }
    assert is_for_provider(msgspec.json.encode(asked))


def test_a_session_that_only_transcribes_is_an_ordinary_update():
    asked = from_client(
        {
            "type": "transcription_session.update",
            "session": {"input_audio_format": "pcm16", "input_audio_transcription": {"model": "whisper-1"}},
        }
    )
    assert asked["type"] == "session.update"
    assert asked["session"]["type"] == "transcription"
    assert is_for_provider(msgspec.json.encode(asked))


def test_a_request_for_a_reply_is_renamed_with_the_items_in_it():
    said = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    asked = from_client(
        {
            "type": "response.create",
            "response": {
                "modalities": ["text"],
                "voice": "alloy",
                "output_audio_format": "pcm16",
                "temperature": 0.8,
                "max_response_output_tokens": "inf",
                "conversation": "none",
                "input": [said],
            },
        }
    )
    assert asked["response"] == {
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "alloy", "format": {"type": "audio/pcm", "rate": 24000}}},
        "max_output_tokens": "inf",
        "conversation": "none",
        "input": [{**said, "content": [{"type": "output_text", "text": "Hi"}]}],
    }
    assert is_for_provider(msgspec.json.encode(asked))


def test_the_clients_own_items_are_renamed():
    said = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    asked = from_client({"type": "conversation.item.create", "item": said})
    assert asked["item"]["content"] == [{"type": "output_text", "text": "Hi"}]


@pytest.mark.parametrize(
    "said",
    [
        {"type": "input_audio_buffer.commit"},
        {"type": "session.update"},
        {"type": "session.update", "session": "x"},
        {"type": "response.create"},
        {"type": "conversation.item.create", "item": 5},
    ],
)
def test_what_cannot_be_renamed_is_left_to_the_provider(said):
    assert from_client(said) is said


# -- To a provider that knows only beta ----------------------------------------------------------------------


_BETA_CLIENT = openai._judge(RealtimeClientEvent)


def _is_for_beta_provider(payload: bytes) -> bool:
    _BETA_CLIENT.validate_python(msgspec.json.decode(payload), strict=True)
    return True


WHOLE = Config(
    instructions="Be kind.",
    voice="alloy",
    tools=(Tool(name="f", description="d", parameters={"type": "object", "properties": {}}),),
    tool_choice="f",
    parallel_tools=False,
    turns=Turns(threshold=0.5, silence_ms=300, padding_ms=200, idle_ms=5_000),
    input=AudioFormat("pcmu", 8_000),
    output=AudioFormat("pcmu", 8_000),
    transcription=Transcription(model="whisper-1"),
    max_output_tokens=100,
    temperature=0.1,
    thinking="low",
    context="off",
)
BETA = Target(provider="p", model="m", beta=True, profile=Profile(thinking_level=True))


def test_a_provider_that_knows_only_beta_is_told_all_it_has_a_word_for():
    session = session_members(WHOLE, BETA, Terms())
    told = for_provider(msgspec.json.encode({"type": "session.update", "session": session}))
    assert _is_for_beta_provider(told)
    assert msgspec.json.decode(told)["session"] == {
        "modalities": ["audio", "text"],
        "instructions": "Be kind.",
        "voice": "alloy",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "silence_duration_ms": 300,
            "prefix_padding_ms": 200,
            "create_response": True,
            "interrupt_response": True,
        },
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": {"type": "object", "properties": {}},
            }
        ],
        "tool_choice": "required",
        "max_response_output_tokens": 100,
        "temperature": 0.6,
    }


@pytest.mark.parametrize("asked", ["Kore", "Cherry"])
def test_the_voices_of_a_look_alike_are_its_own(asked):
    config = Config(voice=asked)
    said = session_members(config, BETA, Terms())["audio"]["output"].get("voice")
    assert said == (None if asked == "Kore" else "Cherry")
    mapped = session_members(config, BETA, Terms(voices={asked: "Ethan"}))
    assert mapped["audio"]["output"]["voice"] == "Ethan"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "response.create"},
        {"type": "response.cancel"},
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 5},
    ],
)
def test_what_beta_says_alike_goes_as_it_was_written(message):
    payload = msgspec.json.encode(message)
    assert for_provider(payload) == payload
    assert _is_for_beta_provider(payload)
