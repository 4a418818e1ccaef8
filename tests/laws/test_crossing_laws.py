"""What crosses from one dialect into the other is what would have been said of it, had it been read; and the
compiled way and its twin make it alike."""

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gemini_client_frames
import openai_frames as openai
from gemini_frames import BLOB, INTERRUPTED, MADE, OVER, called, heard
from realtime_switch.dialects.acts import AudioPassed, ReplyTranscript
from realtime_switch.dialects.dialect import Hangup
from realtime_switch.gateway import interpreted
from realtime_switch.gateway.short_way import why_interpreted
from realtime_switch.session.lane import Heard
from realtime_switch.session.translation import Translation
from short_ways import ClientSays, ProviderSays, Set, Translated, encode, play
from two_dialects import SPOKEN, Call, OpenAICall, created, done
from two_dialects import called as openai_called

if not why_interpreted:
    from realtime_switch.gateway import _compiled
else:
    _compiled = None

TEXT, BINARY, PING = 1, 2, 9

# -- What is said ------------------------------------------------------------------------------------------

# All sizes of a last group; below and above what fits into a read, into the memory for what crosses.
BYTES = [1, 2, 3, 48, 480, 960, 3_600, 12_300, 48_700, 48_750, 70_000]
sound = st.sampled_from(BYTES).map(lambda size: (bytes(range(251)) * (size // 251 + 1))[:size])
base64 = sound.map(lambda data: b64encode(data).decode())
either = base64 | sound.map(lambda data: urlsafe_b64encode(data).decode())
misprinted = st.sampled_from(["", "=", "A", "AA=A", "A===", "AAAA====", "AA\nAA", 'A"', "AAAA-", "\x01AAA"])
broken = misprinted | st.just("AAA\u00e9")  # no provider's: it is trusted to mean base64
words = st.sampled_from(
    [" word", " word", "", " caf\u00e9", "line\nbreak", 'a "quote"', "\\", " \U0001f600", "long"]
).map(lambda text: text * 17_000 if text == "long" else text)
styles = st.sampled_from([{"indent": 2}, {"separators": (",", ":")}, {}])


def printed(message, ascii_only=False, end="", **style):
    return (json.dumps(message, ensure_ascii=ascii_only, **style) + end).encode("utf-8", "surrogatepass")


def gemini_audio(data, mime="audio/pcm;rate=24000"):
    blob = {"inlineData": {**BLOB, "mimeType": mime, "data": data}}
    return {"serverContent": {"modelTurn": {"parts": [blob]}}}


GEMINI_EVENTS = [
    {},
    {"serverContent": {}},
    MADE,
    OVER,
    INTERRUPTED,
    heard("Hello"),
    called({"id": "c1", "name": "f", "args": {}}),
    {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 1}},
]
from_gemini = st.one_of(
    st.builds(gemini_audio, base64),
    st.builds(gemini_audio, base64),
    st.builds(gemini_audio, misprinted | either),
    st.builds(gemini_audio, base64, st.sampled_from(["audio/pcm", "audio/pcm;rate=16000"])),
    words.map(lambda text: {"serverContent": {"outputTranscription": {"text": text}}}),
    st.sampled_from(GEMINI_EVENTS),
)
from_gemini = st.builds(
    lambda message, style, ascii_only, end: printed(message, ascii_only, end, **style),
    from_gemini,
    styles,
    st.booleans(),
    st.sampled_from(["", "\n"]),
) | st.sampled_from([b"", b"{", b"{}\n"])


def append(audio, event_id=None):
    named = {} if event_id is None else {"event_id": event_id}
    return {**named, "type": "input_audio_buffer.append", "audio": audio}


def update(**session):
    return {"type": "session.update", "session": {"type": "realtime", **session}}


OPENAI_WISHES = [
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "response.create"},
    {"type": "response.cancel"},
    update(audio={"input": {"turn_detection": None}}),
    update(output_modalities=["text"]),
    update(audio={"output": {"format": {"type": "audio/pcmu"}}}),
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    },
]
from_openai_client = st.builds(
    lambda message, style: printed(message, **style),
    st.one_of(
        st.builds(append, either, st.none() | st.just("e1")),
        st.builds(append, either),
        st.builds(append, broken),
        st.sampled_from(OPENAI_WISHES),
    ),
    st.sampled_from([{"separators": (",", ":")}, {}]),
)


def delta(kind, text, item_id, **more):
    return {
        "type": f"response.{kind}.delta",
        "event_id": "event_7",
        **openai.PLACE,
        "item_id": item_id,
        "delta": text,
        **more,
    }


def item_added(item_id):
    item = {"id": item_id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    return {"type": "response.output_item.added", "response_id": "resp_1", "output_index": 0, "item": item}


item_ids = st.sampled_from(["item_a", "item_a", "item_a", "item_b"])
OPENAI_EVENTS = [
    json.loads(created()),
    item_added("item_a"),
    item_added("item_b"),
    {"type": "response.output_audio_transcript.done", **openai.PLACE, "transcript": " word"},
    {"type": "response.output_audio.done", **openai.PLACE},
    {"type": "input_audio_buffer.speech_started", "audio_start_ms": 10, "item_id": "item_u"},
    {"type": "rate_limits.updated", "rate_limits": []},
    json.loads(openai_called("c1")),
    json.loads(done()),
    json.loads(done(status="cancelled")),
    json.loads(openai.SESSION_UPDATED),
]
from_openai = st.builds(
    lambda message, style, ascii_only: printed(message, ascii_only, **style),
    st.one_of(
        st.builds(delta, st.just("output_audio"), base64, item_ids),
        st.builds(delta, st.just("output_audio"), base64, item_ids),
        st.builds(delta, st.just("output_audio"), misprinted | either, item_ids),
        st.builds(delta, st.just("output_audio_transcript"), words, item_ids),
        st.builds(
            delta,
            st.just("output_audio_transcript"),
            words,
            item_ids,
            obfuscation=st.sampled_from(["", "Zk8"]),
        ),
        st.sampled_from(OPENAI_EVENTS),
    ),
    st.sampled_from([{"separators": (",", ":")}, {"separators": (",", ":")}, {}]),
    st.booleans(),
)


def microphone(data, mime="audio/pcm;rate=24000", name="mimeType", data_first=False):
    blob = {"data": data, name: mime} if data_first else {name: mime, "data": data}
    return {"realtimeInput": {"audio": blob}}


GEMINI_WISHES = [
    {"realtimeInput": {"text": "Hi"}},
    {"realtimeInput": {"audioStreamEnd": True}},
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "Hi"}]}], "turnComplete": True}},
    {"toolResponse": {"functionResponses": [{"id": "c1", "name": "f", "response": {"output": "x"}}]}},
]
from_gemini_client = st.builds(
    lambda message, style: printed(message, **style),
    st.one_of(
        st.builds(microphone, either),
        st.builds(
            microphone, either, data_first=st.booleans(), name=st.sampled_from(["mimeType", "mime_type"])
        ),
        st.builds(microphone, either, st.sampled_from(["audio/pcm;rate=24000", "audio/pcm;rate=16000"])),
        st.sampled_from(GEMINI_WISHES),
    ),
    st.sampled_from([{"separators": (",", ":")}, {}]),
)


# What nearly all of a call is.
plain = st.sampled_from(["AAAA", "AA==", "AAA=", "+/+/" * 16, "AAAA" * 320])
plain_words = st.sampled_from([" word", " caf\u00e9"])
gemini_plain = st.builds(gemini_audio, plain).map(lambda message: printed(message, end="\n", indent=2))
gemini_plain |= plain_words.map(
    lambda text: printed({"serverContent": {"outputTranscription": {"text": text}}}, end="\n", indent=2)
)
openai_client_plain = st.builds(append, plain).map(printed)
openai_plain = st.builds(delta, st.just("output_audio"), plain, st.just("item_a"))
openai_plain |= st.builds(delta, st.just("output_audio_transcript"), plain_words, st.just("item_a"))
openai_plain = openai_plain.map(lambda message: printed(message, separators=(",", ":")))
gemini_client_plain = st.builds(microphone, plain | st.just("-_-_")).map(printed)


def openai_on_gemini():
    return OpenAICall().ready()


def gemini_on_openai():
    call = Call(gemini_client_frames.setup(**SPOKEN)).ready()
    return call.provider(created(), item_added("item_a"))


PAIRS = {
    "an OpenAI client on Gemini": (
        openai_on_gemini,
        (openai_client_plain, gemini_plain),
        (from_openai_client, from_gemini),
    ),
    "a Gemini client on OpenAI": (
        gemini_on_openai,
        (gemini_client_plain, openai_plain),
        (from_gemini_client, from_openai),
    ),
}
pairs = pytest.mark.parametrize(("joined", "plain", "anything"), PAIRS.values(), ids=PAIRS.keys())

# -- Read or not, it is the same ----------------------------------------------------------------------------


class ReadsAll(Translation):
    """Opens as the other does, because that may take an id, and shuts again."""

    def _open_to_client(self, payload, act):
        super()._open_to_client(payload, act)
        self.passes_from_provider.roads = ()

    def _open_to_provider(self, payload, wish):
        super()._open_to_provider(payload, wish)
        self.passes_from_client.roads = ()


def lived(joined, lane_class, life):
    """What went to either end, and what was heard, but for how often it was told."""
    call = joined()
    lane = call.lane
    lane.__class__ = lane_class
    said, crossed = [], 0
    for end, payload in life:
        if end == "later":
            call.clock.go_on(payload)
            hops = lane.woke()
        elif end == "asked":
            hops = lane.catch_up()
        else:
            passes = lane.passes_from_client if end == "client" else lane.passes_from_provider
            passed = passes(payload)
            if passed is not False:
                crossed += 1
                said += [("to client" if end == "provider" else "to provider", passed)] if passed else []
                continue
            hops = lane.from_provider(payload) if end == "provider" else None
            if hops is None:
                hops = lane.audio_from_client(payload)
            if hops is None:
                hops = lane.from_client(payload)
        for hop in hops:
            if isinstance(hop, Heard):
                call.client_side.follow(hop.act)
                said.append(("heard", hop.act))
            elif isinstance(hop, Hangup):
                return said, crossed
            else:
                said.append(("to client" if type(hop).__name__ == "ToClient" else "to provider", hop.payload))
    said += [("heard", hop.act) for hop in lane.catch_up()]
    return said, crossed


def summed(said):
    """To each end in order; of what is heard, sound and words between two other things as one."""
    heard_, chars, texts = [], 0, {}
    for act in [what for to, what in said if to == "heard"] + [None]:
        if isinstance(act, AudioPassed):
            chars += act.base64_chars
        elif isinstance(act, ReplyTranscript) and not act.final:
            texts[act.item_id] = texts.get(act.item_id, "") + act.text
        else:
            heard_ += [chars, dict(texts), act]
            chars, texts = 0, {}
    ends = [[what for to, what in said if to == end] for end in ("to client", "to provider")]
    return [*ends, heard_]


@st.composite
def lives(draw, plain, anything):
    """Stretches of what nearly all of a call is, and between them whatever there may be."""
    (client, provider), (odd_client, odd_provider) = plain, anything
    stretch = st.lists(
        st.tuples(st.just("provider"), provider) | st.tuples(st.just("client"), client),
        min_size=3,
        max_size=8,
    )
    odd = st.one_of(
        st.tuples(st.just("provider"), odd_provider),
        st.tuples(st.just("client"), odd_client),
        st.tuples(st.just("later"), st.sampled_from([0.01, 2.0, 40.0])),
        st.tuples(st.just("asked"), st.none()),
    ).map(lambda one: [one])
    return [one for some in draw(st.lists(stretch | odd, max_size=8)) for one in some]


@pairs
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_crosses_is_what_would_have_been_said_of_it(joined, plain, anything, data):
    life = data.draw(lives(plain, anything))
    assert summed(lived(joined, Translation, life)[0]) == summed(lived(joined, ReadsAll, life)[0])


@pairs
def test_some_of_these_lives_cross_much(joined, plain, anything):
    crossed = []

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(lives(plain, anything))
    def count(life):
        crossed.append(lived(joined, Translation, life)[1])

    count()
    assert sum(frames >= 4 for frames in crossed) >= 10


# -- Both twins ---------------------------------------------------------------------------------------------


@st.composite
def streams(draw, plain, odd, masked):
    messages = draw(st.lists(plain, max_size=8)) + draw(st.lists(plain | odd, max_size=3))
    frames = [
        encode(draw(st.sampled_from([TEXT, TEXT, BINARY])), payload, masked=masked) for payload in messages
    ]
    if draw(st.integers(0, 5)) == 0:
        frames.append(encode(PING, b"", masked=masked))
    stream = b"".join(frames)
    return stream, tuple(draw(st.lists(st.integers(0, len(stream)), max_size=2)))


changes = st.builds(
    Set,
    st.sampled_from(["passes_from_provider", "passes_from_client", "line", "provider", "client"]),
    st.booleans(),
)


def plays(plain, anything):
    provider_says = streams(plain[1], anything[1], masked=False).map(lambda said: ProviderSays(*said))
    client_says = streams(plain[0], anything[0], masked=True).map(lambda said: ClientSays(*said))
    return st.lists(provider_says | provider_says | client_says | changes, min_size=1, max_size=8)


@pytest.mark.skipif(why_interpreted.startswith("RTS_INTERPRETED"), reason=why_interpreted)
@pairs
@settings(deadline=None)
@given(data=st.data())
def test_the_twins_say_tell_and_count_the_same(joined, plain, anything, data):
    steps = data.draw(plays(plain, anything))

    async def all_three():
        def fresh():
            return Translated(joined())

        compiled = [await play(_compiled, steps, reader=reader, fresh=fresh) for reader in (True, False)]
        return compiled, await play(interpreted, steps, fresh=fresh)

    (read_directly, read_by_picows), twin = asyncio.run(all_three())
    assert read_directly == twin
    assert read_by_picows == twin


# -- By example ---------------------------------------------------------------------------------------------


def told(text):
    return printed({"serverContent": {"outputTranscription": {"text": text}}}, end="\n", indent=2)


def gemini_says(*payloads):
    return ProviderSays(b"".join(encode(BINARY, payload, masked=False) for payload in payloads))


both = pytest.mark.parametrize("ends", [interpreted] if _compiled is None else [interpreted, _compiled])
sample = printed(gemini_audio("AAAA" * 320), end="\n", indent=2)


def payloads(stream):
    """Of whole frames that are not masked."""
    found = []
    while stream:
        size, head = stream[1], 2
        if size == 126:
            size, head = int.from_bytes(stream[2:4], "big"), 4
        found.append(stream[head : head + size])
        stream = stream[head + size :]
    return found


@both
def test_an_event_between_two_pieces_of_audio_keeps_its_place(ends):
    """Barge-in in the middle of one read: nothing overtakes it, and what comes after it is not played."""
    burst = gemini_says(sample, sample, told(" Hi"), sample, printed(INTERRUPTED), sample, sample)
    seen = asyncio.run(play(ends, [burst], fresh=lambda: Translated(openai_on_gemini())))
    kinds = [json.loads(payload)["type"].removeprefix("response.") for payload in payloads(seen.to_client)]
    first = kinds.index("output_audio.delta")
    started = kinds.index("input_audio_buffer.speech_started")
    assert kinds[first : started + 1] == [
        "output_audio.delta",
        "output_audio.delta",
        "output_audio_transcript.delta",
        "output_audio.delta",
        "input_audio_buffer.speech_started",
    ]
    assert "done" in kinds[started + 1 :]


@both
def test_each_delta_has_an_id_of_its_own(ends):
    says = [
        gemini_says(*[sample] * 5),
        gemini_says(printed(heard("Hm"))),
        gemini_says(*[sample] * 5, told(" Hi"), told(" there")),
    ]
    seen = asyncio.run(play(ends, says, fresh=lambda: Translated(openai_on_gemini())))
    events = [json.loads(payload) for payload in payloads(seen.to_client)]
    names = [event["event_id"] for event in events]
    assert len(set(names)) == len(names)
    assert sum(event["type"] == "response.output_audio.delta" for event in events) == 10


@both
def test_what_crossed_is_counted_as_it_came_and_as_it_went(ends):
    says = [gemini_says(sample), gemini_says(sample, sample, b"{}\n")]
    up = printed(append("AAAA"))
    says += [ClientSays(encode(TEXT, up, masked=True)), ClientSays(encode(TEXT, up, masked=True) * 2)]
    seen = asyncio.run(play(ends, says, fresh=lambda: Translated(openai_on_gemini())))
    sent = [payload for payload in payloads(seen.to_client) if b"output_audio.delta" in payload][1:]
    went_up = b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=24000","data":"AAAA"}}}'
    assert [payload for _, _, payload in seen.to_provider] == [went_up] * 3
    came = 2 * len(sample) + len(b"{}\n")
    assert seen.passed == {
        "from_client": (2, 2 * len(up)),
        "from_provider": (3, came),
        "unsent": 1,
        "grown": (sum(map(len, sent)) - came, 2 * (len(went_up) - len(up))),
    }


@both
def test_a_client_cannot_hide_a_request_behind_audio_that_crosses(ends):
    good = printed(microphone("AAAA"))
    bad = [good.replace(b"AAAA", b'AAAA\\",\\"type\\":\\"session.update'), good.replace(b"AAAA", b"AA A")]
    for payload in bad:
        says = [ClientSays(encode(TEXT, one, masked=True)) for one in (good, good, payload)]
        seen = asyncio.run(play(ends, says, fresh=lambda: Translated(gemini_on_openai())))
        assert [json.loads(sent)["audio"] for _, _, sent in seen.to_provider] == ["AAAA", "AAAA"]


def test_words_cross_though_an_item_of_that_name_was_there_before():
    """Some providers count their items anew for each reply; and the whole of the words teaches no shape."""
    call = gemini_on_openai()
    whole = {"type": "response.output_audio_transcript.done", **openai.PLACE, "transcript": " word"}
    word = printed(delta("output_audio_transcript", " word", "item_a"))
    call.provider(printed(whole), done(), created(), item_added("item_a"), word)
    passes = call.lane.passes_from_provider
    assert passes(word) == b'{"serverContent":{"outputTranscription":{"text":" word"}}}'
