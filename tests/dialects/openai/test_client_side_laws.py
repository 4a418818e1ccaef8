"""What holds for anything that a client may send and for anything that may happen."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import openai_frames as openai
from openai_anything import FRAME
from openai_client import OpenAIClient
from realtime_switch.dialects import acts as a
from realtime_switch.dialects.openai import read
from realtime_switch.dialects.sound import PCM_16K, PCM_24K, AudioFormat
from realtime_switch.dialects.wishes import UserAudio, Wish

# -- Clients -----------------------------------------------------------------------------------------------


@given(st.lists(FRAME, max_size=6), st.booleans())
def test_whatever_a_client_sends_is_answered(frames, beta):
    client = OpenAIClient(beta)
    client.greeted()
    client.told(*SPOKEN)
    for frame in frames:
        for said in client.says(frame):
            assert isinstance(said, Wish | dict)
    assert read_again(client)


def read_again(client):
    """Nothing that was said has spoilt what is kept."""
    saved = client.side.config_to_save(a.Ready(b"", 48))
    if saved is not None:
        other = OpenAIClient()
        other.side.restore(saved)
        assert other.side.config is not None
    return client.told(a.Ready(b"", 48)) is not None


@given(
    st.binary(max_size=40),
    st.sampled_from([b'{"type":"input_audio_buffer.append","audio":"', b'{"audio": "']),
)
def test_audio_that_is_passed_on_is_proper_base64(audio, head):
    tail = b'"}' if head.startswith(b'{"type') else b'", "type": "input_audio_buffer.append"}'
    for said in OpenAIClient().says(head + audio + tail):
        if isinstance(said, UserAudio):
            assert msgspec.json.decode(b'"' + said.base64.encode() + b'"', type=bytes) is not None


# -- What happens ------------------------------------------------------------------------------------------

SPOKEN = [
    a.UserTurn("item_u"),
    a.ReplyBegun("resp_1"),
    a.ReplyItem("resp_1", "item_a"),
    a.ReplyAudio("item_a", "AAAA" * 1600),
    a.ReplyTranscript("item_a", 0, "Row four."),
]

_reply_ids = st.sampled_from(["resp_1", "resp_2"])
_item_ids = st.sampled_from(["item_a", "item_b", "item_c", "item_u"])
_formats = st.sampled_from([PCM_24K, PCM_16K, AudioFormat("pcma", 8_000)])
_texts = st.text(max_size=5)
_ACTS = st.one_of(
    st.just(a.Ready(b"", 48)),
    st.just(a.Configured(b"", 48)),
    st.just(a.AudioCleared()),
    st.builds(a.Trouble, _texts, _texts, _texts),
    st.builds(a.Refused, _texts, _texts, _texts),
    st.builds(a.SpeechStarted, _item_ids, st.integers(0, 9_999)),
    st.builds(a.SpeechStopped, _item_ids, st.integers(0, 9_999)),
    st.builds(a.UserTurn, _item_ids),
    st.builds(a.UserTranscript, _item_ids, _texts, st.booleans()),
    st.builds(a.UserTranscriptFailed, _item_ids),
    st.builds(a.ItemTaken, _item_ids),
    st.builds(a.ItemDeleted, _item_ids),
    st.builds(a.ReplyBegun, _reply_ids, aside=st.booleans()),
    st.builds(a.ReplyItem, _reply_ids, _item_ids, st.integers(0, 3)),
    st.builds(
        a.ReplyItem, _reply_ids, _item_ids, st.integers(0, 3), st.just("function_call"), _texts, _texts
    ),
    st.builds(a.ReplyAudio, _item_ids, st.sampled_from(["AAAA", "AAA=", "x"]), _formats),
    st.builds(a.ReplyTranscript, _item_ids, st.just(0), _texts, st.booleans()),
    st.builds(a.ReplyText, _item_ids, st.just(0), _texts, st.booleans()),
    st.builds(a.ToolCall, _texts, _texts, _texts, _item_ids, _reply_ids),
    st.builds(a.ToolCallsCancelled, st.tuples(_texts)),
    st.builds(a.ReplyItemDone, _item_ids),
    st.builds(a.ReplyTruncated, _item_ids, st.integers(0, 99)),
    st.builds(a.ReplyMade, _reply_ids),
    st.builds(a.Usage, input=st.integers(0, 99), reply_id=_reply_ids),
    st.builds(
        a.ReplyDone,
        _reply_ids,
        st.sampled_from(["completed", "cancelled", "incomplete", "failed"]),
        st.just("content_filter"),
    ),
)
_CONFIGS = st.sampled_from(
    [
        {},
        {"output_modalities": ["text"]},
        {"audio": {"output": {"format": {"type": "audio/pcmu"}}, "input": {"transcription": {}}}},
    ]
)


def began_and_done(events):
    """How often each reply, and each item of one, began and ended."""
    begun, done = Counter(), Counter()
    for event in events:
        match event["type"]:
            case "response.created":
                begun[event["response"]["id"]] += 1
            case "response.done":
                done[event["response"]["id"]] += 1
    return begun, done


@given(st.lists(_ACTS, max_size=40), _CONFIGS, st.booleans())
def test_every_reply_that_begins_ends_once(acts, session, beta):
    client = OpenAIClient(beta)
    client.greeted()
    if not beta:
        client.says({"type": "session.update", "session": {"type": "realtime", **session}})
    events = []
    for act in acts:
        events += client.told(act)
        begun, done = began_and_done(events)
        assert all(begun[reply] - done[reply] in (0, 1) for reply in begun | done)
        assert client.side.reply_open == (sum(begun.values()) > sum(done.values()))
    events += client.closed()
    begun, done = began_and_done(events)
    assert begun == done
    assert client.closed() == []


@given(st.lists(_ACTS, max_size=40))
def test_an_item_ends_as_often_as_its_reply_shows_it_whole_or_not(acts):
    client = OpenAIClient()
    events = [*client.told(*acts), *client.closed()]
    added = Counter(e["item"]["id"] for e in events if e["type"] == "response.output_item.added")
    ended = Counter(e["item"]["id"] for e in events if e["type"] == "response.output_item.done")
    shown = Counter(i["id"] for e in events if e["type"] == "response.done" for i in e["response"]["output"])
    assert all(added[item] >= ended[item] >= shown[item] for item in added | ended | shown)
    parts = Counter(e["type"] for e in events if e["type"].startswith("response.content_part"))
    assert parts["response.content_part.added"] == parts["response.content_part.done"]


# -- A call that changes its way ---------------------------------------------------------------------------


def relayed(client, *frames):
    for frame in frames:
        for act in read(frame):
            client.side.follow(act)


@pytest.mark.parametrize("relays_first", [True, False])
def test_a_reply_that_was_begun_one_way_is_closed_the_other_way(relays_first):
    client = OpenAIClient()
    if relays_first:
        relayed(client, openai.RESPONSE_CREATED, openai.ITEM_ADDED, openai.transcript_delta("It is"))
        client.told(a.Ready(b"", 48))
        words = "It is"
    else:
        client.told(*SPOKEN)
        words = "Row four."
    closing = client.closed()
    assert closing[-1]["type"] == "response.done"
    assert closing[-1]["response"]["output"][0]["content"] == [{"type": "output_audio", "transcript": words}]
    kinds = [event["type"] for event in closing]
    # What a provider of its own has begun is known as far as its items.
    assert ("response.output_audio.done" in kinds) is not relays_first


def test_what_this_side_told_itself_is_not_followed_once_more():
    client = OpenAIClient()
    events = []
    for act in [*SPOKEN, a.ReplyItemDone("item_a"), a.ReplyDone("resp_1")]:
        events += client.told(act)
    for act in SPOKEN:
        client.side.follow(act)
    assert not client.side.reply_open
    assert client.closed() == []


def test_after_a_relay_the_conversation_and_its_configuration_go_on():
    client = OpenAIClient()
    relayed(client, openai.SESSION_CREATED, openai.SESSION_UPDATED, openai.COMMITTED)
    relayed(client, openai.RESPONSE_CREATED, openai.ITEM_ADDED, openai.transcript_delta("It is."))
    client.side.follow(a.AudioPassed(6400))
    relayed(client, openai.ITEM_DONE, openai.RESPONSE_DONE)
    assert client.side.config.instructions == "Be kind."
    assert client.side.config.voice == "marin"
    committed, added, _ = client.told(a.UserTurn("item_u2"))
    assert committed["previous_item_id"] == added["previous_item_id"] == "item_a"
    truncate = {
        "type": "conversation.item.truncate",
        "event_id": "c",
        "item_id": "item_a",
        "content_index": 0,
        "audio_end_ms": 50,
    }
    (wish,) = client.says(truncate)
    assert (wish.item_id, wish.heard_ms) == ("item_a", 50)
    (retrieved,) = client.says({"type": "conversation.item.retrieve", "item_id": "item_a"})
    assert retrieved["item"]["content"] == [{"type": "output_audio", "transcript": "It is."}]
