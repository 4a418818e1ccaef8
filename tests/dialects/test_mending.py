import msgspec
import pytest

from realtime_switch.dialects.mending import mend, write_any


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\ude00x"', "\ufffdx"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\ud83d"', "\\ud83d"),
        (b'"\xff"', "\ufffd"),
        ('"é 日本"'.encode(), "é 日本"),
    ],
)
def test_what_msgspec_refuses_becomes_a_replacement_and_nothing_else_changes(said, meant):
    assert msgspec.json.decode(mend(said)) == meant


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        ({"a": 2**64}, '{"a":18446744073709551616}'),
        ({"a\ud83d": "\ud83d\ude00 \ude00"}, '{"a\ufffd":"\U0001f600 \ufffd"}'),
    ],
)
def test_anything_can_be_written(value, written):
    assert write_any(value).decode() == written
