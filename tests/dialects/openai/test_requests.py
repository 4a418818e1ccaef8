import pytest

from realtime_switch.dialects.openai.requests import Mistake, read_request

TWICE = Mistake("invalid_event", "The message has two members of the same name in one object.")
NOT_JSON = Mistake("invalid_event", "The message is not valid JSON.")


def read(payload, tokens_max=1000, depth_max=20):
    return read_request(payload.encode() if isinstance(payload, str) else payload, tokens_max, depth_max)


def test_a_request_is_read_as_it_is():
    said = '{"type":"response.create","response":{"metadata":{"a":"b"},"input":[{"a":1},{"a":2}]}}'
    assert read(said) == {
        "type": "response.create",
        "response": {"metadata": {"a": "b"}, "input": [{"a": 1}, {"a": 2}]},
    }


@pytest.mark.parametrize(
    "said",
    [
        '{"type":"a","type":"b"}',
        '{"type":"a","\\u0074ype":"b"}',
        '{"type":"a","x":[{"y":{"z":1,"z":2}}]}',
        '{"é":1,"\\u00e9":2,"type":"a"}',
        '{"type" : "a" , "type"\n: "b"}',
    ],
)
def test_a_member_that_stands_twice_is_refused_however_it_is_spelt(said):
    assert read(said) == TWICE


@pytest.mark.parametrize(
    "said", ['{"type":"a","x":"type"}', '{"type":"a","x":{"type":"b"}}', '{"type":"a","x":"{\\"type\\":1}"}']
)
def test_the_same_word_elsewhere_is_no_repetition(said):
    assert read(said)["type"] == "a"


@pytest.mark.parametrize("said", ["", "{", "hello", '{"type":"a"}}', '{"type":"a"', b"\xff", '{"type":"a",}'])
def test_what_is_not_json_is_refused(said):
    assert read(said) == NOT_JSON


def test_bytes_that_are_no_utf_8_are_read_as_replacements():
    assert read(b'{"type":"a","text":"\xff"}') == {"type": "a", "text": "\ufffd"}


def test_half_an_emoji_is_json():
    assert read('{"type":"a","text":"\\ud83d"}') == {"type": "a", "text": "�"}


@pytest.mark.parametrize("said", ["[]", '"x"', "5", "null"])
def test_what_is_not_an_object_is_refused(said):
    assert read(said) == Mistake("invalid_event", "The message is not a JSON object.")


@pytest.mark.parametrize("said", ['{"event_id":"c1"}', '{"event_id":"c1","type":5}'])
def test_a_message_without_a_type_is_refused_by_name(said):
    assert read(said) == Mistake(
        "missing_required_parameter", "Missing required parameter: 'type'.", "type", "c1"
    )


def test_what_is_too_deep_is_refused_before_it_is_read():
    assert read("[" * 21) == Mistake("invalid_event", "The message is nested deeper than 20 levels.")


def test_what_has_too_many_parts_is_refused_before_it_is_read():
    said = '{"type":"a","x":[' + "1," * 1000 + "1]}"
    assert read(said) == Mistake("invalid_event", "The message has more than 1000 parts.")


@pytest.mark.parametrize("unit", ['"', '\\"', "[", '{"', '"\\', ":", ","])
def test_no_message_is_dear_to_refuse(unit):
    """16 MiB of the worst: pytest's timeout would tell of anything that is looked through twice."""
    assert isinstance(read(unit * (1 << 22), tokens_max=50_000, depth_max=64), Mistake)
    assert isinstance(read('{"type":"' + unit * (1 << 22), tokens_max=50_000, depth_max=64), Mistake)
