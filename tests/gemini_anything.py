"""Anything that a Gemini provider may send: real messages, such with something odd in them, and noise."""

import json

from hypothesis import strategies as st

from gemini_frames import (
    BLOB,
    INTERRUPTED,
    MADE,
    OVER,
    SETUP_COMPLETE,
    activity,
    called,
    heard,
    said,
    spoken,
    tight,
)

MESSAGES = [
    {},
    {"serverContent": {}},
    SETUP_COMPLETE,
    spoken(),
    spoken("Line four. "),
    said(" and five"),
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": BLOB}]}}},
    {"serverContent": {"modelTurn": {"parts": [{"text": "a remark"}]}}},
    {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}]}}},
    MADE,
    OVER,
    {**OVER, "usageMetadata": {"promptTokenCount": 7, "responseTokenCount": 3}},
    {"usageMetadata": {"promptTokenCount": 7}},
    {"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}},
    {"serverContent": {"turnComplete": True, "turnCompleteReason": "GENERATED_CONTENT_SAFETY"}},
    {"serverContent": {"waitingForInput": True}},
    INTERRUPTED,
    {"serverContent": {"interrupted": True, "turnComplete": True}},
    heard(" Which"),
    heard(" tram?", finished=True),
    activity("START", "1s"),
    activity("END", "2s"),
    called({"id": "fc-1", "name": "f", "args": {"a": 1}}),
    called({"name": "g"}),
    {"toolCallCancellation": {"ids": ["fc-1"]}},
    {"goAway": {"timeLeft": "50s"}},
    {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
]
_ODDITIES = st.sampled_from([None, True, 0, -1.5, 2**70, "", "x", [], [[]], {}, [None, {}], {"text": 5}])


@st.composite
def odd_messages(draw):
    """A real message, a member of which, at any depth, is something else or missing."""
    message = json.loads(json.dumps(draw(st.sampled_from(MESSAGES))))
    inside = message
    for _ in range(draw(st.integers(0, 3))):
        members = [one for one in inside.values() if isinstance(one, dict)]
        if not members:
            break
        inside = draw(st.sampled_from(members))
    if inside:
        inside[draw(st.sampled_from(list(inside)))] = draw(_ODDITIES)
    return message


MESSAGE = st.sampled_from(MESSAGES)
PAYLOAD = MESSAGE.map(tight) | odd_messages().map(tight) | st.binary(max_size=40)
