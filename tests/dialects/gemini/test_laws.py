"""What holds for whatever Gemini sends and a client wants."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from anything_wished import configs, texts, wishes
from gemini_anything import MESSAGE, PAYLOAD, odd_messages
from gemini_frames import (
    AUDIO,
    OVER,
    SETUP_COMPLETE,
    Talk,
    sent,
    tight,
)
from realtime_switch.dialects.acts import (
    Act,
    AudioPassed,
    Bill,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyText,
    ReplyTranscript,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    UserTranscript,
    UserTurn,
)
from realtime_switch.dialects.gemini import only_audio_from_provider, usage
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.terms import Terms

profiles = st.builds(
    Profile,
    content=st.sampled_from(["always", "seed_only"]),
    tools=st.sampled_from(["", "BLOCKING", "NON_BLOCKING"]),
    context_update=st.booleans(),
    text=st.booleans(),
    seeds_history=st.booleans(),
)
steps = st.lists(PAYLOAD | wishes | st.sampled_from([0.6, 6.0, 40.0]), max_size=25)


def played(talk, steps):
    """Frames are checked by Google's types (but for audio that is none), acts are given back."""
    acts = []
    for step in steps:
        if isinstance(step, float):
            said = talk.wake(step)
        elif isinstance(step, bytes):
            said = talk.side.hear(step)
        else:
            said = talk.side.tell(step)
        for one in said:
            if not isinstance(one, bytes | dict):
                acts.append(one)
            elif isinstance(one, bytes) and b"no \\" not in one:
                sent(one)
        assert talk.side.due_us is None or talk.side.due_us > 0
    return acts


@settings(max_examples=300)
@given(steps, configs, profiles, st.booleans())
def test_whatever_comes_is_answered_with_acts_and_with_messages_that_google_takes(
    steps, config, profile, strict
):
    talk = Talk(config, profile=profile, terms=Terms(strict=strict), history="user: Hi.\nagent: Ho.\n")

    assert all(isinstance(act, Act) for act in played(talk, steps))


@settings(max_examples=300)
@given(steps, configs)
def test_each_reply_begins_and_ends_once_and_what_is_in_it_lies_between(steps, config):
    talk = Talk(config)
    open_reply, open_items, begun_items = None, set(), set()
    ended = set()
    for act in played(talk, [tight(SETUP_COMPLETE), *steps]):
        match act:
            case ReplyBegun():
                assert open_reply is None
                assert act.reply_id not in ended
                open_reply = act.reply_id
            case ReplyItem():
                assert act.reply_id == open_reply
                assert act.item_id not in begun_items
                open_items.add(act.item_id)
                begun_items.add(act.item_id)
            case ReplyAudio() | ReplyTranscript() | ReplyText() | ToolCall():
                assert act.item_id in open_items
            case ReplyItemDone():
                open_items.remove(act.item_id)
            case ReplyDone():
                assert act.reply_id == open_reply
                assert act.status != "completed" or not open_items
                open_reply, open_items = None, set()
                ended.add(act.reply_id)
    # Whatever is still open ends in time.
    end = played(talk, [40.0, 40.0, 40.0]) if open_reply else []
    assert [type(act) for act in end if isinstance(act, ReplyDone)] == ([ReplyDone] if open_reply else [])


@settings(max_examples=300)
@given(steps)
def test_each_turn_of_the_user_begins_and_ends_once(steps):
    started, over = [], []
    for act in played(Talk(), steps):
        match act:
            case SpeechStarted():
                assert act.item_id not in started
                assert set(started) <= set(over)
                started.append(act.item_id)
            case SpeechStopped():
                assert act.item_id in started
                assert act.item_id not in over
            case UserTurn():
                assert act.item_id not in over
                over.append(act.item_id)
            case UserTranscript():
                assert act.item_id in started or act.item_id in over


@settings(max_examples=200)
@given(st.lists(MESSAGE | odd_messages(), max_size=25))
def test_every_token_is_billed_once(messages):
    """Those of a reply that is still open are billed with it."""
    talk = Talk().ready()
    acts = [act for message in messages for act in talk.side.hear(tight(message))]
    acts += talk.side.hear(tight(OVER))
    billed = sum(act.input + act.output for act in acts if isinstance(act, Bill))
    counts = [usage.counts(one.get("usageMetadata")) for one in messages]
    if not any(max(count.values(), default=0) > 2**30 for count in counts):
        assert billed == sum(count.get("input", 0) + count.get("output", 0) for count in counts)


def _heard(acts):
    """Audio is the same whether it was read or passed."""
    told = []
    for act in acts:
        if isinstance(act, ReplyAudio | AudioPassed):
            chars = len(act.base64) if isinstance(act, ReplyAudio) else act.base64_chars
            if told and isinstance(told[-1], int):
                told[-1] += chars
            else:
                told.append(chars)
        else:
            told.append(act)
    return told


@settings(max_examples=300)
@given(st.lists(MESSAGE, max_size=25))
def test_it_makes_no_difference_whether_audio_is_read(messages):
    reading, passing = Talk(None).ready(), Talk(None).ready()
    read, passed = [], []
    for message in messages:
        payload = tight(message)
        read += reading.side.hear(payload)
        unread = only_audio_from_provider(payload)
        passed += passing.side.passed(len(AUDIO)) if unread else passing.side.hear(payload)

    assert _heard(passed) == _heard(read)


@settings(max_examples=200)
@given(st.lists(MESSAGE, max_size=25))
def test_a_relay_and_a_translation_hear_the_same(messages):
    """But for text beside speech, which only a translation knows beforehand to be none of the answer."""
    messages = [one for one in messages if "remark" not in str(one)]
    relayed, translated = Talk(None).ready(), Talk().ready()

    assert translated.hear(*messages) == relayed.hear(*messages)


@given(configs, profiles, texts)
def test_a_setup_can_be_written_whatever_is_asked_for(config, profile, history):
    (setup,) = Talk(config, profile=profile, history=history).opening
    assert msgspec.json.encode(setup)
