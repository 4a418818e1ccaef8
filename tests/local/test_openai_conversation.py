"""The sequences of OPENAI-REALTIME.md 9 and the errors of 10, on the pure conversation."""

import base64
from typing import Any

import pytest

from local_talk import PureCall, error, kinds, only, silence, speech, transcript
from realtime_switch.local.audio import encoded
from realtime_switch.local.openai.items import AUDIO_KEPT_BYTES_MAX
from realtime_switch.local.orders import End
from realtime_switch.local.thought import Answer, Call, Say, Thought, Tokens, Trouble

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
SAID_ALOUD = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
WRITTEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
SEAT = {
    "type": "function",
    "name": "seat_lookup",
    "description": "Find a free seat",
    "parameters": {"type": "object", "properties": {"row": {"type": "integer"}}, "required": ["row"]},
}


def update(call: PureCall, **session: Any) -> list[dict[str, Any]]:
    return call.send("session.update", session={"type": "realtime", **session})


def listening(**changes: Any) -> dict[str, Any]:
    return {"audio": {"input": changes}}


def user_item(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


def test_a_call_begins_with_the_whole_default_session() -> None:
    call = PureCall()
    assert call.events == [
        {
            "type": "session.created",
            "event_id": "event_1",
            "session": {
                "type": "realtime",
                "object": "realtime.session",
                "id": "sess_1",
                "model": "gpt-realtime",
                "output_modalities": ["audio"],
                "instructions": call.events[0]["session"]["instructions"],
                "tools": [],
                "tool_choice": "auto",
                "max_output_tokens": "inf",
                "tracing": None,
                "truncation": "auto",
                "prompt": None,
                "expires_at": 1795233600,
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "transcription": None,
                        "noise_reduction": None,
                        "turn_detection": {
                            "type": "server_vad",
                            "threshold": 0.5,
                            "prefix_padding_ms": 300,
                            "silence_duration_ms": 200,
                            "idle_timeout_ms": None,
                            "create_response": True,
                            "interrupt_response": True,
                        },
                    },
                    "output": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "voice": "marin",
                        "speed": 1.0,
                    },
                },
                "include": None,
            },
        }
    ]


def test_9_2_a_voice_turn_with_server_vad() -> None:
    call = PureCall(hears=["what is my name"])
    update(call, **listening(transcription={"model": "gpt-4o-mini-transcribe"}))
    heard = call.append(silence(500) + speech(1000) + silence(400))
    assert kinds(heard) == [
        *TURN,
        "response.created",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    user = only(heard, "input_audio_buffer.speech_started")["item_id"]
    assert {event["item_id"] for event in heard if "item_id" in event} == {user}
    assert heard[0]["audio_start_ms"] == 200
    assert heard[1]["audio_end_ms"] == 1700
    assert heard[3]["item"] == {
        "id": user,
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    assert heard[-1]["transcript"] == "what is my name"
    assert heard[-1]["usage"] == {
        "type": "tokens",
        "total_tokens": 19,
        "input_tokens": 15,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 15},
        "output_tokens": 4,
    }
    reply = call.run(5000)
    assert list(dict.fromkeys(kinds(reply))) == SAID_ALOUD[1:]
    assert transcript(reply) == "You have not told me your name yet."


def test_9_3_push_to_talk() -> None:
    call = PureCall(hears=["hello"])
    update(call, **listening(turn_detection=None))
    assert call.append(speech(400) + silence(2000)) == []
    assert kinds(call.send("input_audio_buffer.commit")) == TURN[2:]
    assert call.run(5000) == []
    assert transcript(call.reply()) == "Hello! How can I help you?"


def test_9_3_what_was_said_can_be_thrown_away() -> None:
    call = PureCall()
    update(call, **listening(turn_detection=None))
    call.append(speech(400))
    assert kinds(call.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert error(call.send("input_audio_buffer.commit", event_id="c9")) == {
        "type": "invalid_request_error",
        "code": "input_audio_buffer_commit_empty",
        "message": "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio.",
        "param": None,
        "event_id": "c9",
    }


def test_9_4_a_text_turn() -> None:
    call = PureCall()
    asked = call.send("conversation.item.create", item=user_item("Say: Four."))
    assert kinds(asked) == ["conversation.item.added", "conversation.item.done"]
    answered = call.reply(output_modalities=["text"], metadata={"topic": "sums"})
    assert kinds(answered) == WRITTEN
    item = only(answered, "conversation.item.done")
    assert item["previous_item_id"] == asked[0]["item"]["id"]
    done = only(answered, "response.done")["response"]
    assert done == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "completed",
        "status_details": None,
        "output": [
            {
                "id": item["item"]["id"],
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Four."}],
            }
        ],
        "conversation_id": "conv_1",
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
        "usage": done["usage"],
        "metadata": {"topic": "sums"},
    }
    assert only(answered, "response.created")["response"]["metadata"] == {"topic": "sums"}


def test_9_5_a_function_call_and_its_result() -> None:
    call = PureCall()
    update(call, tools=[SEAT], output_modalities=["text"])
    asked = call.say("call seat_lookup for row 4")
    assert (
        kinds(asked)
        == [
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ][2:]
    )
    added = only(asked, "conversation.item.added")["item"]
    assert (added["name"], added["arguments"], added["status"]) == ("seat_lookup", "", "in_progress")
    done = only(asked, "response.function_call_arguments.done")
    assert (done["name"], done["arguments"], done["call_id"]) == ("seat_lookup", '{"row":4}', "call_1")
    call.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": "call_1", "output": '{"free":false}'},
    )
    assert transcript(call.reply()) == "The result of seat lookup: free is no."


def test_a_reply_may_speak_and_call() -> None:
    def both(thought: Thought) -> Answer:
        return Answer((Say("One moment."), Call("seat_lookup", '{"row":4}'), Call("seat_lookup", "{}")))

    call = PureCall(think=both)
    done = only(call.reply(), "response.done")["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call", "function_call"]
    indices = [event["output_index"] for event in call.events if event["type"] == "response.output_item.done"]
    assert indices == [0, 1, 2]


def test_9_6_speaking_over_a_reply_cancels_it() -> None:
    call = PureCall()
    call.send("conversation.item.create", item=user_item("count to fifty"))
    call.send("response.create")
    begun = call.run(200)
    assert "response.output_audio.delta" in kinds(begun)
    interrupted = call.append(silence(400) + speech(200))
    assert kinds(interrupted) == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = only(interrupted, "response.done")["response"]
    assert (done["status"], done["status_details"]) == (
        "cancelled",
        {"type": "cancelled", "reason": "turn_detected"},
    )
    assert done["output"][0]["status"] == "incomplete"
    said = "".join(
        event["delta"] for event in begun if event["type"] == "response.output_audio_transcript.delta"
    )
    assert transcript(interrupted) == said
    # No audio of it may follow.
    assert call.run(5000) == []
    item = done["output"][0]["id"]
    assert kinds(
        call.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=410)
    ) == ["conversation.item.truncated"]
    assert kinds(call.append(silence(400))) == [*TURN[1:], "response.created"]


def test_where_interruption_is_off_a_reply_goes_on() -> None:
    call = PureCall()
    update(call, **listening(turn_detection={"type": "server_vad", "interrupt_response": False}))
    call.send("conversation.item.create", item=user_item("count to fifty"))
    call.send("response.create")
    assert kinds(call.append(speech(500) + silence(500))) == TURN
    assert only(call.run(), "response.done")["response"]["status"] == "completed"


def test_a_turn_without_create_response_waits_for_the_client() -> None:
    call = PureCall(hears=["hello"])
    update(call, **listening(turn_detection={"type": "semantic_vad", "create_response": False}))
    assert kinds(call.append(speech(500) + silence(1000))) == TURN
    assert call.run(5000) == []
    assert transcript(call.reply()) == "Hello! How can I help you?"


def test_9_7_a_client_cancels() -> None:
    call = PureCall()
    call.send("conversation.item.create", item=user_item("count to fifty"))
    reply_id = only(call.send("response.create"), "response.created")["response"]["id"]
    call.run(200)
    cancelled = call.send("response.cancel", response_id=reply_id)
    assert kinds(cancelled) == SAID_ALOUD[6:]
    details = only(cancelled, "response.done")["response"]["status_details"]
    assert details == {"type": "cancelled", "reason": "client_cancelled"}
    assert error(call.send("response.cancel", event_id="x3")) == {
        "type": "invalid_request_error",
        "code": "response_cancel_not_active",
        "message": "Cancellation failed: no active response found",
        "param": None,
        "event_id": "x3",
    }


def test_a_reply_cancelled_before_its_speech_was_understood_says_nothing() -> None:
    call = PureCall()
    call.holds_ears = True
    call.append(speech(500) + silence(500))
    assert kinds(call.send("response.cancel")) == ["response.done", "rate_limits.updated"]
    assert call.hear("hello") == []
    assert call.run(5000) == []


def test_9_8_silence_after_a_reply_is_noticed() -> None:
    call = PureCall()
    update(call, **listening(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000}))
    call.append(silence(300))
    call.say("Say: one two")  # 400 ms of audio
    call.append(silence(600))
    assert call.run(4000) == []
    timed_out = call.run(1500)
    assert kinds(timed_out)[:5] == [
        "input_audio_buffer.timeout_triggered",
        *TURN[2:],
        "response.created",
    ]
    assert (timed_out[0]["audio_start_ms"], timed_out[0]["audio_end_ms"]) == (300, 900)
    assert timed_out[0]["item_id"] == timed_out[1]["item_id"]


def test_a_session_ends_at_its_age() -> None:
    call = PureCall(life_s=3600)
    assert call.run(3_599_000) == []
    assert error(call.run(2000)) == {
        "type": "invalid_request_error",
        "code": "session_expired",
        "message": "Your session hit the maximum duration of 60 minutes.",
        "param": None,
        "event_id": None,
    }
    assert call.ended == End(1001, "Your session hit the maximum duration of 60 minutes.")
    assert call.conversation.due_us is None


def test_words_run_ahead_of_their_sound_and_add_up() -> None:
    call = PureCall()
    reply = call.say("Say: one two three four five six seven")
    deltas = [event for event in reply if event["type"] == "response.output_audio_transcript.delta"]
    assert "".join(event["delta"] for event in deltas) == "one two three four five six seven"
    audio = b"".join(
        base64.b64decode(event["delta"]) for event in reply if event["type"] == "response.output_audio.delta"
    )
    assert len(audio) == 7 * 200 * 48
    assert kinds(reply)[4] == "response.output_audio_transcript.delta"


def test_a_reply_is_paced() -> None:
    call = PureCall(pace=5.0)
    call.send("conversation.item.create", item=user_item("Say: one two three four five"))
    call.send("response.create")
    call.run(0)
    portions = ["response.output_audio.delta" in kinds(call.run(1)) or bool(call.run(39)) for _ in range(4)]
    assert portions == [True] * 4


@pytest.mark.parametrize(("wire", "coding"), [("audio/pcmu", "ulaw"), ("audio/pcma", "alaw")])
def test_g711_both_ways(wire: str, coding: Any) -> None:
    call = PureCall(hears=["hello"])
    audio = {"input": {"format": {"type": wire}}, "output": {"format": {"type": wire}}}
    updated = only(update(call, audio=audio), "session.updated")["session"]["audio"]
    assert updated["input"]["format"] == updated["output"]["format"] == {"type": wire}
    sound = speech(500, 8000) + silence(500, 8000)
    assert kinds(call.append(encoded(sound, coding))) == [*TURN, "response.created"]
    reply = call.run(5000)
    audio_bytes = sum(
        len(base64.b64decode(event["delta"]))
        for event in reply
        if event["type"] == "response.output_audio.delta"
    )
    assert audio_bytes == 6 * 200 * 8  # Hello! How can I help you?


def test_half_a_sample_waits_for_its_other_half() -> None:
    call = PureCall()
    sound = silence(100) + speech(500) + silence(500)
    heard = []
    for start in range(0, len(sound), 961):
        heard += call.append(sound[start : start + 961])
    assert kinds(heard) == [*TURN, "response.created"]
    retrieved = call.send("conversation.item.retrieve", item_id=heard[0]["item_id"])
    assert base64.b64decode(retrieved[0]["item"]["content"][0]["audio"]) == sound[: 800 * 48]


def test_usage_counts_everything_and_caches_what_was_read_before() -> None:
    call = PureCall(hears=["say: yes"])
    update(call, instructions="x" * 40)
    call.append(speech(1000) + silence(300))  # 1.2 s: no prefix before the first sample
    call.run(5000)
    call.say("Say: fine then")
    first, second = (event["response"]["usage"] for event in call.events if event["type"] == "response.done")
    assert first == {
        "total_tokens": 27,
        "input_tokens": 22,
        "output_tokens": 5,
        "input_token_details": {
            "text_tokens": 10,
            "audio_tokens": 12,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 1, "audio_tokens": 4},
    }
    # Read again: instructions and the user's turn. New: the reply ("yes", 200 ms) and 14 characters.
    assert second["input_token_details"] == {
        "text_tokens": 10 + 1 + 4,
        "audio_tokens": 12 + 4,
        "image_tokens": 0,
        "cached_tokens": 22,
        "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 12, "image_tokens": 0},
    }
    assert [bill.input + bill.output for bill in call.bills] == [
        first["total_tokens"],
        second["total_tokens"],
    ]


def test_a_reply_stops_at_its_most_tokens() -> None:
    call = PureCall()
    call.send("conversation.item.create", item=user_item("count to fifty"))
    done = only(call.reply(max_output_tokens=30), "response.done")["response"]
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["status"] == "incomplete"
    assert 0 < done["usage"]["output_tokens"] <= 30
    assert done["output"][0]["status"] == "incomplete"


def test_a_scripted_answer_brings_its_own_delay_tokens_and_trouble() -> None:
    trouble = Trouble("rate_limit_exceeded", "rate_limit_exceeded", "Slow down.")
    answers = iter(
        [
            Answer((Say("Later."),), delay_ms=700, tokens=Tokens(input_text=5, output_text=2)),
            Answer((), trouble=trouble),
        ]
    )
    call = PureCall(think=lambda _: next(answers))
    call.send("response.create")
    assert call.run(690) == []
    assert only(call.run(), "response.done")["response"]["usage"]["total_tokens"] == 7
    failed = only(call.reply(), "response.done")["response"]
    assert failed["status_details"] == {
        "type": "failed",
        "error": {
            "type": "rate_limit_exceeded",
            "code": "rate_limit_exceeded",
            "message": "Slow down.",
        },
    }


def test_out_of_band_replies_leave_no_trace_and_run_beside_the_others() -> None:
    call = PureCall()
    call.send("conversation.item.create", item=user_item("my name is Ada"))
    call.send("response.create")
    beside = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "classify"}}
    call.send("response.create", response={**beside, "input": []})
    call.send("response.create", response={**beside, "input": [user_item("Say: polite")]})
    events = call.run()
    beside_done = [
        event["response"]
        for event in events
        if event["type"] == "response.done" and event["response"]["conversation_id"] is None
    ]
    assert sorted(done["output"][0]["content"][0]["text"] for done in beside_done) == [
        "Hello! How can I help you?",
        "polite",
    ]
    assert all(done["metadata"] == {"topic": "classify"} for done in beside_done)
    assert kinds(events).count("conversation.item.added") == 1
    item = beside_done[0]["output"][0]["id"]
    assert (
        error(call.send("conversation.item.retrieve", item_id=item))["code"]
        == "item_retrieve_invalid_item_id"
    )


def test_replies_beside_the_conversation_are_not_in_its_way() -> None:
    call = PureCall()
    beside = {"conversation": "none", "instructions": "Say: " + "word " * 50}
    first = only(call.send("response.create", response=beside), "response.created")["response"]["id"]
    assert error(call.send("response.cancel"))["code"] == "response_cancel_not_active"
    assert "response.done" not in kinds(call.append(silence(300) + speech(300)))
    call.send("input_audio_buffer.clear")
    second = only(call.send("response.create"), "response.created")["response"]["id"]
    assert only(call.send("response.cancel"), "response.done")["response"]["id"] == second
    assert only(call.send("response.cancel", response_id=first), "response.done")["response"]["id"] == first


def test_an_id_that_was_told_is_kept_for_its_turn() -> None:
    call = PureCall()
    told = only(call.append(speech(500)), "input_audio_buffer.speech_started")["item_id"]
    taken = call.send("conversation.item.create", item=user_item("mine", id=told))
    assert error(taken)["code"] == "item_create_duplicate_item_id"
    assert only(call.append(silence(400)), "conversation.item.added")["item"]["id"] == told


def test_what_changed_in_front_is_not_cached() -> None:
    call = PureCall()
    update(call, output_modalities=["text"])
    call.say("hello")
    update(call, instructions="Be brief.")
    call.say("hello")
    item = only(call.send("conversation.item.create", item=user_item("x")), "conversation.item.added")
    call.reply()
    call.send("conversation.item.delete", item_id=item["item"]["id"])
    call.reply()
    cached = [
        event["response"]["usage"]["input_token_details"]["cached_tokens"]
        for event in call.events
        if event["type"] == "response.done"
    ]
    # instructions 3, hello 2, "Hello! How can I help you?" 7: the reply itself is cached when it was read
    # once.
    assert cached == [0, 0, 3 + 2 + 7 + 2, 3 + 2 + 7 + 2 + 7]


def test_a_reply_may_be_given_its_own_context() -> None:
    call = PureCall()
    told = only(
        call.send("conversation.item.create", item=user_item("my name is Ada")), "conversation.item.added"
    )
    reference = {"type": "item_reference", "id": told["item"]["id"]}
    asked = user_item("what is my name")
    assert transcript(call.reply(input=[reference, asked])) == "Your name is Ada."
    assert transcript(call.reply(input=[asked])) == "You have not told me your name yet."
    unknown = call.send("response.create", response={"input": [{"type": "item_reference", "id": "item_zz"}]})
    assert error(unknown)["param"] == "response.input[0].id"


def test_a_second_reply_at_a_time_is_refused() -> None:
    call = PureCall()
    call.send("response.create")
    assert error(call.send("response.create", event_id="c_97")) == {
        "type": "invalid_request_error",
        "code": "conversation_already_has_active_response",
        "message": "Conversation already has an active response in progress: resp_1. "
        "Wait until the response is finished before creating a new one.",
        "param": None,
        "event_id": "c_97",
    }


def test_items_stand_where_the_client_puts_them() -> None:
    call = PureCall()
    placed = []
    for item_id, after in [("a", None), ("b", None), ("c", "a"), ("d", "root"), ("e", "b")]:
        events = call.send(
            "conversation.item.create", item=user_item("x", id=item_id), previous_item_id=after
        )
        assert kinds(events) == ["conversation.item.added", "conversation.item.done"]
        placed.append((events[0]["item"]["id"], events[0]["previous_item_id"], events[1]["previous_item_id"]))
    assert placed == [("a", None, None), ("b", "a", "a"), ("c", "a", "a"), ("d", None, None), ("e", "b", "b")]
    assert kinds(call.send("conversation.item.delete", item_id="c")) == ["conversation.item.deleted"]


def test_a_retrieved_item_has_its_audio_and_what_was_understood() -> None:
    call = PureCall(hears=["say: good"])
    sound = silence(100) + speech(500) + silence(300)
    user = only(call.append(sound), "conversation.item.added")["item"]["id"]
    reply = only(call.run(5000), "conversation.item.added")["item"]["id"]
    retrieved = only(call.send("conversation.item.retrieve", item_id=user), "conversation.item.retrieved")
    part = retrieved["item"]["content"][0]
    assert (part["type"], part["transcript"]) == ("input_audio", "say: good")
    assert base64.b64decode(part["audio"]) == sound[: 800 * 48]
    call.send("conversation.item.truncate", item_id=reply, content_index=0, audio_end_ms=50)
    retrieved = only(call.send("conversation.item.retrieve", item_id=reply), "conversation.item.retrieved")
    part = retrieved["item"]["content"][0]
    assert (part["type"], part["transcript"], len(base64.b64decode(part["audio"]))) == (
        "output_audio",
        "",
        2400,
    )


def test_audio_given_as_an_item_is_understood_too() -> None:
    call = PureCall(hears=["my name is ada"])
    audio = base64.b64encode(speech(500)).decode()
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
    added = call.send("conversation.item.create", item=item)
    assert added[0]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert transcript(call.reply()) == "Nice to meet you, Ada!"


def test_without_words_speech_is_named_as_what_it_is() -> None:
    call = PureCall()
    update(call, **listening(transcription={"model": "whisper-1"}))
    heard = call.append(speech(1000) + silence(300))
    completed = only(heard, "conversation.item.input_audio_transcription.completed")
    assert (completed["transcript"], completed["usage"]) == (
        "(speech, 1.2 s)",
        {"type": "duration", "seconds": 1.2},
    )
    reply = transcript(call.run(9000))
    assert reply == "I heard you speak for 1.2 seconds, but I could not make out the words."


def test_a_transcription_session_hears_and_never_replies() -> None:
    call = PureCall(kind="transcription", hears=["takk"])
    assert call.events[0]["session"]["type"] == "transcription"
    changes = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    assert kinds(call.send("session.update", session=changes)) == ["session.updated"]
    assert kinds(call.append(speech(500) + silence(500))) == [
        *TURN,
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert kinds(call.send("response.create")) == ["error"]
    wrong = call.send("session.update", session={"type": "realtime"})
    assert error(wrong)["message"] == (
        "Passing a realtime session update event to a transcription session is not allowed."
    )


def test_the_oldest_items_leave_the_context_when_it_is_full() -> None:
    call = PureCall()
    update(call, output_modalities=["text"])
    call.send("conversation.item.create", item=user_item("my name is Ada"))
    call.send("conversation.item.create", item=user_item("x" * 4 * 28_197))
    assert transcript(call.say("what is my name")) == "You have not told me your name yet."
    update(call, truncation="disabled")
    failed = only(call.say("what is my name"), "response.done")["response"]
    assert (failed["status"], failed["status_details"]["error"]["code"]) == (
        "failed",
        "context_length_exceeded",
    )


def test_audio_is_forgotten_before_it_fills_the_memory() -> None:
    call = PureCall()
    update(call, **listening(turn_detection=None))
    half = bytes(AUDIO_KEPT_BYTES_MAX // 4 * 3)
    ids = []
    for _ in range(2):
        call.append(half[: 10 * 1024 * 1024])
        call.append(half[10 * 1024 * 1024 : 20 * 1024 * 1024])
        ids.append(only(call.send("input_audio_buffer.commit"), "input_audio_buffer.committed")["item_id"])
    audio = [
        call.send("conversation.item.retrieve", item_id=one)[0]["item"]["content"][0]["audio"] for one in ids
    ]
    assert [bool(one) for one in audio] == [False, True]
