"""What becomes of a client's message, and of its turns, when the provider goes."""

import msgspec
import pytest

from realtime_switch.dialects.openai.weight import answered_unasked

VAD = {"type": "server_vad"}


@pytest.mark.parametrize(
    ("kind", "session", "answered"),
    [
        ("session.created", {"audio": {"input": {"turn_detection": VAD}}}, True),
        ("session.created", {"type": "realtime", "audio": {"input": {"turn_detection": VAD}}}, True),
        ("session.updated", {"audio": {"input": {"turn_detection": None}}}, False),
        ("session.updated", {"audio": {"input": {"turn_detection": {"create_response": False}}}}, False),
        ("session.updated", {"turn_detection": VAD}, True),  # beta
        ("session.updated", {"turn_detection": None}, False),
        # What only writes down answers nothing.
        ("session.created", {"type": "transcription", "audio": {"input": {"turn_detection": VAD}}}, False),
        ("transcription_session.updated", {"turn_detection": VAD}, False),  # beta
    ],
)
def test_whether_a_turn_is_answered_by_itself_is_told_by_how_the_session_stands(kind, session, answered):
    event = msgspec.json.encode({"type": kind, "session": session})
    assert answered_unasked(event) is answered


def test_where_it_cannot_be_read_it_is_as_nearly_everywhere():
    assert answered_unasked(b"{")
