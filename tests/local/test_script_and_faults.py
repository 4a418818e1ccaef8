"""Files a person writes, and faults a person names: what is read, and what a mistake is told."""

from pathlib import Path

import pytest

from realtime_switch.local.faults import FaultMistake, Faults, faults
from realtime_switch.local.script import (
    NO_SCRIPT,
    Reading,
    Script,
    ScriptedCall,
    ScriptedReply,
    ScriptedWords,
    ScriptMistake,
    read_script,
)
from realtime_switch.local.thought import Answer, Call, Say, Thought, Tokens, Trouble

WRITTEN = Script(
    reply=(
        ScriptedReply(text="Hello.", delay_ms=50, usage=Tokens(input_text=9, cached_text=4, output_audio=7)),
        ScriptedReply(calls=(ScriptedCall("get_weather", {"city": "Pune"}),)),
        ScriptedReply(error=Trouble("rate_limit_exceeded", "rate_limit_exceeded", "Slow down.")),
    ),
    hear=(ScriptedWords("what is the weather in Pune"),),
)
TOML = """
[[hear]]
text = "what is the weather in Pune"

[[reply]]
text = "Hello."
delay_ms = 50
usage = { input_text = 9, cached_text = 4, output_audio = 7 }

[[reply]]
calls = [{ name = "get_weather", arguments = { city = "Pune" } }]

[[reply]]
error = { type = "rate_limit_exceeded", code = "rate_limit_exceeded", message = "Slow down." }
"""
LINES = """
{"hear": {"text": "what is the weather in Pune"}}
{"reply": {"text": "Hello.", "delay_ms": 50, "usage": {"input_text": 9, "cached_text": 4, "output_audio": 7}}}

{"reply": {"calls": [{"name": "get_weather", "arguments": {"city": "Pune"}}]}}
{"reply": {"error": {"type": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "Slow down."}}}
"""


@pytest.mark.parametrize(("name", "text"), [("talk.toml", TOML), ("talk.jsonl", LINES)])
def test_both_ways_of_writing_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert read_script(path) == WRITTEN


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("talk.toml", "[[reply]]\ntxt = 'x'", "is not right: Object contains unknown field `txt`"),
        ("talk.toml", "reply = ", "is not right: "),
        ("talk.jsonl", '{"reply": {"text": 5}}', "line 1: Expected `str | null`, got `int`"),
        ("talk.jsonl", "\n\nhello", "line 3: "),
        ("talk.jsonl", None, "cannot be read: No such file or directory."),
    ],
)
def test_a_mistake_in_a_script_is_named(tmp_path: Path, name: str, text: str | None, sentence: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScriptMistake) as mistake:
        read_script(path)
    assert str(path) in str(mistake.value)
    assert sentence in str(mistake.value)


def test_a_script_is_read_from_the_top_by_each_connection() -> None:
    brain = Answer((Say("brain"),))
    for _ in range(2):
        reading = Reading(WRITTEN, lambda _: brain)
        answers = [reading.think(Thought("")) for _ in range(4)]
        assert answers == [
            Answer((Say("Hello."),), 50, Tokens(input_text=9, cached_text=4, output_audio=7)),
            Answer((Call("get_weather", '{"city":"Pune"}'),)),
            Answer((), trouble=Trouble("rate_limit_exceeded", "rate_limit_exceeded", "Slow down.")),
            brain,
        ]
        assert [reading.hear(), reading.hear()] == ["what is the weather in Pune", None]
    assert Reading(NO_SCRIPT, lambda _: brain).hear() is None


def test_faults_are_named_as_a_person_names_them() -> None:
    named = faults("slow:20", "drop_after:7", "expire_after:2.5", "goaway_after:9", times=3)
    assert named == Faults(slow_ms=20, drop_after=7, expire_after_s=2.5, goaway_after_s=9, times=3)
    assert faults("refuse", "status:503") == Faults(refuse=True, status=503)
    assert faults() == Faults()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("explode", "There is no fault 'explode'. There are: refuse, hang, silent, status, "),
        ("refuse:5", "The fault 'refuse' takes no argument."),
        ("drop_after", "The fault 'drop_after' takes a whole number: drop_after:20"),
        ("drop_after:-1", "The fault 'drop_after' takes a whole number: drop_after:20"),
        ("status:5", "The fault 'status' takes a whole number: status:503"),
        ("goaway_after:-1", "The fault 'goaway_after' takes seconds: goaway_after:2.5"),
        ("expire_after:soon", "The fault 'expire_after' takes seconds: expire_after:2.5"),
    ],
)
def test_a_fault_that_is_none_is_told_so(name: str, sentence: str) -> None:
    with pytest.raises(FaultMistake) as mistake:
        faults(name)
    assert str(mistake.value).startswith(sentence)


def test_only_the_first_connections_are_hit() -> None:
    assert [faults("hang", times=2).hit(number) for number in (1, 2, 3)] == [True, True, False]
    assert faults("hang").hit(1000)
