"""The compiled short way and its twin do the same, whatever comes in whatever pieces."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_frames import AUDIO, RESPONSE_DONE, transcript_delta
from realtime_switch.gateway import interpreted
from realtime_switch.gateway.short_way import why_interpreted
from short_ways import ClientSays, ProviderSays, Set, Timed, encode, play

if not why_interpreted:
    from realtime_switch.gateway import _compiled
else:
    _compiled = None

pytestmark = pytest.mark.skipif(why_interpreted.startswith("RTS_INTERPRETED"), reason=why_interpreted)

TEXT, BINARY, CONTINUATION, PING, PONG = 1, 2, 0, 9, 10

IDLE = b'{"type":"rate_limits.updated","rate_limits":[]}'
PART = b'{"type":"response.content_part.added","event_id":"e","item_id":"item_a","part":{"type":"audio"}}'


def delta(size):
    return AUDIO.replace(b"AAAA" * 1600, b"A" * size)


def append(size):
    return b'{"type":"input_audio_buffer.append","audio":"' + b"A" * size + b'"}'


# Sizes on both sides of each way to spell a length.
sizes = st.sampled_from([0, 1, 4, 60, 100, 130, 5_000, 65_400, 65_536, 70_000])
messages = (
    sizes.map(delta)
    | sizes.map(append)
    | st.sampled_from(
        [transcript_delta("Hi"), PART, RESPONSE_DONE, IDLE, b"", b"{", append(3)[:-1], b"A" * 125, b"A" * 126]
    )
    | st.binary(max_size=8)
)


@st.composite
def streams(draw, masked):
    frames = []
    for _ in range(draw(st.integers(1, 6))):
        likely = st.sampled_from([TEXT, TEXT, TEXT, BINARY, PING, PONG, CONTINUATION])
        opcode = draw(likely)
        payload = draw(messages)
        control = opcode in (PING, PONG)
        frames.append(
            encode(
                opcode,
                payload[:125] if control else payload,
                masked=masked,
                fin=control or draw(st.integers(0, 5)) > 0,
                rsv=draw(st.integers(0, 9)) == 0,
            )
        )
    stream = b"".join(frames)
    return stream, tuple(draw(st.lists(st.integers(1, len(stream)), max_size=3)))


_CLOCK = st.sampled_from(
    [
        b'{"type": "session.input_audio.append", "audio": "%b"}',
        b'{"type": "session.input_audio.append", "audio": "%b", "event_id": "A==="}',
        b'{"event_id":"AAAA","type":"session.input_audio.append","audio":"%b"}',
        b'{"type":"session.input_audio.append","audio":"%b" }',
        b'{"type":"session.close","audio":"%b"}',
    ]
)
_BASE64 = st.builds(
    lambda size, pad: b"A" * size + pad,
    sizes | st.integers(0, 9),
    st.sampled_from([b"", b"=", b"==", b"==="]),
)
clocked = st.lists(
    st.builds(lambda spelt, sound: spelt % sound, _CLOCK, _BASE64), min_size=1, max_size=12
).flatmap(
    lambda said: st.builds(
        ClientSays,
        st.just(b"".join(encode(TEXT, payload, masked=True) for payload in said)),
        st.lists(st.integers(1, 40_000), max_size=3).map(tuple),
    )
)


changes = st.builds(
    Set,
    st.sampled_from(["passes_from_provider", "passes_from_client", "line", "provider", "client"]),
    st.booleans(),
)
steps = st.lists(
    streams(masked=False).map(lambda said: ProviderSays(*said))
    | streams(masked=True).map(lambda said: ClientSays(*said))
    | changes,
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(steps)
def test_what_is_sent_told_and_counted_is_the_same(steps):
    async def all_three():
        compiled = [await play(_compiled, steps, reader=reader) for reader in (True, False)]
        return compiled, await play(interpreted, steps)

    (read_directly, read_by_picows), twin = asyncio.run(all_three())
    assert read_directly == twin
    assert read_by_picows == twin


@settings(deadline=None)
@given(st.lists(clocked | changes, min_size=1, max_size=6))
def test_a_second_of_sound_is_full_at_the_same_frame(steps):
    async def all_three():
        compiled = [await play(_compiled, steps, reader=reader, fresh=Timed) for reader in (True, False)]
        return compiled, await play(interpreted, steps, fresh=Timed)

    (read_directly, read_by_picows), twin = asyncio.run(all_three())
    assert read_directly == twin
    assert read_by_picows == twin


@settings(deadline=None)
@given(streams(masked=False), st.data())
def test_what_comes_with_the_handshake_is_read_by_whoever_may(stream, data):
    frames, cuts = stream
    early = data.draw(st.integers(0, len(frames)))

    async def both():
        steps = [ProviderSays(frames[early:], cuts)]
        return [await play(ends, steps, early=frames[:early]) for ends in (_compiled, interpreted)]

    compiled, twin = asyncio.run(both())
    assert compiled == twin


def test_frames_of_one_read_that_pass_reach_the_client_as_they_came():
    burst = [delta(10), transcript_delta("Hi"), PART, delta(65_536), delta(70_000)]
    stream = b"".join(encode(TEXT, payload, masked=False) for payload in burst)
    for ends in (_compiled, interpreted):
        seen = asyncio.run(play(ends, [ProviderSays(stream)]))
        assert seen.to_client == stream
        assert seen.told == []
        assert seen.counted == (10 + 65_536 + 70_000, [transcript_delta("Hi")], [PART], True, False)


def test_what_passes_is_counted_with_the_bytes_of_its_payload():
    down = b"".join(
        encode(TEXT, payload, masked=False) for payload in (delta(10), RESPONSE_DONE, delta(70_000))
    )
    up = encode(TEXT, append(200), masked=True) + encode(TEXT, b"{}", masked=True)
    for ends in (_compiled, interpreted):
        for reader in (True, False):
            seen = asyncio.run(play(ends, [ProviderSays(down), ClientSays(up)], reader=reader))
            assert seen.passed == {
                "from_client": (1, len(append(200))),
                "from_provider": (2, len(delta(10)) + len(delta(70_000))),
                "unsent": 0,
                "grown": (0, 0),
            }


def test_what_the_proof_does_not_know_overtakes_nothing():
    burst = [delta(1), RESPONSE_DONE, delta(2)]
    stream = b"".join(encode(TEXT, payload, masked=False) for payload in burst)
    for ends in (_compiled, interpreted):
        seen = asyncio.run(play(ends, [ProviderSays(stream)]))
        assert seen.to_client == stream
        assert seen.told == [("provider", TEXT, RESPONSE_DONE)]


def test_what_nobody_listens_for_passes_too_and_keeps_its_place():
    burst = [IDLE, RESPONSE_DONE, IDLE, delta(1)]
    stream = b"".join(encode(TEXT, payload, masked=False) for payload in burst)
    for ends in (_compiled, interpreted):
        seen = asyncio.run(play(ends, [ProviderSays(stream)]))
        assert seen.to_client == stream
        assert seen.told == [("provider", TEXT, RESPONSE_DONE)]


def test_of_an_old_generation_nothing_is_passed_on():
    stream = encode(TEXT, delta(1), masked=False)
    for ends in (_compiled, interpreted):
        seen = asyncio.run(play(ends, [Set("line", False), ProviderSays(stream)]))
        assert (seen.to_client, seen.told) == (b"", [("old provider", TEXT, delta(1))])


def test_a_clients_audio_reaches_the_provider_masked_anew():
    stream = encode(TEXT, append(70_000), masked=True) + encode(BINARY, append(1), masked=True)
    for ends in (_compiled, interpreted):
        seen = asyncio.run(play(ends, [ClientSays(stream, (9,))]))
        assert seen.to_provider == [(0x81, 1, append(70_000)), (0x82, 1, append(1))]


def test_what_comes_together_with_a_ping_is_not_kept_back():
    stream = encode(TEXT, delta(1), masked=False)
    for ends in (_compiled, interpreted):
        seen = asyncio.run(play(ends, [ProviderSays(stream + encode(PING, b"", masked=False))]))
        assert seen.to_client == stream
