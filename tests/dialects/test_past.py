"""What was said before, as every provider is told it."""

from realtime_switch.dialects.gemini.past import contents
from realtime_switch.dialects.past import LEAD_IN, told, turns

LEFT_OUT = "[What was said before this is left out.]"
HISTORY = f"{LEFT_OUT}\nuser: I am Mia.\nagent: Hi Mia.\ntool: f({{}})\nuser: \n"


def test_the_past_as_instructions():
    assert told(HISTORY) == f"{LEAD_IN}\n{HISTORY}"
    assert told("user: \ud83d\ude00 \ud83d") == f"{LEAD_IN}\nuser: \U0001f600 \ufffd"
    assert told("") == ""


def test_the_past_turn_by_turn():
    assert turns(HISTORY) == (LEFT_OUT, [("user", "I am Mia."), ("agent", "Hi Mia.\ntool: f({})")])
    assert turns("") == ("", [])


def test_the_past_as_contents():
    assert contents(HISTORY) == (
        LEFT_OUT,
        [
            {"role": "user", "parts": [{"text": "I am Mia."}]},
            {"role": "model", "parts": [{"text": "Hi Mia.\ntool: f({})"}]},
        ],
    )
