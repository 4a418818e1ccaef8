"""The offline provider's GPT-Live, without a socket and a clock: whatever it says is validated against the
SDK's own types as it arrives."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import live_frames as live
from local_talk import Event, Pure, think
from realtime_switch.local.audio import Format
from realtime_switch.local.gpt_live.conversation import Conversation
from realtime_switch.local.gpt_live.habits import AZURE, OPENAI, LiveHabits
from realtime_switch.local.script import Reading, Script, ScriptedCall, ScriptedReply
from realtime_switch.local.thought import Tokens, Trouble
from realtime_switch.local.voice import melody

PCM = Format("pcm16", 24_000)
HABITS = msgspec.structs.replace(OPENAI, usage_every_ms=None)
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
RESPONSES = {"type": "responses", "responses": {"model": "gpt-5.6-terra", "tools": [TOOL]}}


def validated(event: Event) -> Event:
    assert live.is_for_client(msgspec.json.encode(event))
    return event


class PureLive(Pure):
    def __init__(
        self,
        habits: LiveHabits = HABITS,
        *,
        script: tuple[ScriptedReply, ...] = (),
        hears: tuple[str | None, ...] = (),
        models: tuple[str, ...] = (),
        start_error: str = "",
        life_s: float = 7200.0,
        start: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(hears, validated)
        self.begin(
            Conversation(
                habits=habits,
                models=models,
                start_error=start_error,
                life_s=life_s,
                think=Reading(Script(reply=script), think).think,
                new_id=self.new_id,
                now_us=lambda: self.now_us,
            )
        )
        if start is not None:
            self.send("session.start", session={"model": "gpt-live-1", **start})

    def send(self, kind: str, **members: Any) -> list[Event]:
        return self.send_raw(msgspec.json.encode({"type": kind, **members}))

    def audio(self, pcm: bytes) -> list[Event]:
        told = []
        for at in range(0, len(pcm), 4_800):
            told += self.send("session.input_audio.append", audio=_base64(pcm[at : at + 4_800]))
        return told

    def silence(self, seconds: float) -> list[Event]:
        return self.audio(bytes(PCM.size_bytes(round(seconds * 1000))))

    def speak(self, text: str = "hello there you") -> list[Event]:
        return self.audio(melody(text, voice="", speed=1.0, rate_hz=24_000)) + self.silence(1.0)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def without_sound(events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"] != "session.output_audio.delta"]


def words(events: list[Event], who: str) -> str:
    return "".join(event["delta"] for event in events if event["type"] == f"session.{who}_transcript.delta")


def codes(events: list[Event]) -> list[str]:
    return [event["error"]["code"] for event in events if event["type"] == "error"]


# -- The beginning -------------------------------------------------------------------------------------------


def test_it_is_silent_until_it_is_told_how_the_session_is_held():
    call = PureLive()
    assert call.events == []
    assert call.conversation.due_us is None
    (started,) = call.send("session.start", session={"model": "gpt-live-1"})
    assert (started["session"]["model"], started["session"]["status"]) == ("gpt-live-1", "active")
    assert started["session"]["expires_at"] == call.now_us // 1_000_000 + 7200


WRONG = {
    "no start": (("session.close", {}), "invalid_value", "type"),
    "no session": (("session.start", {}), "missing_required_parameter", "session"),
    "no model": (("session.start", {"session": {}}), "missing_required_parameter", "session.model"),
    "an unknown key": (
        ("session.start", {"session": {"model": "m", "temprature": 1}}),
        "unknown_parameter",
        "session.temprature",
    ),
    "an unknown key within": (
        ("session.start", {"session": {"model": "m", "audio": {"input": {}}}}),
        "unknown_parameter",
        "session.audio.input",
    ),
    "a format": (
        ("session.start", {"session": {"model": "m", "audio": {"format": {"type": "audio/opus"}}}}),
        "invalid_value",
        "session.audio.format",
    ),
    "no backend": (
        ("session.start", {"session": {"model": "m", "delegation": {"type": "responses", "responses": {}}}}),
        "missing_required_parameter",
        "session.delegation.responses.model",
    ),
    "too much of the past": (
        ("session.start", {"session": {"model": "m", "input": [{}] * 129}}),
        "invalid_value",
        "session.input",
    ),
    "a voice it may not use": (
        ("session.start", {"session": {"model": "m", "audio": {"output": {"voice": "forbidden"}}}}),
        "forbidden",
        "session.audio.output.voice",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_beginning_is_named_and_the_socket_goes_two_seconds_later(what):
    (kind, members), code, param = WRONG[what]
    call = PureLive()
    (error,) = call.send(kind, event_id="c1", **members)
    said = error["error"]
    assert (said["code"], said["param"], said["client_event_id"]) == (code, param, "c1")
    began_us = call.now_us
    call.tick()
    assert (call.ended.code, call.now_us - began_us) == (1000, 2_000_000)


def test_a_model_there_is_not_and_a_fault():
    assert codes(PureLive(models=("other",), start={}).events) == ["invalid_model"]
    assert codes(PureLive(start_error="insufficient_quota", start={}).events) == ["insufficient_quota"]


def test_what_comes_before_the_session_has_started_is_lost():
    call = PureLive(msgspec.structs.replace(HABITS, start_after_ms=300), start={})
    assert call.silence(1.0) == []
    call.tick()
    assert kinds(call.events) == ["session.started"]


# -- The clock -----------------------------------------------------------------------------------------------


def test_sound_comes_back_as_it_goes_silence_and_all_and_never_ahead():
    call = PureLive(start={})
    assert kinds(call.silence(0.55)) == ["session.output_audio.delta"] * 5
    pieces = [base64.b64decode(event["delta"]) for event in call.events[1:]]
    assert pieces == [bytes(4_800)] * 5


@pytest.mark.parametrize(
    ("format", "size"),
    [
        ({"type": "audio/pcm", "rate": 16_000}, 3_200),
        ({"type": "audio/pcmu", "rate": 8_000}, 800),
        ({"type": "audio/pcma", "rate": 8_000}, 800),
    ],
)
def test_one_format_is_that_of_both_directions(format, size):
    call = PureLive(start={"audio": {"format": format}})
    (piece,) = call.send("session.input_audio.append", audio=_base64(bytes(size)))
    assert len(base64.b64decode(piece["delta"])) == size


def test_time_is_told_every_fifteen_seconds_of_it_and_at_the_end():
    call = PureLive(OPENAI, start={})
    call.silence(31.2)
    told = [event["usage"]["seconds"] for event in call.events if event["type"] == "session.usage.updated"]
    (closed,) = call.send("session.close", event_id="c9")
    assert (told, closed["usage"]["seconds"], closed["reason"]) == ([15.0, 30.0], 31.2, "close_requested")
    assert closed["client_event_id"] == "c9"
    assert call.ended.code == 1000


def test_azure_tells_the_time_more_seldom_names_no_commands_and_times_its_sound():
    call = PureLive(AZURE, start={})
    call.silence(61)
    told = [event for event in call.events if event["type"] == "session.usage.updated"]
    assert [event["usage"]["seconds"] for event in told] == [60.0]
    assert (call.events[1]["start_ms"], call.events[1]["end_ms"]) == (0, 100)
    (muted,) = call.send("session.input_audio.mute", event_id="c1")
    assert "client_event_id" not in muted


# -- Words ---------------------------------------------------------------------------------------------------


def test_a_question_is_heard_and_answered_in_timed_fragments():
    call = PureLive(start={}, script=(ScriptedReply(text="It is free."),), hears=("is row four free",))
    call.speak()
    call.silence(3)
    assert words(call.events, "input") == " is row four free"
    assert words(call.events, "output") == " It is free."
    fragments = [e for e in call.events if e["type"] == "session.output_transcript.delta"]
    assert all(e["end_ms"] - e["start_ms"] == 200 for e in fragments)


def test_speaking_over_it_silences_it_at_once_and_says_nothing_of_it():
    call = PureLive(start={}, script=(ScriptedReply(text="one two three four five six seven " * 5),))
    call.speak()
    call.silence(1)
    said = words(call.events, "output")
    assert said
    assert not said.endswith("seven ")
    call.speak()
    assert not words(call.silence(3), "output").startswith(" two")
    assert kinds(without_sound(call.silence(1))) == []


def test_the_model_hears_nothing_while_it_is_muted_and_the_clock_runs():
    call = PureLive(start={}, script=(ScriptedReply(text="Hm."),))
    call.send("session.input_audio.mute")
    call.speak()
    assert kinds(without_sound(call.events)) == ["session.started", "session.input_audio.muted"]
    call.send("session.input_audio.unmute")
    call.speak()
    call.silence(2)
    assert words(call.events, "output") == " Hm."


def test_a_clip_is_played_as_it_is():
    call = PureLive(start={})
    clip = b"\1\2" * 2_400 * 3
    assert kinds(call.send("session.output_audio.fixture.play", event_id="f", audio=_base64(clip))) == [
        "session.output_audio.fixture.playing"
    ]
    assert codes(call.send("session.thinking.append", content="Hm.", delegation_id=None)) == ["invalid_value"]
    events = call.silence(0.5)
    heard = b"".join(base64.b64decode(e["delta"]) for e in events if e["type"].endswith("audio.delta"))
    assert heard.rstrip(b"\0") == clip
    assert kinds(without_sound(events)) == ["session.output_audio.fixture.played"]


# -- Context -------------------------------------------------------------------------------------------------


def test_what_is_appended_is_acknowledged_by_the_clock_and_commentary_is_spoken():
    call = PureLive(start={})
    said = {"content": "Order 42 ships on Monday.", "delegation_id": None, "event_id": "c8"}
    assert call.send("session.commentary.append", **said) == []
    (appended, *_) = without_sound(call.silence(0.8))
    assert (appended["type"], appended["start_ms"], appended["client_event_id"]) == (
        "session.commentary.appended",
        600,
        "c8",
    )
    assert words(call.silence(4), "output") == " Order 42 ships on Monday."


def test_what_is_not_appended_yet_when_the_session_is_closed_never_is():
    call = PureLive(start={})
    call.send("session.instructions.append", content="Be brief.", delegation_id=None)
    assert codes(call.send("session.close")) == ["context_injection_incomplete"]


WRONG_APPENDS = {
    "too long": ({"content": "a" * 1_900, "delegation_id": None}, "content"),
    "for nobody": ({"content": "Hm.", "delegation_id": "item_x"}, "delegation_id"),
    "for it does not say whom": ({"content": "Hm."}, "delegation_id"),
    "nothing": ({"delegation_id": None}, "content"),
}


@pytest.mark.parametrize("what", WRONG_APPENDS)
def test_a_wrong_append_is_named(what):
    members, param = WRONG_APPENDS[what]
    (error,) = PureLive(start={}).send("session.commentary.append", **members)
    assert error["error"]["param"] == param


# -- Delegation ----------------------------------------------------------------------------------------------


def test_an_application_is_handed_work_without_being_told_what():
    call = PureLive(start={}, script=(ScriptedReply(text="One moment.", delegate=True),))
    call.speak()
    call.silence(2)
    (created,) = [e for e in call.events if e["type"] == "session.delegation.created"]
    assert created["delegation"]["target"] == "client"
    call.send(
        "session.commentary.append", content="It ships today.", delegation_id=created["delegation"]["id"]
    )
    assert words(call.silence(4), "output").endswith("It ships today.")


def test_a_backend_calls_a_function_is_answered_and_the_voice_tells_it():
    script = (
        ScriptedReply(calls=(ScriptedCall("weather", {"city": "Pune"}),), usage=Tokens(input_text=412)),
        ScriptedReply(text="31 degrees.", usage=Tokens(input_text=500, output_text=9)),
    )
    call = PureLive(start={"delegation": RESPONSES}, script=script)
    call.speak()
    inner = [e["event"] for e in call.events if e["type"] == "response.event"]
    assert [e["type"] for e in inner] == [
        "response.created",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    call_id = inner[4]["item"]["call_id"]
    assert codes(call.send("response.create")) == ["function_call_outputs_required"]
    item = {"type": "function_call_output", "call_id": call_id, "output": "31"}
    assert call.send("response.item.create", item=item) == []
    assert kinds(call.send("response.create"))[0] == "response.event"
    assert words(call.silence(3), "output") == " 31 degrees."
    assert [bill.input for bill in call.bills] == [412, 500]


def test_tools_that_openai_runs_are_seen_as_items():
    script = (ScriptedReply(text="Found it.", hosted=("web_search",)),)
    call = PureLive(start={"delegation": RESPONSES}, script=script)
    call.speak()
    items = [
        e["event"]["item"]["type"]
        for e in call.events
        if e.get("event", {}).get("type", "").endswith("item.done")
    ]
    assert items == ["web_search_call", "message"]


def test_what_waits_for_the_backend_has_bounds():
    call = PureLive(start={"delegation": RESPONSES})
    typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a" * 20_000}]}
    assert call.send("response.item.create", item=typed) == []
    assert codes(call.send("response.item.create", item=typed)) == ["response_input_buffer_full"]


def test_without_a_backend_nothing_is_given_to_it():
    assert codes(PureLive(start={}).send("response.create")) == ["invalid_value"]


def test_tools_may_be_changed_and_little_else():
    call = PureLive(start={"delegation": RESPONSES, "instructions": "Be kind."})
    session = {"delegation": {"type": "responses", "responses": {"tools": []}}}
    (updated,) = call.send("session.update", event_id="c2", session=session)
    assert updated["session"]["delegation"]["responses"] == {"model": "gpt-5.6-terra", "tools": []}
    assert codes(call.send("session.update", session={"instructions": "Be brief."})) == [
        "immutable_field_update"
    ]
    assert codes(call.send("session.update", session={"speed": 2})) == ["unknown_parameter"]
    assert codes(call.send("session.update", session={"delegation": {"type": "client"}})) == [
        "immutable_field_update"
    ]


# -- The end -------------------------------------------------------------------------------------------------


def test_a_session_that_hears_nothing_expires_and_so_does_an_old_one():
    deaf = PureLive(start={})
    began_us = deaf.now_us
    deaf.tick()
    assert (deaf.events[-1]["reason"], deaf.now_us - began_us) == ("expired", 30_000_000)
    old = PureLive(start={}, life_s=5)
    old.silence(1)
    old.tick()
    assert (old.events[-1]["reason"], old.events[-1]["usage"]["seconds"]) == ("expired", 1.0)


@pytest.mark.parametrize("reason", ["content", "remote_hangup", "connection_lost"])
def test_a_script_may_end_it_for_any_reason(reason):
    end = Trouble("session.closed", reason, "")
    call = PureLive(start={}, script=(ScriptedReply(error=end),))
    call.speak()
    assert (call.events[-1]["type"], call.events[-1]["reason"]) == ("session.closed", reason)


def test_a_close_takes_its_time_where_it_is_asked_to():
    call = PureLive(msgspec.structs.replace(HABITS, drain_ms=4_000), start={})
    assert call.send("session.close") == []
    assert codes(call.send("session.input_audio.mute")) == ["invalid_value"]
    call.tick()
    assert call.events[-1]["reason"] == "close_requested"


def test_sound_that_is_none_is_named():
    call = PureLive(start={})
    assert codes(call.send("session.input_audio.append", audio="AAAAAA==\n!")) == ["invalid_audio"]
    assert codes(call.send("session.input_audio.append", audio=_base64(b"123"))) == ["invalid_audio"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
FIELDS = ["session", "audio", "content", "delegation_id", "item", "event_id"]
TYPES = sorted({event["type"] for event in live.EXAMPLES["client"].values()})
messages = st.builds(
    lambda kind, members: msgspec.json.encode({"type": kind, **members}),
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(FIELDS), anything),
)


@given(st.booleans(), st.lists(messages | st.binary(max_size=20), max_size=8))
def test_no_message_makes_it_raise_and_an_end_is_said_once(started, sent):
    call = PureLive(start={"delegation": RESPONSES} if started else None)
    for message in sent:
        if call.ended is None:
            call.send_raw(message)
    assert kinds(call.events).count("session.closed") <= 1
