from realtime_switch.dialects.gemini.past import LEAD_IN, told, turns

HISTORY = "[What was said before this is left out.]\nuser: I am Mia.\nagent: Hi Mia.\ntool: f({})\nuser: \n"


def test_the_past_as_instructions():
    assert told(HISTORY) == f"{LEAD_IN}\n{HISTORY}"
    assert told("") == ""


def test_the_past_as_turns():
    assert turns(HISTORY) == (
        "[What was said before this is left out.]",
        [
            {"role": "user", "parts": [{"text": "I am Mia."}]},
            {"role": "model", "parts": [{"text": "Hi Mia.\ntool: f({})"}]},
        ],
    )
    assert turns("") == ("", [])
