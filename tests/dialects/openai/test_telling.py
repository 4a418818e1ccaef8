"""What an OpenAI client is told of each act, in which order (OPENAI-REALTIME.md 7, 9; TRANSLATION.md 4)."""

import base64

import pytest

from openai_client import OpenAIClient, without_ids
from realtime_switch.dialects import acts as a
from realtime_switch.dialects.sound import PCM_24K, AudioFormat, Converter, silence

QUIET = silence(PCM_24K, 100)
TRANSCRIBED = {
    "type": "session.update",
    "session": {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}},
}
TEXT_ONLY = {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}

TURN = a.UserTurn("item_u")
BEGUN = a.ReplyBegun("resp_1")
MESSAGE = a.ReplyItem("resp_1", "item_a")
CALL = a.ReplyItem("resp_1", "item_f", 0, "function_call", "call_9", "seat_lookup")
CALLED = a.ToolCall("call_9", "seat_lookup", '{"row":4}', "item_f", "resp_1")
AUDIO = a.ReplyAudio("item_a", QUIET)
SPEAKS = [BEGUN, MESSAGE, a.ReplyTranscript("item_a", 0, "Row")]
PLACE = {"response_id": "resp_1", "item_id": "item_a", "output_index": 0, "content_index": 0}
CALL_PLACE = {"response_id": "resp_1", "item_id": "item_f", "output_index": 0, "call_id": "call_9"}


def item(item_id, kind, status, **members):
    return {"id": item_id, "object": "realtime.item", "type": kind, "status": status, **members}


def agent(status, *content, item_id="item_a"):
    return item(item_id, "message", status, role="assistant", content=list(content))


def heard(words):
    return {"type": "output_audio", "transcript": words}


def written(words):
    return {"type": "output_text", "text": words}


def user(words=None):
    content = [{"type": "input_audio", "transcript": words}]
    return item("item_u", "message", "completed", role="user", content=content)


def call(status, arguments):
    return item("item_f", "function_call", status, call_id="call_9", name="seat_lookup", arguments=arguments)


def typed():
    content = [{"type": "input_text", "text": "Hi."}]
    return item("mine", "message", "completed", role="user", content=content)


def response(status, *output, details=None, usage=None, metadata=None, modalities=("audio",), conv="conv_1"):
    return {
        "object": "realtime.response",
        "id": "resp_1",
        "status": status,
        "status_details": details,
        "output": list(output),
        "conversation_id": conv,
        "output_modalities": list(modalities),
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
        "usage": usage,
        "metadata": metadata,
    }


def event(type, **members):
    return {"type": type, **members}


def added_and_done(shown, previous):
    return [
        event(f"conversation.item.{what}", previous_item_id=previous, item=shown)
        for what in ("added", "done")
    ]


def close(shown, words, previous=None, part="audio"):
    if part == "audio":
        ends = [
            event("response.output_audio.done", **PLACE),
            event("response.output_audio_transcript.done", **PLACE, transcript=words),
        ]
        held = {"type": "audio", "transcript": words}
    else:
        ends = [event("response.output_text.done", **PLACE, text=words)]
        held = {"type": "text", "text": words}
    return [
        *ends,
        event("response.content_part.done", **PLACE, part=held),
        event("conversation.item.done", previous_item_id=previous, item=shown),
        event("response.output_item.done", response_id="resp_1", output_index=0, item=shown),
    ]


def done(*args, **members):
    return event("response.done", response=response(*args, **members))


def part_added(part="audio"):
    held = {"type": "audio", "transcript": ""} if part == "audio" else {"type": "text", "text": ""}
    return event("response.content_part.added", **PLACE, part=held)


def transcription(what, **members):
    kind = f"conversation.item.input_audio_transcription.{what}"
    return event(kind, item_id="item_u", content_index=0, **members)


CREATE = {
    "type": "conversation.item.create",
    "item": {
        "id": "mine",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hi."}],
    },
}
TRUNCATE = {
    "type": "conversation.item.truncate",
    "item_id": "item_a",
    "content_index": 0,
    "audio_end_ms": 60,
}
WHOLE = agent("completed", heard("Row"))
CUT = agent("incomplete", heard("Row"))

TOLD = {
    "nothing of a connection": ([], [a.GoingAway(9), a.Handle("h"), a.StartOver(), a.Garbled()], []),
    "nothing of what nobody asked for": ([], [a.Ready(b"", 48), a.Configured(b"", 48)], []),
    "speech": (
        [],
        [a.SpeechStarted("item_u", 440), a.SpeechStopped("item_u", 1_900)],
        [
            event("input_audio_buffer.speech_started", audio_start_ms=440, item_id="item_u"),
            event("input_audio_buffer.speech_stopped", audio_end_ms=1_900, item_id="item_u"),
        ],
    ),
    "a turn": (
        [],
        [TURN],
        [
            event("input_audio_buffer.committed", previous_item_id=None, item_id="item_u"),
            *added_and_done(user(), None),
        ],
    ),
    "a turn after another": (
        [TURN],
        [a.UserTurn("item_u2")],
        [
            event("input_audio_buffer.committed", previous_item_id="item_u", item_id="item_u2"),
            *added_and_done({**user(), "id": "item_u2"}, "item_u"),
        ],
    ),
    "a turn once": ([TURN], [TURN], []),
    "words": (
        [TRANSCRIBED, a.SpeechStarted("item_u", 440), a.SpeechStopped("item_u", 1_900), TURN],
        [
            a.UserTranscript("item_u", "Is row"),
            a.UserTranscript("item_u", " four?"),
            a.UserTranscript("item_u", "Is row four?", final=True),
            a.UserTranscript("item_u", "Is row four?", final=True),
        ],
        [
            transcription("delta", delta="Is row"),
            transcription("delta", delta=" four?"),
            transcription(
                "completed", transcript="Is row four?", usage={"type": "duration", "seconds": 1.46}
            ),
        ],
    ),
    "words that come late": (
        [TRANSCRIBED, TURN, a.UserTranscript("item_u", "Is row", final=True, audio_ms=700)],
        [
            a.UserTranscript("item_u", " four?"),
            a.UserTranscript("item_u", "Is row four?", final=True, audio_ms=700),
            a.UserTranscriptFailed("item_u"),
        ],
        [
            transcription("delta", delta=" four?"),
            transcription("completed", transcript="Is row four?", usage={"type": "duration", "seconds": 0.7}),
        ],
    ),
    "words all at once": (
        [TRANSCRIBED, TURN],
        [a.UserTranscript("item_u", "Hi.", final=True, audio_ms=700)],
        [
            transcription("delta", delta="Hi."),
            transcription("completed", transcript="Hi.", usage={"type": "duration", "seconds": 0.7}),
        ],
    ),
    "words that were not asked for": ([TURN], [a.UserTranscript("item_u", "Hi.", final=True)], []),
    "no words": (
        [TRANSCRIBED, TURN],
        [a.UserTranscriptFailed("item_u"), a.UserTranscriptFailed("item_u")],
        [
            transcription(
                "failed",
                error={
                    "type": "transcription_error",
                    "code": "audio_unintelligible",
                    "message": "The audio could not be transcribed.",
                },
            )
        ],
    ),
    "a cleared buffer": ([], [a.AudioCleared()], [event("input_audio_buffer.cleared")]),
    "an item": (
        [TURN, CREATE],
        [a.UserText("mine", "Hi."), a.ItemTaken("mine")],
        added_and_done(typed(), "item_u"),
    ),
    "an item of nobody": ([], [a.ItemTaken("x"), a.PastTold("x"), a.ToolAnswered("k", "v")], []),
    "a deleted item": (
        [TURN],
        [a.ItemDeleted("item_u")],
        [event("conversation.item.deleted", item_id="item_u")],
    ),
    "a reply": (
        [],
        [a.ReplyBegun("resp_1", metadata={"client_event_id": "x"}), BEGUN],
        [event("response.created", response=response("in_progress", metadata={"client_event_id": "x"}))],
    ),
    "a reply aside": (
        [TURN],
        [a.ReplyBegun("resp_1", aside=True), MESSAGE, a.UserTurn("item_u2")],
        [
            event("response.created", response=response("in_progress", conv=None)),
            event(
                "response.output_item.added", response_id="resp_1", output_index=0, item=agent("in_progress")
            ),
            event("input_audio_buffer.committed", previous_item_id="item_u", item_id="item_u2"),
            *added_and_done({**user(), "id": "item_u2"}, "item_u"),
        ],
    ),
    "a message": (
        [TURN, BEGUN],
        [MESSAGE, AUDIO, a.ReplyTranscript("item_a", 0, "Row")],
        [
            event(
                "response.output_item.added", response_id="resp_1", output_index=0, item=agent("in_progress")
            ),
            event("conversation.item.added", previous_item_id="item_u", item=agent("in_progress")),
            part_added(),
            event("response.output_audio.delta", **PLACE, delta=QUIET),
            event("response.output_audio_transcript.delta", **PLACE, delta="Row"),
        ],
    ),
    "words that are told whole": (
        [BEGUN, MESSAGE],
        [
            a.ReplyTranscript("item_a", 0, "Row", final=True),
            a.ReplyTranscript("item_a", 0, "Row four", final=True),
        ],
        [
            part_added(),
            event("response.output_audio_transcript.delta", **PLACE, delta="Row"),
            event("response.output_audio_transcript.delta", **PLACE, delta=" four"),
        ],
    ),
    "words that are told otherwise": (
        SPEAKS,
        [a.ReplyTranscript("item_a", 0, "A row", final=True)],
        [],
    ),
    "text of a reply that speaks": (
        [BEGUN, MESSAGE],
        [a.ReplyText("item_a", 0, "Row"), AUDIO],
        [part_added("text"), event("response.output_text.delta", **PLACE, delta="Row")],
    ),
    "a text session": (
        [TEXT_ONLY, BEGUN, MESSAGE],
        [
            AUDIO,
            a.ReplyTranscript("item_a", 0, "Row"),
            AUDIO,
            a.ReplyItemDone("item_a"),
            a.ReplyDone("resp_1"),
        ],
        [
            part_added("text"),
            event("response.output_text.delta", **PLACE, delta="Row"),
            *close(agent("completed", written("Row")), "Row", part="text"),
            done("completed", agent("completed", written("Row")), modalities=["text"]),
        ],
    ),
    "a whole reply": (
        [TURN, *SPEAKS],
        [
            a.ReplyMade("resp_1"),
            a.ReplyItemDone("item_a"),
            a.Usage(
                input=76,
                output=20,
                input_text=60,
                input_audio=14,
                input_image=2,
                cached_text=30,
                cached_audio=4,
                cached_image=1,
                output_text=5,
                output_audio=15,
                reply_id="resp_1",
            ),
            a.ReplyDone("resp_1"),
            a.ReplyDone("resp_1"),
        ],
        [
            *close(WHOLE, "Row", "item_u"),
            done(
                "completed",
                WHOLE,
                usage={
                    "total_tokens": 96,
                    "input_tokens": 76,
                    "output_tokens": 20,
                    "input_token_details": {
                        "text_tokens": 60,
                        "audio_tokens": 14,
                        "image_tokens": 2,
                        "cached_tokens": 35,
                        "cached_tokens_details": {"text_tokens": 30, "audio_tokens": 4, "image_tokens": 1},
                    },
                    "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
                },
            ),
        ],
    ),
    "a reply that was interrupted": (
        SPEAKS,
        [a.ReplyDone("resp_1", "cancelled", "turn_detected")],
        [
            *close(CUT, "Row"),
            done("cancelled", CUT, details={"type": "cancelled", "reason": "turn_detected"}),
        ],
    ),
    "a reply that was stopped for no reason given": (
        SPEAKS,
        [a.ReplyDone("resp_1", "cancelled")],
        [*close(CUT, "Row"), done("cancelled", CUT, details={"type": "cancelled"})],
    ),
    "a reply that is not whole": (
        SPEAKS,
        [a.ReplyDone("resp_1", "incomplete", "max_output_tokens")],
        [
            *close(CUT, "Row"),
            done("incomplete", CUT, details={"type": "incomplete", "reason": "max_output_tokens"}),
        ],
    ),
    "a reply that failed": (
        [BEGUN],
        [a.ReplyDone("resp_1", "failed", "backend_timeout")],
        [
            done(
                "failed",
                details={"type": "failed", "error": {"type": "server_error", "code": "backend_timeout"}},
            )
        ],
    ),
    "a reply of nothing": ([BEGUN], [a.ReplyDone("resp_1")], [done("completed")]),
    "a tool call": (
        [TURN, BEGUN],
        [CALL, CALLED, a.ReplyItemDone("item_f"), a.ReplyDone("resp_1")],
        [
            event(
                "response.output_item.added",
                response_id="resp_1",
                output_index=0,
                item=call("in_progress", ""),
            ),
            event("conversation.item.added", previous_item_id="item_u", item=call("in_progress", "")),
            event("response.function_call_arguments.delta", **CALL_PLACE, delta='{"row":4}'),
            event(
                "response.function_call_arguments.done",
                **CALL_PLACE,
                name="seat_lookup",
                arguments='{"row":4}',
            ),
            event("conversation.item.done", previous_item_id="item_u", item=call("completed", '{"row":4}')),
            event(
                "response.output_item.done",
                response_id="resp_1",
                output_index=0,
                item=call("completed", '{"row":4}'),
            ),
            done("completed", call("completed", '{"row":4}')),
        ],
    ),
    "a tool call that was cut off": (
        [BEGUN, CALL],
        [a.ReplyDone("resp_1", "cancelled", "turn_detected")],
        [done("cancelled", details={"type": "cancelled", "reason": "turn_detected"})],
    ),
    "nothing after the end": (
        [*SPEAKS, a.ReplyDone("resp_1")],
        [
            AUDIO,
            a.ReplyTranscript("item_a", 0, "x"),
            a.ReplyItemDone("item_a"),
            CALLED,
            a.ReplyMade("resp_1"),
        ],
        [],
    ),
    "nothing of a reply that nobody began": (
        [],
        [MESSAGE, AUDIO, a.Usage(reply_id="x"), a.ReplyDone("x")],
        [],
    ),
    "a truncation that was asked for": (
        [BEGUN, MESSAGE, AUDIO, TRUNCATE],
        [a.ReplyTruncated("item_a", 60), a.ReplyTruncated("item_a", 60)],
        [event("conversation.item.truncated", item_id="item_a", content_index=0, audio_end_ms=60)],
    ),
    "a truncation that was not": ([BEGUN, MESSAGE, AUDIO], [a.ReplyTruncated("item_a", 60)], []),
    "a truncation that was refused": (
        [BEGUN, MESSAGE, AUDIO, {**TRUNCATE, "event_id": "c"}, a.Refused("item_id", "No.", "c")],
        [a.ReplyTruncated("item_a", 60)],
        [],
    ),
    "trouble": (
        [],
        [a.Trouble("rate_limit_exceeded", "Too many.")],
        [
            event(
                "error",
                error={
                    "type": "server_error",
                    "code": "rate_limit_exceeded",
                    "message": "Too many.",
                    "param": None,
                    "event_id": None,
                },
            )
        ],
    ),
    "a refusal": (
        [],
        [a.Refused("silence_ms", "Not here.", "c_7")],
        [
            event(
                "error",
                error={
                    "type": "invalid_request_error",
                    "code": "unsupported_by_backend",
                    "message": "Not here.",
                    "param": "session.audio.input.turn_detection.silence_duration_ms",
                    "event_id": "c_7",
                },
            )
        ],
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_the_client_is_told(name):
    before, acts, events = TOLD[name]
    assert without_ids(client_after(*before).told(*acts)) == events


def client_after(*before, beta=False):
    client = OpenAIClient(beta)
    client.greeted()
    for one in before:
        client.told(one) if isinstance(one, a.Act) else client.says(one)
    return client


def test_every_event_has_an_id_of_its_own():
    client = client_after()
    events = client.told(TURN, *SPEAKS, AUDIO, AUDIO, a.ReplyItemDone("item_a"), a.ReplyDone("resp_1"))
    assert len({event["event_id"] for event in events}) == len(events)


def test_every_field_that_can_be_refused_has_a_path_of_openais():
    from realtime_switch.dialects.openai.telling import _PATHS
    from realtime_switch.dialects.wishes import Config, Turns

    fields = {*Config.__struct_fields__, *Turns.__struct_fields__}
    named_by_themselves, never_asked_for = {"extras"}, {"agent_words", "language"}
    assert fields - set(_PATHS) == named_by_themselves | never_asked_for


# -- Updates -----------------------------------------------------------------------------------------------


def instructed(words):
    return {"type": "session.update", "session": {"type": "realtime", "instructions": words}}


def instructions(events):
    return [event["session"]["instructions"] for event in events]


def test_the_greeting_of_the_provider_answers_every_update_that_waits():
    client = client_after(instructed("One."), instructed("Two."))
    assert instructions(client.told(a.Ready(b"", 48))) == ["One.", "Two."]
    assert client.told(a.Configured(b"", 48)) == []


def test_what_a_provider_takes_later_answers_one_update():
    client = client_after(a.Ready(b"", 48), instructed("One."), instructed("Two."))
    assert instructions(client.told(a.Configured(b"", 48))) == ["One."]
    assert instructions(client.told(a.Configured(b"", 48))) == ["Two."]


def test_a_new_connection_is_not_told_of():
    assert client_after(instructed("One."), a.Ready(b"", 48)).told(a.Ready(b"", 48)) == []


def test_a_configuration_is_saved_when_it_has_changed():
    client = client_after()
    ready, configured = a.Ready(b"", 48), a.Configured(b"", 48)
    assert client.side.config_to_save(ready) is None
    client.says(
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "model": "x",
                "instructions": "A",
                "prompt": None,
                "audio": {"input": {"turn_detection": None, "noise_reduction": None}},
            },
        }
    )
    client.told(ready)
    saved = (
        '{"type":"session.update","session":{"type":"realtime","instructions":"A",'
        '"audio":{"input":{"turn_detection":null}}}}'
    )
    assert client.side.config_to_save(ready) == saved
    assert client.side.config_to_save(configured) is None
    client.says(instructed("A"))
    client.told(configured)
    assert client.side.config_to_save(configured) is None
    client.says(instructed("B"))
    assert client.side.config_to_save(configured) is None  # nobody has taken it yet
    client.told(configured)
    assert client.side.config_to_save(configured) == saved.replace('"A"', '"B"')


def test_a_call_goes_on_as_it_was_configured():
    earlier = client_after(instructed("A"), a.Ready(b"", 48))
    saved = earlier.side.config_to_save(a.Ready(b"", 48))
    later = OpenAIClient()
    later.side.restore(saved)
    assert instructions(later.greeted()) == ["A"]
    assert later.side.config == earlier.side.config
    assert later.told(a.Ready(b"", 48)) == []
    assert later.side.config_to_save(a.Ready(b"", 48)) is None


# -- Sound -------------------------------------------------------------------------------------------------

MU_LAW = AudioFormat("pcmu", 8_000)
IN_MU_LAW = {
    "type": "session.update",
    "session": {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcmu"}}}},
}


def sound(events):
    return b"".join(
        base64.b64decode(e["delta"]) for e in events if e["type"] == "response.output_audio.delta"
    )


@pytest.mark.parametrize("end", [a.ReplyMade("resp_1"), a.ReplyItemDone("item_a"), a.ReplyDone("resp_1")])
def test_sound_comes_in_the_clients_format_to_its_last_sample(end):
    client = client_after(IN_MU_LAW, BEGUN, MESSAGE)
    noise = base64.b64encode(bytes(range(256)) * 100).decode()
    events = client.told(a.ReplyAudio("item_a", noise), a.ReplyAudio("item_a", noise), end)
    converter = Converter(PCM_24K, MU_LAW)
    whole = converter.convert(noise), converter.convert(noise), converter.flush()
    assert sound(events) == b"".join(map(base64.b64decode, whole))


def test_the_last_sound_stands_before_the_end_of_it():
    client = client_after(IN_MU_LAW, BEGUN, MESSAGE)
    events = client.told(a.ReplyAudio("item_a", "AAAAAAAAAAAAAAAA"), a.ReplyItemDone("item_a"))
    kinds = [event["type"] for event in events]
    assert kinds[:3] == [
        "response.content_part.added",
        "response.output_audio.delta",
        "response.output_audio.done",
    ]
    assert events[1]["delta"] == "//8="


def test_a_provider_may_change_its_format_in_mid_speech():
    client = client_after(BEGUN, MESSAGE)
    slow = AudioFormat("pcm", 16_000)
    events = client.told(
        a.ReplyAudio("item_a", silence(slow, 50), slow),
        AUDIO,
        a.ReplyAudio("item_a", silence(slow, 50), slow),
    )
    events += client.told(a.ReplyItemDone("item_a"))
    assert len(sound(events)) == 200 * PCM_24K.bytes_per_ms


@pytest.mark.parametrize("broken", ['AA"A', "AA\\A", "AAA\n", "é", "AA A"])
def test_what_is_no_base64_breaks_no_frame(broken):
    client = client_after(BEGUN, MESSAGE)
    assert client.told(a.ReplyAudio("item_a", broken), AUDIO)[-1]["delta"] == QUIET


def test_the_audio_of_a_beta_client_has_its_old_name():
    client = client_after(BEGUN, MESSAGE, beta=True)
    (_, event) = client.told(AUDIO)
    assert event == {"type": "response.audio.delta", "event_id": event["event_id"], **PLACE, "delta": QUIET}
