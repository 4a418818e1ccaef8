"""What a provider says, as acts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import live_frames as live
from calls import ids
from realtime_switch.dialects.acts import (
    Garbled,
    Ready,
    SessionOver,
    SessionTime,
    ToolCall,
    Trouble,
    Usage,
)
from realtime_switch.dialects.gpt_live.hearing import Hearing

COMPLETED = live.example("response.event (completed")


@pytest.fixture
def hearing():
    made = Hearing(ids())
    made.hear(live.STARTED)
    return made


@pytest.mark.parametrize(
    ("format", "bytes_per_ms"),
    [
        (None, 48),
        ({"type": "audio/pcm", "rate": 16000}, 32),
        ({"type": "audio/pcmu", "rate": 8000}, 8),
        ({"type": "audio/pcma", "rate": 8000}, 8),
        ({"type": "audio/opus"}, 48),
    ],
)
def test_a_greeting_says_how_audio_is_written(format, bytes_per_ms):
    session = {**live.SESSION, "audio": {"format": format}}
    started = live.frame("session.started", event_id="e", session=session)
    assert Hearing(ids()).hear(started) == [Ready(started, bytes_per_ms)]


def test_time_is_told_in_full_each_time_and_once_more_at_the_end(hearing):
    assert hearing.hear(live.usage(12.0)) == [SessionTime(total_ms=12_000)]
    assert hearing.hear(live.closed(13.4, "expired")) == [
        SessionTime(total_ms=13_400, certainty="confirmed"),
        SessionOver("expired"),
    ]


def test_a_usage_without_seconds_says_nothing(hearing):
    assert hearing.hear(live.frame("session.usage.updated", usage={"seconds": None})) == []


def test_the_backends_tokens_bear_its_name_and_count_once(hearing):
    hearing.hear(live.example("session.delegation.created (responses"))
    bill = Usage(
        input=412, output=31, input_text=412, output_text=31, reply_id="resp_1", model="gpt-5.6-terra"
    )
    assert hearing.hear(COMPLETED) == [bill]
    assert hearing.hear(COMPLETED) == []


@pytest.mark.parametrize("kind", [["response.completed"], {}, None, 5])
def test_an_event_of_the_backend_without_a_kind_is_passed_over(hearing, kind):
    event = {"type": kind, "response": {"id": "r"}}
    assert hearing.hear(live.frame("response.event", event_id="e", delegation_id="d", event=event)) == []


def test_hosted_tools_are_fees_of_the_response_that_called_them(hearing):
    def done(kind):
        item = {"type": kind, "id": "ws_1"}
        event = {"type": "response.output_item.done", "item": item}
        return live.frame("response.event", event_id="e", delegation_id="item_d2", event=event)

    assert hearing.hear(done("web_search_call")) == hearing.hear(done("file_search_call")) == []
    (bill,) = hearing.hear(COMPLETED)
    assert (bill.fees, bill.input) == (2, 412)


def test_decisions_cost_tokens_of_their_model(hearing):
    (bill,) = hearing.hear(live.example("decision.event"))
    assert (bill.model, bill.input, bill.output) == ("gpt-6-luna", 210, 4)


def test_a_call_is_heard_when_its_item_is_whole(hearing):
    hearing.hear(live.example("session.delegation.created (responses"))
    assert hearing.hear(live.example("response.event (function call ready")) == [
        ToolCall("call_1", "get_weather", '{"city":"Lisbon"}', item_id="fc_1", reply_id="resp_1")
    ]


def trouble(code, kind="invalid_request_error"):
    error = {"type": kind, "code": code, "message": "No.", "param": None, "client_event_id": "c1"}
    return live.frame("error", event_id="e", error=error)


@pytest.mark.parametrize(
    ("code", "kind", "told", "for_client"),
    [
        ("unknown_parameter", "invalid_request_error", "unknown_parameter", True),
        (None, "invalid_request_error", "invalid_request_error", True),
        ("invalid_model", "invalid_request_error", "invalid_model", False),
        ("insufficient_quota", "insufficient_quota", "insufficient_quota", False),
        ("server_error", "server_error", "server_error", False),
    ],
)
def test_at_the_door_it_is_told_whose_fault_it_is(code, kind, told, for_client):
    assert Hearing(ids()).hear(trouble(code, kind)) == [Trouble(told, "No.", "c1", for_client=for_client)]


def test_later_no_trouble_is_the_end(hearing):
    assert hearing.hear(trouble("unknown_parameter")) == [Trouble("unknown_parameter", "No.", "c1")]


def test_what_is_no_event_is_garbled(hearing):
    assert hearing.hear(b"{") == hearing.hear(b"[]") == hearing.hear(b'{"type":1}') == [Garbled()]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
KINDS = [event["type"] for event in live.EXAMPLES["server"].values()]


@given(
    st.sampled_from(KINDS),
    st.dictionaries(
        st.sampled_from(
            ["session", "usage", "reason", "error", "delta", "start_ms", "end_ms", "delegation", "event"]
        ),
        anything,
    ),
)
def test_nothing_a_provider_says_breaks_it(kind, members):
    Hearing(ids()).hear(msgspec.json.encode({"type": kind, **members}))
