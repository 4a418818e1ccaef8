import msgspec
import pytest

import openai_frames as openai
from calls import TARGET, ids
from openai_frames import frame, is_for_client, transcript_delta
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.acts import (
    AudioPassed,
    ReplyDone,
    ReplyItemDone,
    ReplyPart,
    ReplyTranscript,
    TranscriptionUsage,
    Usage,
    UserTranscript,
    UserTurn,
)
from realtime_switch.dialects.openai import ClientSide, ProviderSide
from realtime_switch.dialects.terms import Terms
from realtime_switch.session import lane
from realtime_switch.session.lane import Heard
from realtime_switch.session.steps import PASS, ToClient, ToProvider

APPEND = frame("input_audio_buffer.append", audio="AAAA")


def relay(beta=False):
    client_side = ClientSide(ids(), beta)
    gate = client_side.gate(TARGET, Terms())
    return lane.relay(openai_dialect, gate, ProviderSide(TARGET), client_side)


@pytest.mark.parametrize("beta", [False, True])
def test_a_clients_audio_passes(beta):
    assert relay(beta).from_client(APPEND) is PASS


def test_a_providers_audio_passes():
    assert relay().from_provider(openai.AUDIO) is PASS


def test_what_is_read_goes_on_as_the_object_that_came_and_is_heard_after():
    (forward, heard) = relay().from_provider(openai.COMMITTED)
    assert forward.payload is openai.COMMITTED
    assert heard == Heard(UserTurn("item_u"))


def test_a_bill_is_heard_before_its_frame_goes_on():
    hops = relay().from_provider(openai.RESPONSE_DONE)
    assert [type(hop.act) if isinstance(hop, Heard) else type(hop) for hop in hops] == [
        Usage,
        ToClient,
        ReplyDone,
    ]


def test_a_control_message_goes_on_as_the_object_that_came():
    said = frame("response.create")
    (forward,) = relay().from_client(said)
    assert forward == ToProvider(said)
    assert forward.payload is said


def test_how_much_audio_went_by_is_told_with_the_next_frame_that_is_read():
    lane = relay()
    lane.from_provider(openai.AUDIO)
    lane.from_provider(openai.AUDIO)
    assert lane.from_provider(openai.COMMITTED)[0] == Heard(AudioPassed(12_800))
    assert lane.from_provider(openai.COMMITTED) == [ToClient(openai.COMMITTED), Heard(UserTurn("item_u"))]


def test_a_beta_client_gets_everything_under_its_own_names():
    lane = relay(beta=True)
    for said in (openai.SESSION_CREATED, openai.AUDIO, openai.RESPONSE_DONE):
        shown = [hop.payload for hop in lane.from_provider(said) if isinstance(hop, ToClient)]
        assert len(shown) == 1
        assert is_for_client(shown[0], beta=True)


def test_a_beta_client_does_not_see_what_beta_has_not_but_it_is_heard():
    added = frame("conversation.item.done", item=openai.message("u", "user"))
    assert relay(beta=True).from_provider(added) == []
    assert Heard(UserTurn("item_u")) in relay(beta=True).from_provider(openai.COMMITTED)


def test_what_a_beta_client_asks_is_renamed():
    (step,) = relay(beta=True).from_client(frame("session.update", session={"voice": "alloy"}))
    assert msgspec.json.decode(step.payload) == {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"output": {"voice": "alloy"}}},
    }


def test_what_the_user_said_is_heard_without_what_the_agent_says_meanwhile():
    lane = relay()
    words = transcript_delta("We are ")
    assert lane.from_provider(words) is PASS
    heard = lane.from_provider(openai.TRANSCRIBED)
    assert [type(hop.act) if isinstance(hop, Heard) else type(hop) for hop in heard] == [
        TranscriptionUsage,
        ToClient,
        UserTranscript,
    ]
    later = [hop.act for hop in lane.from_provider(openai.RESPONSE_DONE) if isinstance(hop, Heard)]
    assert [act.text for act in later if isinstance(act, ReplyTranscript)] == ["We are "]


def test_a_line_of_the_agents_that_is_over_is_heard_before_what_the_user_said():
    lane = relay()
    for said in (transcript_delta("We are."), openai.ITEM_DONE):
        assert lane.from_provider(said) is PASS
    heard = [hop.act for hop in lane.from_provider(openai.TRANSCRIBED) if isinstance(hop, Heard)]
    assert [type(act) for act in heard] == [
        ReplyTranscript,
        ReplyItemDone,
        TranscriptionUsage,
        UserTranscript,
    ]


def test_the_bounds_of_a_part_are_read_when_its_reply_ends_unless_its_item_did_before():
    def part(item):
        place = {"response_id": "resp_1", "item_id": item, "output_index": 0, "content_index": 0}
        return frame("response.content_part.added", event_id="e", **place, part={"type": "audio"})

    lane = relay()
    assert lane.from_provider(part("item_a")) is PASS
    assert lane.from_provider(part("item_b")) is PASS
    lane.from_provider(openai.ITEM_DONE)  # item_a's
    hops = lane.from_provider(openai.RESPONSE_DONE)
    parts = [hop.act for hop in hops if isinstance(hop, Heard) and isinstance(hop.act, ReplyPart)]
    assert parts == [ReplyPart("item_b", "audio")]
