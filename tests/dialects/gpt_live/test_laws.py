"""What holds for whatever is said in GPT-Live's dialect, by a client and by a provider."""

import math
from base64 import b64encode
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

import live_frames as live
from anything_wished import wishes
from calls import Clock, ids
from gpt_live_anything import FROM_CLIENT, FROM_SERVER
from realtime_switch.accounts.records import Certainty
from realtime_switch.dialects import gpt_live
from realtime_switch.dialects.acts import (
    Act,
    AudioSent,
    Bill,
    Interrupted,
    Ready,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyTranscript,
    SessionTime,
    Usage,
)
from realtime_switch.dialects.dialect import AskSwitch, Hangup, ToClient, ToProvider
from realtime_switch.dialects.sound import base64_bytes
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.dialects.wishes import Config, Wish
from realtime_switch.session.meter import Meter
from realtime_switch.session.timing import Timing
from realtime_switch.session.unread import Counted

TARGET = Target(provider="p", model="gpt-live-1")
TERMS = Terms(backend_model="gpt-5.6-terra")


def provider_side(strict: bool = False) -> gpt_live.ProviderSide:
    terms = Terms(backend_model="gpt-5.6-terra", strict=strict)
    return gpt_live.provider_side(TARGET, terms, ids(), Clock())


# -- Any message ---------------------------------------------------------------------------------------------


@given(st.lists(FROM_SERVER, max_size=20))
def test_any_message_of_a_provider_gives_acts(payloads: list[bytes]) -> None:
    side = provider_side()
    for payload in payloads:
        assert all(isinstance(act, Act) for act in side.hear(payload))
        assert gpt_live.envelope_bytes(payload) <= len(payload)


@given(st.lists(FROM_CLIENT, max_size=20))
def test_any_message_of_a_client_goes_on_as_it_came_or_is_refused(payloads: list[bytes]) -> None:
    client_side = gpt_live.ClientSide(ids(), Clock())
    gate = client_side.gate(TARGET, TERMS)
    for payload in payloads:
        for said in gate.admit(payload):
            if isinstance(said, ToProvider):
                assert said.payload is payload
            elif isinstance(said, ToClient):
                assert live.is_for_client(said.payload)
            else:
                assert isinstance(said, Act)


@given(st.lists(FROM_SERVER, max_size=10))
def test_whatever_a_provider_says_is_shown_or_is_no_message(payloads: list[bytes]) -> None:
    side, client_side = provider_side(), gpt_live.ClientSide(ids(), Clock())
    client_side.first_word(live.START)
    gate = client_side.gate(TARGET, TERMS)
    for payload in payloads:
        acts = [act for act in side.hear(payload) if isinstance(act, Act)]
        shown, heard = gate.shown(payload, acts)
        assert [*heard] == acts
        assert shown == payload or shown is None, "the client has named the model as its provider does"


@given(st.lists(FROM_CLIENT, max_size=20), st.booleans())
def test_any_message_of_a_client_is_a_wish_or_is_answered(payloads: list[bytes], started: bool) -> None:
    """Where it is served by a provider that takes turns."""
    side = gpt_live.ClientSide(ids(), Clock())
    side.first_word(live.START)
    said = [*side.tell(Ready(b"", 48))] if started else []
    for payload in payloads:
        said += side.hear(payload)
    for one in said:
        assert isinstance(one, bytes | Wish | Hangup | AskSwitch)
        assert not isinstance(one, bytes) or live.is_for_client(one)


# -- Turns ---------------------------------------------------------------------------------------------------

LOUD, QUIET = b64encode(b"\x00\x20" * 2_400).decode(), b64encode(bytes(4_800)).decode()
_WORDS = st.builds(
    lambda who, text, at: live.words(who, text, at, at + 200),
    st.sampled_from(["user", "agent"]),
    st.sampled_from([" one", " two", " ", ""]),
    st.integers(0, 5_000),
)
_SOUNDS = st.sampled_from([live.spoken(LOUD), live.spoken(QUIET)])
_STEPS = st.lists(
    _SOUNDS | _SOUNDS | _WORDS | FROM_SERVER | wishes | st.sampled_from([0.1, 0.5, 11.0]), max_size=60
)


@settings(max_examples=300)
@given(_STEPS, st.booleans())
def test_turns_are_whole_one_after_the_other_and_every_command_is_the_services(
    steps: list[bytes | Wish | float], strict: bool
) -> None:
    clock = Clock()
    terms = Terms(backend_model="gpt-5.6-terra", strict=strict)
    side = gpt_live.provider_side(TARGET, terms, ids(), clock)
    said = [*side.opening(Config(), ""), *side.hear(live.STARTED)]
    for step in steps:
        if isinstance(step, float):
            clock.go_on(step)
            said += side.woke()
        else:
            said += side.tell(step) if isinstance(step, Wish) else side.hear(step)
    open_reply, open_item, appended, counted = "", "", 0, 0
    begun: set[str] = set()
    for one in said:
        if isinstance(one, bytes):
            assert live.is_for_provider(one)
            if one.startswith(b'{"type":"session.input_audio.append"'):
                appended += base64_bytes(one.split(b'"')[-2].decode())
        elif isinstance(one, AudioSent):
            counted += one.audio_bytes
        elif isinstance(one, ReplyBegun):
            assert not open_reply
            assert one.reply_id not in begun
            open_reply = one.reply_id
            begun.add(open_reply)
        elif isinstance(one, ReplyItem):
            assert (one.reply_id, open_item) == (open_reply, "")
            open_item = one.item_id
        elif isinstance(one, ReplyAudio | ReplyTranscript):
            assert one.item_id == open_item
        elif isinstance(one, ReplyItemDone):
            assert one.item_id == open_item
            open_item = ""
        elif isinstance(one, Interrupted):
            assert open_reply
        elif isinstance(one, ReplyDone):
            assert one.reply_id == open_reply
            assert not open_item or one.status != "completed"
            open_reply = open_item = ""
    assert counted == appended, "every byte that is sent is counted, and no other"


# -- Time ----------------------------------------------------------------------------------------------------


def _cut(audio: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(audio), *(cut % (len(audio) + 1) for cut in cuts)})
    return [audio[a:b] for a, b in pairwise(places)]


_SPELLINGS = st.sampled_from(
    [
        b'{"type": "session.input_audio.append", "audio": "%b"}',
        b'{"type":"session.input_audio.append","audio":"%b"}',
        b'{\n  "audio": "%b",\n  "type": "session.input_audio.append"\n}',
        b'{"event_id":"e1","type":"session.input_audio.append","audio":"%b"}',
        b'{"type":"session.input_audio.append","audio":"%b" }',  # read, and counted by the gate
    ]
)


@given(st.integers(0, 20_000), st.lists(st.integers(0), max_size=40), _SPELLINGS)
def test_however_sound_is_cut_and_spelt_it_lasts_as_long(size: int, cuts: list[int], spelt: bytes) -> None:
    counted = Counted(gpt_live.only_audio_from_client, gpt_live.measure)
    gate = gpt_live.ClientSide(ids(), Clock()).gate(TARGET, TERMS)
    total = 0
    for piece in _cut(bytes(size), cuts):
        payload = spelt % b64encode(piece)
        if not counted(payload):
            total += sum(act.audio_bytes for act in gate.admit(payload) if isinstance(act, AudioSent))
    assert total + counted.take() == size


_TOLD = st.builds(
    lambda ms, sure: SessionTime(total_ms=ms, certainty="confirmed" if sure else "reported"),
    st.integers(0, 100_000),
    st.booleans(),
)
_TIMES = st.lists(_TOLD | st.integers(0, 48_000 * 20) | st.none(), max_size=40)


@given(_TIMES)
def test_stretches_add_up_to_what_was_told_or_counted_whatever_comes_first(steps: list) -> None:  # type: ignore[type-arg]
    """None: it is looked whether something is due."""
    timing, down, told = Timing(), 0, 0
    for step in steps:
        if isinstance(step, SessionTime):
            told = max(told, step.total_ms)
            stretch = timing.told(step)
        elif step is None:
            stretch = timing.due()
            assert stretch is None or stretch[1] is Certainty.ESTIMATED
        else:
            timing.sent(step)
            stretch = None
        assert stretch is None or stretch[0] >= 0
        down += 0 if stretch is None else stretch[0]
        assert told <= down <= max(told, timing.own_ms)
    rest = timing.rest()
    down += 0 if rest is None else rest[0]
    last = next((step for step in reversed(steps) if isinstance(step, SessionTime)), None)
    if last is None or last.certainty == "reported":
        assert down == max(told, timing.own_ms)


@given(st.lists(FROM_SERVER, max_size=20))
def test_seconds_tokens_and_fees_are_never_made_of_each_other(payloads: list[bytes]) -> None:
    side = provider_side()
    meter = Meter(("a", "s"), ids_of_records(), Clock())
    for act in (act for payload in payloads for act in side.hear(payload)):
        if isinstance(act, SessionTime):
            bill = Bill(**{name: getattr(act, name) for name in Bill.__struct_fields__})
            assert bill == Bill(), "time has no tokens"
            record = meter.time(act.total_ms, Certainty(act.certainty), TARGET)
            assert (record.duration_ms, record.tokens.total, record.fees) == (act.total_ms, 0, 0)
        elif isinstance(act, Usage):
            record = meter.record(act, TARGET)
            assert (record.tokens.input, record.tokens.output) == (act.input, act.output)
            assert (record.duration_ms, record.fees) == (0, act.fees), "tokens and fees have no time"


def ids_of_records():  # type: ignore[no-untyped-def]
    new_id = ids()
    return lambda: new_id("record")


@given(st.floats(0, 1e6, allow_nan=False))
def test_a_second_that_is_told_is_a_thousand_milliseconds_rounded_up(seconds: float) -> None:
    (told,) = provider_side().hear(live.usage(seconds))
    assert told == SessionTime(total_ms=math.ceil(seconds * 1000))
