"""What the brain understands, as talks: docs/local-provider.md tells people the same."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_talk import NOON
from realtime_switch.local import brain
from realtime_switch.local.numbers import number_in, number_words
from realtime_switch.local.thought import (
    Answer,
    Call,
    Called,
    Returned,
    Said,
    Say,
    Thought,
    Tool,
    unintelligible,
)

WEATHER = Tool("get_weather", "", {"properties": {"city": {"type": "string"}}, "required": ["city"]})


def said(*texts: str, instructions: str = "", now: datetime = NOON) -> str:
    turns = tuple(Said("user", text) for text in texts)
    step = brain.answer(Thought(instructions, turns), now).steps[0]
    assert isinstance(step, Say)
    return step.text


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("Hello!", "Hello! How can I help you?"),
        ("good morning", "Hello! How can I help you?"),
        ("My name is Ada.", "Nice to meet you, Ada!"),
        ("my name is ada", "Nice to meet you, Ada!"),
        ("What time is it?", "It is 12:00."),
        ("what's the time", "It is 12:00."),
        ("what day is it", "Today is Saturday, 21 November 2026."),
        ("Count to five", "One, two, three, four, five."),
        ("please count from 3 to 1.", "Three, two, one."),
        ("count to 5000", "I can only count from 0 to 100."),
        ("spell cat", "C, A, T."),
        ("Spell the word dog!", "D, O, G."),
        ("Thank you very much", "You are welcome."),
        ("goodbye", "Goodbye!"),
        ("who are you?", brain.INTRODUCTION),
        ("Remember that the gate is B12.", "I will remember that."),
        ("Say: one, two", "one, two"),
        ("The rain in Spain", "You said: The rain in Spain"),
        (unintelligible(1.24), "I heard you speak for 1.2 seconds, but I could not make out the words."),
    ],
)
def test_one_question_one_answer(words: str, answer: str) -> None:
    assert said(words) == answer


@pytest.mark.parametrize(
    "told",
    [
        {"texts": ["My name is Ada", "Remember that the gate is B12."]},
        {"texts": ["my name is ada", "remember that the gate is B12"]},
        {"instructions": "Be kind.\nuser: my name is Ada\nagent: Hello!\nuser: remember that my gate is B12"},
        {"instructions": "You help travellers. The user's name is Ada. The gate is B12."},
        {"instructions": "Past:\nUser: My name is Ada. Remember: the gate is B12!\nAgent: My name is Bob."},
        {"texts": ["user: My name is Ada\nagent: My name is Bob\nuser: The gate is B12"]},
        {"texts": ["My name is Bob. The gate is C1.", "Call me Ada.", "Our gate is B12."]},
    ],
)
def test_a_name_and_a_fact_are_remembered_however_they_come(told: dict) -> None:  # type: ignore[type-arg]
    texts, instructions = told.get("texts", []), told.get("instructions", "")
    assert said(*texts, "What is my name?", instructions=instructions) == "Your name is Ada."
    assert said(*texts, "what is the gate", instructions=instructions).endswith(" gate is B12.")
    everything = said(*texts, "What did I tell you?", instructions=instructions)
    assert "Ada" in everything
    assert "B12" in everything


def test_what_is_not_known_is_not_made_up() -> None:
    assert said("what is my name") == "You have not told me your name yet."
    assert said("what did I tell you") == "You have not told me anything yet."
    assert said("What is the gate?") == "You said: What is the gate?"


def test_a_thing_to_remember_need_not_be_a_fact() -> None:
    told = said("remember to buy milk", "what did i tell you")
    assert told == "You told me: to buy milk."


def test_what_the_agent_said_is_no_memory_of_the_user() -> None:
    turns = (Said("agent", "My name is Bob"), Said("user", "what is my name"))
    assert brain.answer(Thought("", turns), NOON) == Answer((Say("You have not told me your name yet."),))


def test_instructions_to_say_something_are_followed() -> None:
    assert said("hello", instructions='Answer with exactly: "Forty-two"') == "Forty-two"
    assert said("hello", instructions="Be kind.\nSay: welcome aboard") == "welcome aboard"


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("What is the weather in Pune?", '{"city":"Pune"}'),
        ("call get_weather for Pune", '{"city":"Pune"}'),
        ("use the tool get weather for the city", '{"city":"city"}'),
        ('call get_weather {"city": "Oslo", "days": 3}', '{"city": "Oslo", "days": 3}'),
    ],
)
def test_a_tool_is_called_when_it_is_meant(words: str, arguments: str) -> None:
    thought = Thought("", (Said("user", words),), (WEATHER,))
    assert brain.answer(thought, NOON) == Answer((Call("get_weather", arguments),))


def test_a_tool_is_not_called_when_it_is_not_meant_or_not_there() -> None:
    for words, tools in [("hello", (WEATHER,)), ("What is the weather in Pune?", ())]:
        thought = Thought("", (Said("user", words),), tools)
        assert isinstance(brain.answer(thought, NOON).steps[0], Say)


def test_a_tool_that_must_be_called_is_called() -> None:
    thought = Thought("", (Said("user", "hello"),), (WEATHER,), must_call=True)
    assert brain.answer(thought, NOON) == Answer((Call("get_weather", '{"city":"hello"}'),))


def test_arguments_are_of_the_types_the_schema_wants() -> None:
    properties = {
        "row": {"type": "integer"},
        "price": {"type": "number"},
        "window": {"type": "boolean"},
        "class": {"enum": ["first", "second"]},
        "names": {"type": "array", "items": {"type": "string"}},
        "who": {"type": "object", "properties": {"age": {"type": "integer"}}},
    }
    tool = Tool("book", "", {"properties": properties})
    thought = Thought("", (Said("user", "call book for second row 12"),), (tool,))
    expected = (
        '{"row":12,"price":12,"window":true,"class":"second","names":["second row 12"],"who":{"age":12}}'
    )
    assert brain.answer(thought, NOON) == Answer((Call("book", expected),))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ('{"celsius":31,"sky":"clear"}', "The result of get weather: celsius is 31, sky is clear."),
        ("sunny", "The result of get weather: sunny."),
        ('["sun","wind"]', "The result of get weather: sun, wind."),
        ("", "The result of get weather is empty."),
        ('{"rain":false,"next":null}', "The result of get weather: rain is no, next is nothing."),
    ],
)
def test_a_result_is_told_in_words(output: str, words: str) -> None:
    turns = (Said("user", "weather"), Called("get_weather", "{}", "c1"), Returned("c1", output))
    assert brain.answer(Thought("", turns, (WEATHER,)), NOON) == Answer((Say(words),))


@given(
    st.text(),
    st.lists(st.builds(Said, st.sampled_from(["user", "agent", "system"]), st.text()), max_size=4),
    st.lists(
        st.builds(Tool, st.text(max_size=8), st.text(), st.dictionaries(st.text(), st.text())), max_size=2
    ),
    st.booleans(),
)
def test_there_is_no_thought_without_an_answer(
    instructions: str, turns: list[Said], tools: list[Tool], must: bool
) -> None:
    assert brain.answer(Thought(instructions, tuple(turns), tuple(tools), must), NOON).steps


@given(st.integers(0, 100))
def test_numbers_are_read_as_they_are_said(number: int) -> None:
    assert number_in(number_words(number)) == number_in(str(number)) == number


RECORD = "Be kind.\nuser: My name is Ada.\nagent: Nice to meet you, Ada!\n"


@pytest.mark.parametrize(
    ("end", "answered"),
    [
        ("", "Hello, Ada! How can I help you?"),
        ("user: count to three", "One, two, three."),
        ("user: count to three\nagent: One,", "two, three."),
        ("user: count to three\nagent: One, two, three.", "Hello, Ada! How can I help you?"),
        ("user: count to three\nagent: Uno, dos", "One, two, three."),
        ('user: what is the weather?\ntool: get_weather({"city":"Pune"})', "Hello, Ada! How can I help you?"),
        (
            'user: the weather?\ntool: get_weather({})\ntool: get_weather -> {"celsius":31}',
            "The result of get weather: celsius is 31.",
        ),
    ],
)
def test_it_goes_on_where_a_record_stops_in_the_middle(end: str, answered: str) -> None:
    assert said(instructions=RECORD + end) == said(" ", instructions=RECORD + end) == answered


def test_it_calls_what_a_record_asks_for() -> None:
    thought = Thought(f"{RECORD}user: What is the weather in Pune?", (), (WEATHER,))
    assert brain.answer(thought, NOON) == Answer((Call("get_weather", '{"city":"Pune"}'),))


def test_a_tools_result_may_be_of_another_providers_call() -> None:
    told = '[The call get_weather({"city":"Pune"}) of before has been answered: {"celsius":31}]'
    assert said(told) == "The result of get weather: celsius is 31."
