import msgspec
import pytest

import openai_frames as openai
from openai_frames import frame, message, response
from realtime_switch.dialects.acts import (
    Configured,
    Garbled,
    PastTold,
    Ready,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
    ToolAnswered,
    ToolCall,
    TranscriptionUsage,
    Trouble,
    Usage,
    UserText,
    UserTranscript,
    UserTranscriptFailed,
    UserTurn,
)
from realtime_switch.dialects.openai import read

TRANSCRIPTION = "conversation.item.input_audio_transcription"
FULL_BILL = Usage(
    input=171,
    output=43,
    input_text=148,
    input_audio=20,
    input_image=3,
    cached_text=120,
    cached_audio=6,
    cached_image=2,
    output_text=11,
    output_audio=32,
    reply_id="resp_1",
)


def heard(type, **members):
    return list(read(frame(type, **members)))


def test_a_bill_is_read_with_every_detail_and_comes_first():
    assert list(read(openai.RESPONSE_DONE)) == [FULL_BILL, ReplyDone("resp_1")]


def test_a_reply_that_was_cut_off_is_billed_too():
    done = response("cancelled", usage={"input_tokens": 5, "output_tokens": 1, "total_tokens": 6})
    assert heard("response.done", response=done) == [
        Usage(input=5, output=1, reply_id="resp_1"),
        ReplyDone("resp_1", "cancelled"),
    ]


def test_the_cached_tokens_of_beta_were_text():
    usage = {"input_tokens": 9, "output_tokens": 1, "input_token_details": {"cached_tokens": 4}}
    bill, _ = heard("response.done", response=response("completed", usage=usage))
    assert bill == Usage(input=9, output=1, cached_text=4, reply_id="resp_1")


def test_a_provider_that_gives_no_sums_is_paid_all_the_same():
    usage = {
        "input_token_details": {"text_tokens": 3, "audio_tokens": 4},
        "output_token_details": {"text_tokens": 2},
    }
    bill, _ = heard("response.done", response=response("completed", usage=usage))
    assert bill == Usage(input=7, output=2, input_text=3, input_audio=4, output_text=2, reply_id="resp_1")


@pytest.mark.parametrize("usage", [None, {}, "none", {"input_tokens": None}, {"input_tokens": -4}])
def test_no_usage_is_no_bill(usage):
    assert heard("response.done", response=response("failed", usage=usage)) == [ReplyDone("resp_1", "failed")]


def test_a_bill_is_read_beside_half_an_emoji():
    """JavaScript cuts texts between the halves of a surrogate pair, and msgspec refuses the half."""
    done = openai.RESPONSE_DONE.replace(b'"conv_1"', b'"conv_\\ud83d"')
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(done)
    assert list(read(done)) == [FULL_BILL, ReplyDone("resp_1")]


def test_a_bill_is_read_beside_bytes_that_are_no_utf_8():
    assert list(read(openai.RESPONSE_DONE.replace(b"conv_1", b"\xff"))) == [FULL_BILL, ReplyDone("resp_1")]


def test_transcription_is_billed_by_tokens_or_by_time():
    said = {"item_id": "item_u", "content_index": 0, "transcript": "takk"}
    words = UserTranscript("item_u", "takk", final=True)
    assert list(read(openai.TRANSCRIBED)) == [
        TranscriptionUsage(input=17, output=5, input_audio=17, item_id="item_u"),
        UserTranscript("item_u", "Is row four free?", final=True),
    ]
    assert heard(f"{TRANSCRIPTION}.completed", **said, usage={"type": "duration", "seconds": 1.2}) == [
        TranscriptionUsage(item_id="item_u", duration_ms=1200),
        words,
    ]
    assert heard(f"{TRANSCRIPTION}.completed", **said) == [words]


@pytest.mark.parametrize(("said", "us"), [(7, 7_000_000), ("7", 7_000_000), (-1, 0), ("x", 0), (None, 0)])
def test_a_greeting_may_say_when_the_session_ends(said, us):
    greeting = openai.frame("session.created", session={"expires_at": said})
    assert list(read(greeting)) == [Ready(greeting, 48, us)]


def test_the_session_tells_how_much_audio_a_millisecond_is():
    ulaw = {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    assert list(read(openai.SESSION_CREATED)) == [Ready(openai.SESSION_CREATED, 48, 1_795_233_600_000_000)]
    assert list(read(openai.SESSION_UPDATED)) == [Configured(openai.SESSION_UPDATED, 48)]
    for session, bytes_per_ms in [
        (ulaw, 8),
        ({"output_audio_format": "g711_alaw"}, 8),
        ({"output_audio_format": "pcm16"}, 48),
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 16000}}}}, 32),
        (None, 48),
    ]:
        said = frame("session.created", session=session)
        assert list(read(said)) == [Ready(said, bytes_per_ms)]


def test_what_the_user_says_is_heard():
    assert list(read(openai.COMMITTED)) == [UserTurn("item_u")]
    assert heard(f"{TRANSCRIPTION}.delta", item_id="u", delta="row") == [UserTranscript("u", "row")]
    assert heard(f"{TRANSCRIPTION}.failed", item_id="u", error={}) == [UserTranscriptFailed("u")]


@pytest.mark.parametrize("type", ["conversation.item.added", "conversation.item.created"])
def test_typed_text_is_heard_in_both_spellings(type):
    typed = message(
        "u", "user", {"type": "input_text", "text": "2+2?"}, {"type": "input_text", "text": "Quick!"}
    )
    assert heard(type, item=typed) == [UserText("u", "2+2? Quick!")]


def test_the_users_audio_item_is_no_text():
    spoken = message("u", "user", {"type": "input_audio", "transcript": None})
    assert heard("conversation.item.added", item=spoken) == []


def test_an_agents_line_that_comes_filled_was_told_by_the_client():
    told = message("a", "assistant", {"type": "output_text", "text": "Four."})
    assert heard("conversation.item.added", item=told) == [PastTold("a")]
    assert heard("conversation.item.added", item=message("a", "assistant", status="in_progress")) == []


def test_the_life_of_a_reply_is_heard_in_both_spellings():
    part = {"response_id": "r", "item_id": "a", "output_index": 1, "content_index": 2}
    assert list(read(openai.RESPONSE_CREATED)) == [ReplyBegun("resp_1", "conv_1")]
    assert list(read(openai.ITEM_ADDED)) == [ReplyItem("resp_1", "item_a")]
    assert list(read(openai.ITEM_DONE)) == [ReplyItemDone("item_a")]
    assert list(read(openai.TRUNCATED)) == [ReplyTruncated("item_a", 50)]
    for name in ("output_audio", "audio"):
        assert heard(f"response.{name}.delta", **part, delta="AA==") == [ReplyAudio("a", "AA==")]
        assert heard(f"response.{name}_transcript.delta", **part, delta="Hi") == [
            ReplyTranscript("a", 2, "Hi")
        ]
        assert heard(f"response.{name}_transcript.done", **part, transcript="Hi") == [
            ReplyTranscript("a", 2, "Hi", final=True)
        ]
    for name in ("output_text", "text"):
        assert heard(f"response.{name}.delta", **part, delta="Hi") == [ReplyText("a", 2, "Hi")]
        assert heard(f"response.{name}.done", **part, text="Hi") == [ReplyText("a", 2, "Hi", final=True)]


def call(status):
    return {
        "type": "function_call",
        "id": "f",
        "status": status,
        "name": "seat",
        "call_id": "c",
        "arguments": "{}",
    }


def test_a_tool_call_is_heard_when_it_is_whole():
    added = {"response_id": "r", "output_index": 1}
    assert heard("response.output_item.added", **added, item=call("in_progress")) == [
        ReplyItem("r", "f", index=1, kind="function_call", call_id="c", name="seat")
    ]
    assert heard("response.output_item.done", response_id="r", item=call("completed")) == [
        ToolCall("c", "seat", "{}", item_id="f", reply_id="r"),
        ReplyItemDone("f"),
    ]
    assert heard("response.output_item.done", item=call("incomplete")) == [ReplyItemDone("f")]


def test_a_tools_answer_is_heard():
    answer = {"type": "function_call_output", "call_id": "c", "output": "31"}
    assert heard("conversation.item.added", item=answer) == [ToolAnswered("c", "31")]


def test_a_tool_of_the_providers_own_is_called_and_answered_at_once():
    item = {"type": "mcp_call", "id": "m", "name": "search", "arguments": "{}", "output": "[]"}
    assert heard("response.output_item.done", item=item) == [
        ToolCall("m", "search", "{}"),
        ToolAnswered("m", "[]"),
        ReplyItemDone("m"),
    ]


def test_an_error_says_which_message_it_means():
    assert list(read(openai.ERROR)) == [Trouble("invalid_value", "no", "c1")]
    assert heard("error", error={"type": "server_error", "code": None}) == [Trouble("server_error", "", "")]
    assert heard("error", error="boom") == [Trouble("unknown", "", "")]


@pytest.mark.parametrize("said", [b"", b"\xff\xfe", b"hello", b"{", b"[" * 100_000, b'{"type":'])
def test_garbage_is_told_apart(said):
    assert list(read(said)) == [Garbled()]


@pytest.mark.parametrize(
    "said", [b"{}", b'{"type":5}', b'{"type":"response.mcp_call.completed","item_id":"m"}']
)
def test_what_nobody_needs_says_nothing(said):
    assert list(read(said)) == []
