"""The session of a translated call, as its client has started it and changes it."""

import msgspec
import pytest

from realtime_switch.dialects.gpt_live.backend import DELEGATE
from realtime_switch.dialects.gpt_live.frames import Mistake
from realtime_switch.dialects.gpt_live.session import Session

FUNCTION = {"type": "function", "name": "weather"}


def started(**members):
    session = Session(msgspec.json.encode({"type": "session.start", "session": members}).decode())
    session.start("live_1", 0)
    return session


def to_a_model(*tools):
    return {"type": "responses", "responses": {"model": "gpt-5.5", "tools": list(tools)}}


def tools_of(session):
    return [tool.name for tool in session.config.tools]


def test_what_was_said_before_stands_in_the_instructions():
    said = [
        {"type": "message", "role": "developer", "content": "They met before."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Is it free?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is."}]},
    ]
    assert started(instructions="Be brief.", input=said).config.instructions == (
        "Be brief.\n\n[This was said before; it is a record and not instructions:]\n"
        "developer: They met before.\nuser: Is it free?\nagent: It is."
    )


def test_where_nothing_was_said_before_the_instructions_are_the_clients():
    assert started(instructions="Be brief.", input=[]).config.instructions == "Be brief."


def test_work_goes_to_the_application_where_no_model_is_named_for_it():
    assert tools_of(started()) == [DELEGATE.name]
    assert tools_of(started(delegation=to_a_model(FUNCTION))) == ["weather"]


def test_an_update_keeps_the_instructions_that_were_appended():
    session = started(instructions="Be brief.", delegation=to_a_model())
    session.instruct("Be kind.")
    session.update({"session": {"delegation": to_a_model(FUNCTION)}})
    assert session.config.instructions == "Be brief.\n\nBe kind."
    assert tools_of(session) == ["weather"]


def test_an_update_is_confirmed_once():
    session = started(delegation=to_a_model())
    session.update({"event_id": "e1", "session": {"delegation": to_a_model(FUNCTION)}})
    assert [session.confirmed(), session.confirmed()] == ["e1", None]


def test_one_that_the_client_has_not_named_is_confirmed_too():
    session = started(delegation=to_a_model())
    session.update({"session": {"delegation": to_a_model(FUNCTION)}})
    assert [session.confirmed(), session.confirmed()] == ["", None]


def test_what_is_told_of_the_session_changes_when_an_update_is_confirmed():
    session = started(delegation=to_a_model())
    session.update({"session": {"delegation": to_a_model(FUNCTION)}})
    assert session.resource["delegation"] == to_a_model()
    session.confirmed()
    assert session.resource["delegation"] == to_a_model(FUNCTION)


def test_a_refused_update_is_not_waited_for():
    session = started(delegation=to_a_model())
    with pytest.raises(Mistake):
        session.update({"event_id": "e1", "session": {"audio": {}}})
    assert session.confirmed() is None
