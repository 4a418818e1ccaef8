import msgspec
import pytest

from realtime_switch.dialects.mending import mend


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
