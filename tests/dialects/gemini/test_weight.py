"""What becomes of a client's message when the provider goes."""

import msgspec
import pytest

from realtime_switch.dialects.dialect import Weight
from realtime_switch.dialects.gemini.weight import weight

PCM = {"mimeType": "audio/pcm;rate=16000", "data": "AAAA"}
PICTURE = {"mimeType": "image/jpeg", "data": "AAAA"}


def answers(*responses):
    return {"toolResponse": {"functionResponses": [*responses]}}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"realtimeInput": {"audio": PCM}}, Weight.AUDIO),
        ({"realtime_input": {"media_chunks": [PCM]}}, Weight.AUDIO),
        ({"realtimeInput": {"mediaChunks": [PICTURE]}}, Weight.MOMENT),
        ({"realtime_input": {"media_chunks": [{"mime_type": "image/png", "data": ""}]}}, Weight.MOMENT),
        ({"realtimeInput": {"mediaChunks": []}}, Weight.AUDIO),
        ({"realtimeInput": {"mediaChunks": [7]}}, Weight.AUDIO),
        ({"realtimeInput": {"video": PICTURE}}, Weight.MOMENT),
        ({"realtimeInput": {"text": "Hi."}}, Weight.TURN),
        ({"realtimeInput": {"activityStart": {}}}, Weight.MARK),
        ({"realtimeInput": {"activityEnd": {}}}, Weight.HANDOVER),
        ({"realtimeInput": {"audioStreamEnd": True}}, Weight.MARK),
        ({"realtimeInput": {}}, Weight.MOMENT),
        ({"realtimeInput": 7}, Weight.MOMENT),
        ({"clientContent": {"turns": [], "turnComplete": True}}, Weight.TURN),
        ({"clientContent": {"turns": []}}, Weight.ITEM),
        ({"toolResponse": {}}, Weight.TURN),
        (answers({}), Weight.TURN),
        (answers({"scheduling": "WHEN_IDLE"}), Weight.TURN),
        (answers({"scheduling": "SILENT"}), Weight.ITEM),  # nobody owes a reply
        (answers({"scheduling": "SILENT"}, {}), Weight.TURN),
        (answers({"willContinue": True}), Weight.MOMENT),
        (answers({"willContinue": True}, {"scheduling": "SILENT"}), Weight.ITEM),
        ({"tool_response": {"function_responses": [{"will_continue": True}]}}, Weight.MOMENT),
        ({"toolResponse": {"functionResponses": [7]}}, Weight.TURN),
        ({"toolResponse": 7}, Weight.TURN),
        ({"contextUpdate": {}}, Weight.MOMENT),
        ({}, Weight.MOMENT),
        ([], Weight.MOMENT),
    ],
)
def test_each_message_has_its_weight(message, expected):
    assert weight(msgspec.json.encode(message)) is expected


def test_what_cannot_be_read_is_of_the_moment():
    assert weight(b"{") is Weight.MOMENT
