"""The sequences of GEMINI-LIVE.md 10, the turn rules of 5 and the knobs, on the pure conversation."""

import base64
from typing import Any

import msgspec
import pytest

from local_gemini import DONE, INTERRUPTED, MADE, MODEL, PLAIN, PureGemini, outline, said, sound, usage
from local_talk import Event, silence, speech
from realtime_switch.local.gemini.closes import INTERNAL, NO_SUCH_SESSION, STAYED_TOO_LONG
from realtime_switch.local.gemini.habits import SHAPES, Habits
from realtime_switch.local.gemini.handles import GOOD_FOR_US
from realtime_switch.local.orders import End
from realtime_switch.local.thought import Answer, Call, Say, Thought, Tokens, Trouble

TELLING = {"outputAudioTranscription": {}, "inputAudioTranscription": {}}
TRAM = {
    "name": "find_tram",
    "description": "Next tram",
    "parameters": {"type": "OBJECT", "properties": {"stop": {"type": "STRING"}}, "required": ["stop"]},
}


def spoken(ms: int = 800, rate_hz: int = 16_000) -> bytes:
    """Somebody says something and is silent for longer than it takes to notice."""
    return silence(300, rate_hz) + speech(ms, rate_hz) + silence(700, rate_hz)


def tools(**changes: Any) -> Event:
    return {"tools": [{"functionDeclarations": [{**TRAM, **changes}]}]}


def result(call_id: str | None, **fields: Any) -> Event:
    named = {} if call_id is None else {"id": call_id}
    return {"functionResponses": [{**named, "name": "find_tram", "response": {"minutes": 4}, **fields}]}


# 1 setup


def test_10_1_the_first_frame_is_setup_complete_and_a_handle_follows() -> None:
    call = PureGemini(Habits())
    assert call.events == []
    assert call.send(setup={"model": MODEL}) == [
        {"setupComplete": {}},
        {"sessionResumptionUpdate": {"newHandle": "handle_1", "resumable": True}},
    ]


def test_vertex_names_the_session() -> None:
    call = PureGemini(SHAPES["vertex"], setup={"model": "projects/p/locations/l/publishers/google/models/g"})
    assert call.events == [{"setupComplete": {"sessionId": "sess_1"}}]


def test_both_casings_mix_in_one_message_and_free_form_maps_stay_as_they_are() -> None:
    seen: list[Thought] = []

    def remember(thought: Thought) -> Answer:
        seen.append(thought)
        return Answer((Say("Yes."),))

    call = PureGemini(think=remember)
    call.send_raw(
        msgspec.json.encode(
            {
                "setup": {
                    "model": "gemini-3.8-live",
                    "generation_config": {
                        "responseModalities": 3,
                        "candidate_count": 1,
                        "max_output_tokens": "9",
                    },
                    "systemInstruction": {"parts": [{"text": "One."}, {"text": "Two."}]},
                    "tools": {
                        "function_declarations": {
                            "name": "f",
                            "parameters": {
                                "type": "OBJECT",
                                "properties": {"a_b": {"type": "STRING"}},
                            },
                        }
                    },
                    "proactivity": None,
                }
            }
        )
    )
    call.send(client_content={"turns": [{"parts": {"text": "Hi."}}], "turnComplete": True})
    assert call.ended is None
    [thought] = seen
    assert thought.instructions == "One.\n\nTwo."
    assert thought.tools[0].parameters == {"type": "object", "properties": {"a_b": {"type": "string"}}}


# 2 audio turns


def test_10_2_a_spoken_turn_as_3_8_has_it() -> None:
    call = PureGemini(Habits(), hears=["which tram goes to the zoo"], setup=TELLING)
    assert outline(call.audio(spoken())) == [
        {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.300s"}},
        {"serverContent": {"inputTranscription": {"text": "which tram goes to the zoo"}}},
        {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.600s"}},
        {},
        {"serverContent": {}},
    ]
    answer = call.turn()
    first = answer[0]["serverContent"]
    assert first["modelTurn"]["role"] == "model"
    assert first["modelTurn"]["parts"][0]["inlineData"]["mimeType"] == "audio/pcm;rate=24000"
    assert first["outputTranscription"] == {"text": "You"}
    assert said(answer) == "You said: which tram goes to the zoo"
    assert outline(answer)[-2] == DONE
    assert call.events[-1] == {"sessionResumptionUpdate": {"newHandle": "handle_2", "resumable": True}}


def test_10_2b_the_same_as_2_5_has_it() -> None:
    call = PureGemini(SHAPES["2.5"], hears=["which tram"], setup=TELLING)
    assert outline(call.audio(spoken())) == [
        {"serverContent": {"inputTranscription": {"text": " which"}}},
        {"serverContent": {"inputTranscription": {"text": " tram"}}},
    ]
    answer = call.turn()
    thought = {"text": "**Working out the answer**", "thought": True}
    assert outline(answer)[:3] == [
        {"serverContent": {"modelTurn": {"parts": [thought]}}},
        {"serverContent": {"outputTranscription": {"text": "You"}}},
        "audio",
    ]
    assert outline(answer)[-2:] == [MADE, DONE]
    assert usage(answer)["thoughtsTokenCount"] == 7
    assert call.bills[-1].output == usage(answer)["responseTokenCount"] + 7


def test_words_are_told_only_where_they_were_asked_for() -> None:
    call = PureGemini(hears=["hello"], setup={})
    assert outline(call.audio(spoken()) + call.turn()) == ["audio", MADE, DONE]


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 24000, 44100, 48000])
def test_speech_is_found_in_the_audio_itself_at_any_declared_rate(rate_hz: int) -> None:
    call = PureGemini(msgspec.structs.replace(PLAIN, voice_activity=True), setup={})
    call.holds_ears = True
    told = []
    pcm = silence(300, rate_hz) + speech(1000, rate_hz) + silence(700, rate_hz)
    for start in range(0, len(pcm), 1000):  # any cut, also through a sample's frame
        told += call.audio(pcm[start : start + 1000], rate_hz)
    assert told == [{"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.300s"}}]
    [listen] = call.listening
    assert listen.rate_hz == rate_hz
    assert len(listen.pcm) // 2 / rate_hz == pytest.approx(1.0 + 0.5 + 0.16, abs=0.02)


@pytest.mark.parametrize(("silence_ms", "turns"), [(200, 2), (600, 1)])
def test_silence_duration_ms_is_what_ends_a_turn(silence_ms: int, turns: int) -> None:
    detection = {"automaticActivityDetection": {"silenceDurationMs": silence_ms}}
    call = PureGemini(setup={"realtimeInputConfig": detection})
    call.holds_ears = True
    call.audio(speech(500) + silence(400) + speech(500) + silence(1000), 24_000)
    assert len(call.listening) == turns


def test_prefix_padding_ms_is_how_long_it_must_be_loud() -> None:
    detection = {"automaticActivityDetection": {"prefixPaddingMs": 300}}
    call = PureGemini(setup={"realtimeInputConfig": detection})
    call.holds_ears = True
    call.audio(speech(200) + silence(800) + speech(400) + silence(800), 24_000)
    assert len(call.listening) == 1


def test_audio_without_a_rate_is_of_16_khz_and_media_chunks_are_taken_by_their_first() -> None:
    call = PureGemini(hears=["hello"], setup=TELLING)
    chunk = {"mimeType": "audio/pcm", "data": base64.b64encode(spoken()).decode().rstrip("=")}
    heard = call.send(realtimeInput={"mediaChunks": [chunk, {"mimeType": "text/plain", "data": "AA=="}]})
    assert heard == [{"serverContent": {"inputTranscription": {"text": "hello"}}}]


def test_a_stream_that_ends_ends_the_turn_and_the_next_audio_opens_it_again() -> None:
    call = PureGemini(hears=["hello", "thank you"], setup=TELLING)
    assert call.audio(speech(500, 16_000)) == []
    assert call.send(realtimeInput={"audioStreamEnd": True}) == [
        {"serverContent": {"inputTranscription": {"text": "hello"}}}
    ]
    assert said(call.turn()) == "Hello! How can I help you?"
    assert call.send(realtimeInput={"audioStreamEnd": True}) == []
    call.audio(spoken())
    assert said(call.turn()) == "You are welcome."


# Interruption


def test_10_2_an_interruption_has_its_pair_and_its_words_come_after() -> None:
    call = PureGemini(Habits(), hears=["sorry the museum"], setup=TELLING)
    call.text("Count to twenty")
    call.run(1000)
    assert outline(call.audio(silence(200, 16_000) + speech(500, 16_000))) == [
        {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.200s"}},
        INTERRUPTED,
        DONE,
        {"sessionResumptionUpdate": {"newHandle": "handle_2", "resumable": True}},
    ]
    assert call.run(1000) == []
    assert outline(call.audio(silence(700, 16_000)))[0] == {
        "serverContent": {"inputTranscription": {"text": "sorry the museum"}}
    }
    assert said(call.turn()) == "You said: sorry the museum"


def test_an_interruption_may_come_after_all_was_made_and_before_it_was_played() -> None:
    call = PureGemini(setup={})
    call.text("Count to ten")
    call.until(lambda event: event == MADE)
    assert outline(call.audio(speech(300, 16_000))) == [INTERRUPTED, DONE]


def test_what_was_sent_is_what_is_remembered() -> None:
    call = PureGemini(setup=TELLING)
    call.text("Count to twenty")
    sent = call.run(500)
    call.audio(speech(300, 16_000))
    [_, agent] = call.conversation._talk._past.entries  # type: ignore[attr-defined]
    assert agent.turn.text == said(sent) != ""
    assert agent.audio == len(sound(sent)) // 1920


def test_no_interruption_lets_it_finish_and_answers_then() -> None:
    config = {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}
    call = PureGemini(hears=["thank you"], setup={**TELLING, **config})
    call.text("Count to three")
    call.run(50)
    assert outline(call.audio(spoken())) == [{"serverContent": {"inputTranscription": {"text": "thank you"}}}]
    first = call.turn()
    assert outline(first)[-2:] == [MADE, DONE]
    assert said(call.turn()) == "You are welcome."


def test_what_was_asked_before_an_interruption_is_not_answered_into_it() -> None:
    call = PureGemini(hears=["count to two"], setup=TELLING)
    call.text("Count to ten")
    call.run(100)
    call.text("Thank you")
    assert outline(call.audio(speech(300, 16_000)) + call.run(5000)) == [INTERRUPTED, DONE]
    call.audio(silence(800, 16_000))
    assert said(call.turn()) == "One, two."
    assert call.run(10_000) == []


def test_an_end_is_told_before_the_next_start_however_slow_the_ears_are() -> None:
    call = PureGemini(msgspec.structs.replace(PLAIN, voice_activity=True), setup={})
    call.holds_ears = True
    marks = [
        event["voiceActivity"]["type"]
        for event in call.audio(spoken()) + call.audio(spoken())
        if "voiceActivity" in event
    ]
    assert marks == ["ACTIVITY_START", "ACTIVITY_END", "ACTIVITY_START"]


def test_another_rate_is_another_microphone_and_time_goes_on() -> None:
    call = PureGemini(msgspec.structs.replace(PLAIN, voice_activity=True), hears=["a", "b"], setup=TELLING)
    call.audio(silence(1000, 16_000) + speech(500, 16_000), 16_000)
    assert outline(call.audio(silence(200, 24_000), 24_000)) == [
        {"serverContent": {"inputTranscription": {"text": "a"}}},
        {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "1.500s"}},
    ]
    start = {"type": "ACTIVITY_START", "audioOffset": "1.700s"}
    assert {"voiceActivity": start} in call.audio(speech(500, 24_000), 24_000)


def test_text_that_comes_while_speech_is_being_understood_is_answered_with_it() -> None:
    call = PureGemini(setup=TELLING)
    call.holds_ears = True
    call.audio(spoken())
    call.text("Thank you")
    call.hear("my name is ada")
    assert said(call.turn()) == "You are welcome."
    assert call.run(10_000) == []


# Timing


def test_5_1_it_is_made_faster_than_it_plays_and_complete_when_it_was_played() -> None:
    call = PureGemini(setup={})
    call.text("Say: one two three four five")  # a second of sound
    begun_us = call.now_us
    call.until(lambda event: event == MADE)
    assert call.now_us - begun_us == 1_000_000 // 5
    call.turn()
    assert call.now_us - begun_us == 1_000_000


def test_a_frame_holds_40_ms_and_words_are_all_told() -> None:
    call = PureGemini(setup=TELLING)
    answer = call.ask("Say: one two three")
    assert {len(sound([event])) for event in answer} == {0, 40 * 48}
    assert len(sound(answer)) == 600 * 48
    assert said(answer) == "one two three"


def test_max_output_tokens_end_it() -> None:
    call = PureGemini(setup={"generationConfig": {"maxOutputTokens": 3}})
    answer = call.ask("Say: one two three")
    assert len(sound(answer)) == 3 * 40 * 48
    assert outline(answer)[-2:] == [MADE, DONE]


# 3 text, 7 history


def test_10_3_client_content_interrupts_and_answers_once_it_is_complete() -> None:
    call = PureGemini(setup=TELLING)
    call.text("Count to ten")
    call.run(300)
    turn = {"role": "user", "parts": [{"text": "My name is Ada."}]}
    assert outline(call.send(clientContent={"turns": [turn]})) == [INTERRUPTED, DONE]
    assert call.run(5000) == []
    call.send(clientContent={"turnComplete": True})
    assert said(call.turn()) == "Nice to meet you, Ada!"


def test_10_7_a_seed_is_not_answered_and_one_blank_is_one_trigger() -> None:
    call = PureGemini(setup={**TELLING, "historyConfig": {"initialHistoryInClientContent": True}})
    history = [
        {"role": "user", "parts": [{"text": "I am called Mia."}]},
        {"role": "model", "parts": [{"text": "Hi Mia."}]},
        {"role": "user", "parts": [{"text": "What is my name?"}]},
    ]
    assert call.send(clientContent={"turns": history[:1]}) == []
    assert call.send(clientContent={"turns": history[1:], "turnComplete": True}) == []
    assert call.run(5000) == []
    assert said(call.ask(" ")) == "Your name is Mia."
    assert call.run(5000) == []
    assert said(call.send(clientContent={"turnComplete": True}) + call.turn()) == "Your name is Mia."


def test_text_does_not_interrupt_and_is_answered_next() -> None:
    call = PureGemini(setup=TELLING)
    call.text("Count to three")
    begun = call.run(50)
    assert call.text("Thank you") == []
    assert said(begun + call.turn()) == "One, two, three."
    assert said(call.turn()) == "You are welcome."


def test_history_may_hold_calls_results_sound_and_pictures() -> None:
    call = PureGemini(setup=TELLING)
    parts = [
        {"functionCall": {"name": "find_tram", "args": {"stop": "Zoo"}}},
        {"functionResponse": {"name": "find_tram", "response": {"output": {"minutes": 4}}}},
    ]
    seen = [
        {"inlineData": {"mimeType": "audio/pcm", "data": base64.b64encode(bytes(32_000)).decode()}},
        {"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}},
    ]
    turns = [{"role": "user", "parts": seen}, {"role": "model", "parts": parts}]
    call.send(clientContent={"turns": turns, "turnComplete": True})
    answer = call.turn()
    assert said(answer) == "The result of find tram: minutes is 4."
    assert usage(answer)["promptTokensDetails"][1:] == [
        {"modality": "AUDIO", "tokenCount": 25},
        {"modality": "IMAGE", "tokenCount": 258},
    ]


# 4 tools


def test_10_4_a_blocking_call_and_its_result_are_one_turn() -> None:
    call = PureGemini(setup={**TELLING, **tools(behavior="BLOCKING")})
    asked = call.text("find tram for Zoo") + call.tick() + call.run(5000)
    assert asked == [
        {"toolCall": {"functionCalls": [{"id": "fc_1", "name": "find_tram", "args": {"stop": "Zoo"}}]}}
    ]
    answer = call.send(toolResponse=result("fc_1")) + call.turn()
    assert said(answer) == "The result of find tram: minutes is 4."
    assert outline(answer)[-2:] == [MADE, DONE]
    assert usage(answer)["toolUsePromptTokenCount"] == 4


def test_10_4b_speech_takes_a_blocking_call_back_and_its_late_result_is_let_pass() -> None:
    call = PureGemini(hears=["thank you"], setup={**TELLING, **tools(behavior="BLOCKING")})
    call.text("find tram for Zoo")
    call.run(100)
    assert outline(call.audio(speech(300, 16_000))) == [
        {"toolCallCancellation": {"ids": ["fc_1"]}},
        INTERRUPTED,
        DONE,
    ]
    assert call.send(toolResponse=result("fc_1")) == []
    call.audio(silence(800, 16_000))
    assert said(call.turn()) == "You are welcome."


def test_5_7_text_takes_a_blocking_call_back_too() -> None:
    call = PureGemini(setup={**TELLING, **tools(behavior="BLOCKING")})
    call.text("find tram for Zoo")
    call.run(100)
    assert outline(call.text("Thank you"))[0] == {"toolCallCancellation": {"ids": ["fc_1"]}}
    assert said(call.turn()) == "You are welcome."


def test_a_result_is_counted_apart_once() -> None:
    call = PureGemini(setup={**TELLING, **tools(behavior="BLOCKING")})
    call.text("find tram for Zoo")
    call.run(100)
    first = usage(call.send(toolResponse=result("fc_1")) + call.turn())
    second = usage(call.ask("Thank you"))
    assert first["toolUsePromptTokenCount"] == 4
    assert "toolUsePromptTokenCount" not in second
    assert second["promptTokenCount"] > first["promptTokenCount"] + 4


def test_10_4c_with_a_non_blocking_call_the_talk_goes_on() -> None:
    call = PureGemini(setup={**TELLING, **tools()})  # the default of 3.8
    call.text("find tram for Zoo")
    call.run(100)
    assert said(call.ask("Thank you")) == "You are welcome."
    call.send(toolResponse=result("fc_1"))
    assert said(call.turn()) == "The result of find tram: minutes is 4."


@pytest.mark.parametrize(
    ("scheduling", "ends", "told"),
    [
        ("INTERRUPT", [INTERRUPTED, DONE, MADE, DONE], "One,The result of find tram: minutes is 4."),
        ("WHEN_IDLE", [MADE, DONE, MADE, DONE], "One, two, three.The result of find tram: minutes is 4."),
        ("SILENT", [MADE, DONE], "One, two, three."),
    ],
)
def test_3_4_a_result_comes_in_when_it_is_scheduled(scheduling: str, ends: list[Any], told: str) -> None:
    call = PureGemini(setup={**TELLING, **tools()})
    call.text("find tram for Zoo")
    call.run(100)
    events = call.text("Count to three") + call.run(20)
    events += call.send(toolResponse=result("fc_1", scheduling=scheduling)) + call.run(10_000)
    assert [one for one in outline(events) if one in (INTERRUPTED, MADE, DONE)] == ends
    assert said(events) == told


def test_silent_results_alone_close_the_turn() -> None:
    call = PureGemini(setup=tools())
    call.text("find tram for Zoo")
    call.run(100)
    assert outline(call.send(toolResponse=result("fc_1", scheduling="SILENT"))) == [DONE]


def test_a_result_may_come_in_pieces() -> None:
    call = PureGemini(setup={**TELLING, **tools()})
    call.text("find tram for Zoo")
    call.run(100)
    for more in (True, False):
        call.send(toolResponse=result("fc_1", willContinue=more))
        assert said(call.turn()) == "The result of find tram: minutes is 4."
    call.send(toolResponse=result("fc_1"))
    assert call.ended is not None


def test_several_calls_are_one_tool_call_and_speech_may_come_before() -> None:
    steps = (Say("One moment."), Call("find_tram", '{"stop":"a"}'), Call("find_tram", '{"stop":"b"}'))
    answers = iter([Answer(steps), Answer((Say("There."),))])
    call = PureGemini(think=lambda _: next(answers), setup={**TELLING, **tools(behavior="BLOCKING")})
    told = call.text("go") + call.run(5000)
    assert said(told) == "One moment."
    assert [one["args"] for one in told[-1]["toolCall"]["functionCalls"]] == [{"stop": "a"}, {"stop": "b"}]
    assert call.send(toolResponse=result("fc_1")) == []
    call.send(toolResponse=result("fc_2"))
    assert said(call.turn()) == "There."


def test_vertex_completes_a_turn_at_the_call_and_knows_calls_by_their_names() -> None:
    call = PureGemini(SHAPES["vertex"], setup={**TELLING, **tools()})
    asked = [event for event in call.text("find tram for Zoo") + call.run(100) if event]
    assert outline(asked) == [
        {"toolCall": {"functionCalls": [{"name": "find_tram", "args": {"stop": "Zoo"}}]}},
        DONE,
    ]
    assert usage(asked)["candidatesTokenCount"] == 6
    call.send(toolResponse=result(None))
    assert said(call.turn()) == "The result of find tram: minutes is 4."
    assert len(call.bills) == 2


def test_3_5_a_context_update_changes_what_is_there() -> None:
    call = PureGemini(setup={**TELLING, **tools(), "systemInstruction": {"parts": [{"text": "Say: old"}]}})
    assert said(call.ask("Hello")) == "old"
    assert call.send(contextUpdate={"systemInstruction": {"parts": [{"text": "Say: new"}]}}) == []
    answer = call.ask("Hello")
    assert said(answer) == "new"
    assert "cachedContentTokenCount" not in usage(answer)
    call.send(contextUpdate={"systemInstruction": {"parts": []}, "tools": {"tools": []}})
    assert said(call.ask("find tram for Zoo")) == "You said: find tram for Zoo"


# 5 goAway and resumption


def test_10_5_a_connection_is_warned_and_who_stays_is_sent_away() -> None:
    call = PureGemini(life_s=590, setup={})
    assert call.run(539_999) == []
    assert call.run(2) == [{"goAway": {"timeLeft": "50s"}}]
    assert call.run(60_000) == []
    assert call.ended == STAYED_TOO_LONG


def test_a_handle_brings_everything_back() -> None:
    first = PureGemini(setup={**TELLING, **tools(behavior="BLOCKING"), "sessionResumption": {}})
    first.ask("My name is Ada")
    first.text("find tram for Zoo")
    first.run(100)
    handle = [
        event["sessionResumptionUpdate"]["newHandle"]
        for event in first.events
        if "sessionResumptionUpdate" in event
    ][-1]
    first.conversation.gone()
    second = PureGemini(after=first, setup={**TELLING, "sessionResumption": {"handle": handle}})
    assert second.events == [{"setupComplete": {}}, second.events[1]]
    second.send(toolResponse=result("fc_1"))  # a pending call takes its old id along
    assert said(second.turn()) == "The result of find tram: minutes is 4."
    assert said(second.ask("What is my name?")) == "Your name is Ada."


def resumed(first: PureGemini, handle: str, **setup: Any) -> End | None:
    return PureGemini(after=first, setup={"sessionResumption": {"handle": handle}, **setup}).ended


def test_a_handle_has_one_holder_two_hours_and_one_model() -> None:
    first = PureGemini(setup={"sessionResumption": {}})
    assert resumed(first, "handle_1") == INTERNAL
    first.conversation.gone()
    assert resumed(first, "handle_9") == NO_SUCH_SESSION
    assert resumed(first, "handle_1", model="models/another") is not None
    first.now_us += GOOD_FOR_US
    assert resumed(first, "handle_1") is None
    # It is the second connection now that ended last.
    second = PureGemini(after=first, setup={})
    assert resumed(second, "handle_1") == INTERNAL


def test_a_handle_expires() -> None:
    first = PureGemini(setup={"sessionResumption": {}})
    first.conversation.gone()
    first.now_us += GOOD_FOR_US + 1
    assert resumed(first, "handle_1") == NO_SUCH_SESSION


def test_who_was_sent_away_may_come_back_at_once() -> None:
    first = PureGemini(setup={"sessionResumption": {}})
    first.send(setup={"model": MODEL})
    assert first.ended is not None
    assert resumed(first, "handle_1") is None


# 6 manual activity

MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}


def test_10_6_the_client_brackets_its_speech() -> None:
    call = PureGemini(
        Habits(heartbeats=False, handles_unasked=False), hears=["hello"], setup={**TELLING, **MANUAL}
    )
    assert call.audio(speech(1000, 16_000)) == []  # outside: ignored
    start = {"type": "ACTIVITY_START", "audioOffset": "1.500s"}
    assert call.audio(silence(500, 16_000)) == []
    assert call.send(realtimeInput={"activityStart": {}}) == [{"serverContent": {}, "voiceActivity": start}]
    assert call.send(realtimeInput={"activityStart": {}}) == []  # nested: ignored
    call.holds_ears = True
    call.audio(speech(400, 16_000) + silence(2000, 16_000))
    assert call.send(realtimeInput={"activityEnd": {}}) == []
    assert len(call.listening[0].pcm) == 2400 * 32
    end = {"type": "ACTIVITY_END", "audioOffset": "3.900s"}
    assert call.hear("hello") == [
        {"serverContent": {"inputTranscription": {"text": "hello"}}},
        {"serverContent": {}, "voiceActivity": end},
    ]
    assert said(call.turn()) == "Hello! How can I help you?"


def test_a_start_by_hand_interrupts() -> None:
    call = PureGemini(setup=MANUAL)
    call.text("Count to ten")
    call.run(300)
    assert outline(call.send(realtimeInput={"activityStart": {}})) == [INTERRUPTED, DONE]


def test_an_empty_activity_fails_after_a_bare_turn_complete() -> None:
    call = PureGemini(setup=MANUAL)
    call.send(realtimeInput={"activityStart": {}})
    assert call.send(realtimeInput={"activityEnd": {}}) == [
        {"serverContent": {"turnComplete": True}, "usageMetadata": {}}
    ]
    assert call.ended == End(1007, "Precondition check failed.")


# Pictures, usage, scripts, knobs


@pytest.mark.parametrize(
    ("coverage", "pictures"), [("TURN_INCLUDES_ONLY_ACTIVITY", 0), ("TURN_INCLUDES_ALL_INPUT", 2)]
)
def test_pictures_are_counted_one_a_second(coverage: str, pictures: int) -> None:
    call = PureGemini(hears=["hello"], setup={"realtimeInputConfig": {"turnCoverage": coverage}})
    for _ in range(4):
        call.send(realtimeInput={"video": {"mimeType": "image/jpeg", "data": "/9j/"}})
        call.run(500)
    call.audio(spoken())
    assert usage(call.turn())["promptTokensDetails"][1:] == (
        [{"modality": "IMAGE", "tokenCount": 258 * pictures}] if pictures else []
    )


def test_5_11_every_turn_counts_the_whole_context_again() -> None:
    call = PureGemini(hears=["thank you"], setup={"systemInstruction": {"parts": [{"text": "Be brief."}]}})
    assert usage(call.ask("Hello")) == {
        "promptTokenCount": 5,
        "responseTokenCount": 30,
        "totalTokenCount": 35,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}],
    }
    call.audio(spoken())
    assert usage(call.turn()) == {
        "promptTokenCount": 5 + 30 + 37,
        "cachedContentTokenCount": 5,
        "responseTokenCount": 15,
        "totalTokenCount": 5 + 30 + 37 + 15,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 5},
            {"modality": "AUDIO", "tokenCount": 67},
        ],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}],
    }
    assert call.bills == [
        Tokens(input_text=5, output_audio=30),
        Tokens(input_text=5, input_audio=67, cached_text=5, output_audio=15),
    ]


def test_a_script_may_say_what_is_billed_and_that_it_fails() -> None:
    answers = iter(
        [
            Answer((Say("Yes."),), tokens=Tokens(input_text=40, output_audio=7)),
            Answer((), trouble=Trouble("server_error", "quota", "You exceeded your current quota.")),
        ]
    )
    call = PureGemini(think=lambda _: next(answers), setup={})
    assert usage(call.ask("go"))["totalTokenCount"] == 47
    call.text("go")
    assert call.ended == End(1011, "You exceeded your current quota.")


def test_a_turn_may_end_too_early() -> None:
    call = PureGemini(msgspec.structs.replace(PLAIN, premature_end=True), setup=TELLING)
    answer = call.ask("Say: one two three four")
    assert said(answer) == "one two"
    assert outline(answer)[-1] == DONE
    assert MADE not in answer


def test_a_turn_that_ends_too_early_calls_nothing() -> None:
    steps = Answer((Say("One moment."), Call("find_tram", "{}")))
    habits = msgspec.structs.replace(PLAIN, premature_end=True)
    call = PureGemini(habits, think=lambda _: steps, setup=TELLING)
    assert said(call.ask("go") + call.run(1000)) == "One"
    assert not any("toolCall" in event for event in call.events)


@pytest.mark.parametrize("knob", Habits.__struct_fields__)
def test_every_knob_changes_what_is_said(knob: str) -> None:
    def told(habits: Habits) -> list[Any]:
        setup = {**TELLING, **tools(), **({"sessionResumption": {}} if knob != "handles_unasked" else {})}
        call = PureGemini(habits, hears=["find tram for zoo"], setup=setup)
        call.send(realtimeInput={"video": {"mimeType": "image/jpeg", "data": "/9j/"}})
        call.audio(spoken())
        call.run(10_000)
        call.audio(speech(300, 16_000))
        if call.ended is None:
            call.ask("Say: one two")
            call.send(contextUpdate={})
        return [*call.events, call.ended]

    turned = msgspec.structs.replace(Habits(), **{knob: not getattr(Habits(), knob)})
    assert told(turned) != told(Habits())
