from itertools import count

import msgspec
import pytest

import openai_frames as openai
from openai_frames import is_for_client, transcript_delta
from realtime_switch.dialects.openai import ClientSide, read

decode = msgspec.json.decode


def side(beta=False):
    numbers = count(1)
    return ClientSide(lambda kind: f"{kind}_{next(numbers)}", beta)


def told(side, *frames):
    for frame in frames:
        for act in read(frame):
            side.follow(act)
    return side


IN_MID_REPLY = (
    openai.RESPONSE_CREATED,
    openai.ITEM_ADDED,
    transcript_delta("It is"),
    transcript_delta(" fr"),
)


def test_a_refusal_is_an_error_with_the_offenders_event_id():
    (frame,) = side().refuse("invalid_request_error", "invalid_value", "No.", "c_9", "session.model")
    assert decode(frame) == {
        "type": "error",
        "event_id": "event_1",
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": "No.",
            "param": "session.model",
            "event_id": "c_9",
        },
    }


def test_what_is_not_known_of_a_refusal_is_null():
    (frame,) = side().refuse("server_error", "INTERNAL_UNEXPECTED", "Oh.")
    assert decode(frame)["error"] == {
        "type": "server_error",
        "code": "INTERNAL_UNEXPECTED",
        "message": "Oh.",
        "param": None,
        "event_id": None,
    }


def test_a_reply_is_open_from_its_creation_to_its_end():
    client = side()
    assert not client.reply_open
    assert told(client, openai.RESPONSE_CREATED).reply_open
    assert not told(client, openai.RESPONSE_DONE).reply_open
    assert client.close_replies() == []


def test_an_open_reply_is_closed_as_interrupted():
    item = {
        "id": "item_a",
        "object": "realtime.item",
        "type": "message",
        "status": "incomplete",
        "role": "assistant",
        "content": [{"type": "output_audio", "transcript": "It is fr"}],
    }
    client = told(side(), *IN_MID_REPLY)
    assert [decode(frame) for frame in client.close_replies()] == [
        {"type": "conversation.item.done", "event_id": "event_1", "previous_item_id": None, "item": item},
        {
            "type": "response.output_item.done",
            "event_id": "event_2",
            "response_id": "resp_1",
            "output_index": 0,
            "item": item,
        },
        {
            "type": "response.done",
            "event_id": "event_3",
            "response": {
                "object": "realtime.response",
                "id": "resp_1",
                "status": "cancelled",
                "status_details": {"type": "cancelled"},
                "output": [item],
                "conversation_id": "conv_1",
                "output_modalities": ["audio"],
                "max_output_tokens": "inf",
                "usage": None,
                "metadata": None,
            },
        },
    ]
    assert not client.reply_open


def test_an_item_that_is_closed_is_not_closed_again():
    client = told(side(), *IN_MID_REPLY, openai.ITEM_DONE)
    (frame,) = client.close_replies()
    assert decode(frame)["response"]["output"][0]["status"] == "completed"


def test_a_tool_call_that_was_cut_off_is_not_shown_as_a_call():
    call = {"id": "f", "type": "function_call", "name": "seat", "call_id": "c", "arguments": ""}
    added = openai.frame("response.output_item.added", response_id="resp_1", output_index=0, item=call)
    (frame,) = told(side(), openai.RESPONSE_CREATED, added).close_replies()
    assert decode(frame)["response"]["output"] == []


@pytest.mark.parametrize("beta", [False, True])
def test_everything_it_says_is_of_openais_own_types(beta):
    client = told(side(beta), *IN_MID_REPLY)
    said = [*client.refuse("invalid_request_error", "x", "y"), *client.close_replies()]
    assert all(is_for_client(frame, beta) for frame in said)
    assert len(said) == (3 if beta else 4)  # beta has no conversation.item.done


def test_low_credits_are_told_by_an_event_of_our_own():
    assert [decode(frame) for frame in side().credits_low(7)] == [
        {"type": "realtime_switch.credits_low", "event_id": "event_1", "credits": 7}
    ]
