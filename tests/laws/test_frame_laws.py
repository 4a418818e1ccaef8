"""Laws 1, 2, 3, 5 and 8 of STYLE.md 5.3: they hold for every message there could be, not only for ours."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

import openai_frames as openai
from calls import TARGET, ids, live
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.acts import Act, Bill, Ready, ReplyAudio
from realtime_switch.dialects.openai import (
    ClientSide,
    ProviderSide,
    beta,
    only_audio_from_client,
    only_audio_from_provider,
    read,
)
from realtime_switch.dialects.openai.requests import Mistake, read_request
from realtime_switch.dialects.terms import Terms
from realtime_switch.session import lane
from realtime_switch.session.lane import Heard
from realtime_switch.session.steps import PASS, ToClient, ToProvider

# -- Any message a provider may send -------------------------------------------------------------------------

KNOWN = [
    openai.SESSION_CREATED,
    openai.SESSION_UPDATED,
    openai.COMMITTED,
    openai.TRANSCRIBED,
    openai.RESPONSE_CREATED,
    openai.ITEM_ADDED,
    openai.AUDIO.replace(b"AAAA" * 1600, b"AAAA"),
    openai.transcript_delta("Hi"),
    openai.ITEM_DONE,
    openai.RESPONSE_DONE,
    openai.TRUNCATED,
    openai.ERROR,
]
known = st.sampled_from(KNOWN).map(json.loads)
anything = st.sampled_from(
    [
        None,
        True,
        0,
        5,
        -1,
        1.5,
        -1e300,
        2**70,
        "",
        "x",
        "é😀",
        [],
        [[]],
        {},
        [None, {}],
        {"id": 5},
        {"id": "x"},
    ]
) | st.dictionaries(
    st.sampled_from(["id", "type", "usage", "content", "audio", "output", "input", "transcription", "model"]),
    st.sampled_from([None, 5, "message", "function_call", [], [5], [{"text": 5}], {}, {"input": []}, "x"]),
    max_size=3,
)


@st.composite
def messages(draw):
    """A real message, some of whose members are something else, are missing, or are new."""
    message = dict(draw(known))
    if draw(st.booleans()):
        audio = draw(st.sampled_from(["response.output_audio.delta", "response.audio.delta"]))
        message |= {"type": audio, "delta": draw(st.sampled_from(["AAAA", "", 'with "quotes"']))}
    for name in draw(
        st.lists(st.sampled_from([*message, "delta", "usage", "item", "error", "x"]), max_size=2)
    ):
        if draw(st.booleans()):
            message[name] = draw(anything)
        else:
            message.pop(name, None)
    return message


@st.composite
def frames(draw):
    """As any server might print it: tight, spaced or indented, members in any order."""
    message = draw(messages())
    names = list(message)
    if draw(st.booleans()):
        names = draw(st.permutations(names))
    message = {name: message[name] for name in names}
    ascii_only = draw(st.booleans())
    if draw(st.integers(0, 4)) == 0:
        printed = json.dumps(message, indent=2, ensure_ascii=ascii_only) + "\n"
    else:
        separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
        printed = json.dumps(message, separators=separators, ensure_ascii=ascii_only)
    return printed.encode("utf-8", "surrogatepass")


@settings(max_examples=200)
@given(frames())
def test_law_1_only_audio_from_a_provider_hides_nothing(payload):
    if only_audio_from_provider(payload):
        assert all(isinstance(act, ReplyAudio) for act in read(payload))


def test_law_5_the_proofs_are_met_by_what_is_generated():
    """Without a witness law 1 would hold for a proof that never succeeds."""
    met = []

    @settings(max_examples=200, database=None)
    @given(frames())
    def count(payload):
        met.append(only_audio_from_provider(payload))

    count()
    assert sum(met) >= 5


@settings(max_examples=200)
@given(frames() | st.binary(max_size=60))
def test_law_8_whatever_a_provider_sends_is_read_without_an_exception(payload):
    assert all(isinstance(act, Act) for act in read(payload))


@settings(max_examples=100)
@given(frames() | st.binary(max_size=60))
def test_law_8_whatever_a_provider_sends_is_shown_to_a_beta_client_without_an_exception(payload):
    shown = beta.shown(payload)
    assert shown is None or isinstance(shown, bytes)


def relay(beta_client=False):
    client_side = ClientSide(ids(), beta_client)
    gate = client_side.gate(TARGET, Terms())
    return lane.relay(openai_dialect, gate, ProviderSide(TARGET), client_side)


@settings(max_examples=150)
@given(frames())
def test_law_3_a_providers_frame_goes_on_as_the_object_that_came_after_its_bills(payload):
    hops = relay().from_provider(payload)
    if hops is PASS:
        return
    heard = [hop.act for hop in hops if isinstance(hop, Heard)]
    forwarded = [hop for hop in hops if isinstance(hop, ToClient)]
    hidden = any(type(act).__name__ in ("Garbled", "Trouble") for act in heard)
    assert forwarded == [] if hidden and not forwarded else forwarded[0].payload is payload
    if forwarded:
        before = hops[: hops.index(forwarded[0])]
        assert [hop.act for hop in before] == [act for act in heard if isinstance(act, Bill)]


@settings(max_examples=60)
@given(st.lists(frames() | st.binary(max_size=40), max_size=12))
def test_no_provider_can_break_a_call(payloads):
    call = live()
    for payload in payloads:
        answer = call.from_provider(call.generation, payload)
        assert answer is PASS or isinstance(answer, list)
    call.client_left()


def test_a_greeting_is_of_the_messages_that_are_tried():
    assert any(isinstance(act, Ready) for payload in KNOWN for act in read(payload))


# -- Anything a client may send ------------------------------------------------------------------------------

scraps = st.sampled_from(
    [
        '{"type":"input_audio_buffer.append","audio":"',
        '{"type": "input_audio_buffer.append", "audio": "',
        '{"audio":"',
        '{"audio": "',
        '","type":"input_audio_buffer.append"}',
        '", "type": "input_audio_buffer.append"}',
        '{"event_id":"',
        '","type":"input_audio_buffer.append","audio":"',
        '{"type":"input_audio_buffer.append","event_id":"',
        '","audio":"',
        "AAAA",
        '"',
        '"}',
        "}",
        ",",
        '\\"',
        "\\",
        '","type":"session.update',
        '"type":"response.create"',
        ',"session":{"model":"dear"}',
        " ",
        "\\u0022",
        "\x00",
        "é",
    ]
)
HEADS = [
    ('{"type":"input_audio_buffer.append","audio":"', '"}'),
    ('{"event_id":"e","type":"input_audio_buffer.append","audio":"', '"}'),
    ('{"event_id":"', '","type":"input_audio_buffer.append","audio":"AAAA"}'),
    ('{"type":"input_audio_buffer.append","event_id":"', '","audio":"AAAA"}'),
    ('{"audio":"', '","type":"input_audio_buffer.append"}'),
    ('{\n  "audio": "', '",\n  "type": "input_audio_buffer.append"\n}'),
]
inside = st.lists(scraps, max_size=5).map("".join) | st.sampled_from(["", "AAAA"])
lies = st.lists(scraps, max_size=8).map("".join) | st.tuples(st.sampled_from(HEADS), inside).map(
    lambda lie: lie[0][0] + lie[1] + lie[0][1]
)


class Twice(Exception):
    pass


def _once(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise Twice
    return dict(pairs)


@settings(max_examples=600)
@given(lies)
def test_law_2_a_client_cannot_hide_a_request_behind_its_audio(said):
    if not only_audio_from_client(said.encode()):
        return
    try:
        message = json.loads(said, object_pairs_hook=_once)
    except ValueError:
        return  # then no provider obeys it either
    assert message.pop("type") == "input_audio_buffer.append"
    assert isinstance(message.pop("audio"), str)
    assert message.keys() <= {"event_id"}


def test_law_5_the_proof_is_met_by_what_is_generated():
    met = []

    @settings(max_examples=200, database=None)
    @given(lies)
    def count(said):
        met.append(only_audio_from_client(said.encode()))

    count()
    assert sum(met) >= 5


@settings(max_examples=300)
@given(lies | st.text(max_size=40))
def test_law_8_whatever_a_client_sends_is_passed_or_refused(said):
    """And what goes to the provider means one thing only, to every reader."""
    payload = said.encode("utf-8", "surrogatepass")
    answer = relay().from_client(payload)
    if answer is PASS:
        return
    (step,) = answer
    if isinstance(step, ToProvider):
        json.loads(step.payload.decode("utf-8", "replace"), object_pairs_hook=_once)
        assert step.payload is payload
    else:
        assert openai.is_for_client(step.payload)


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=6), anything, max_size=4), st.booleans())
def test_a_message_that_means_one_thing_is_read_as_it_is(message, ascii_only):
    message = {**message, "type": "x"}
    printed = json.dumps(message, ensure_ascii=ascii_only, allow_nan=False) if _finite(message) else None
    if printed is None:
        return
    request = read_request(printed.encode("utf-8", "surrogatepass"), 50_000, 64)
    assert not isinstance(request, Mistake)
    assert request.keys() == message.keys()


def _finite(message):
    try:
        json.dumps(message, allow_nan=False)
    except ValueError:
        return False
    return True


@settings(max_examples=300)
@given(
    st.sampled_from(["session.update", "response.create", "conversation.item.create"]),
    anything,
    st.booleans(),
)
def test_law_8_whatever_a_request_holds_is_passed_or_refused(kind, inside, beta_client):
    member = {"session.update": "session", "response.create": "response"}.get(kind, "item")
    payload = json.dumps({"type": kind, member: inside}).encode()
    (step,) = relay(beta_client).from_client(payload)
    assert isinstance(step, ToProvider | ToClient)
