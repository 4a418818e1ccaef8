"""A client of a relay says how much of a reply was heard: at most what it was sent, never into an error."""

import msgspec
import pytest

import openai_frames as openai
from calls import Clock, granted, ids
from openai_frames import AUDIO_MS, frame, is_for_client, transcript_delta
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session.choice import Health
from realtime_switch.session.session import Session
from realtime_switch.session.steps import PASS, ToClient, ToProvider
from realtime_switch.session.way import Way, Ways

SPACED = openai.AUDIO.replace(b'{"type"', b'{ "type"')  # another spelling, so it is read
WORDS = "It is free today indeed"


def call(beta=False):
    clock, new_id = Clock(), ids()
    targets = [Target(provider=name, model="m") for name in "ab"]
    made = Session(
        run_id="run",
        client=openai_dialect,
        client_side=openai_dialect.ClientSide(new_id, beta),
        choose=lambda model: Ways(
            ways=tuple(Way(target, Terms(), openai_dialect) for target in targets), on_drop="next"
        ),
        model="m",
        health=Health(clock),
        now_us=clock,
        random=lambda: 0.5,
        new_id=new_id,
    )
    made.begin()
    granted(made)
    return up(made)


def up(made):
    made.provider_opened(made.generation)
    made.from_provider(made.generation, openai.SESSION_CREATED)
    return made


def hear(made, *said):
    """The session's steps, of what it does not let pass."""
    steps = []
    for one in said:
        if made.passes_from_provider(one):
            continue
        answer = made.from_provider(made.generation, one)
        steps += [] if answer is PASS else answer
    return steps


def speaking(made=None, *audio):
    """An agent that has said so much."""
    made = made or call()
    hear(made, openai.COMMITTED, openai.TRANSCRIBED, openai.RESPONSE_CREATED, openai.ITEM_ADDED)
    hear(made, transcript_delta(WORDS), *(audio or [openai.AUDIO] * 3))
    return made


def truncate(heard_ms, item_id="item_a", **members):
    said = {"item_id": item_id, "content_index": 0, "audio_end_ms": heard_ms, **members}
    return frame("conversation.item.truncate", **said)


def asked(made, payload):
    """What goes to the provider, and what comes back to the client."""
    steps = made.from_client(payload)
    if steps is PASS:
        return [payload], []
    to_provider = [step.payload for step in steps if isinstance(step, ToProvider)]
    to_client = [step.payload for step in steps if isinstance(step, ToClient)]
    assert all(map(is_for_client, to_client))
    return to_provider, [decoded(payload) for payload in to_client]


def decoded(payload):
    return msgspec.json.decode(payload)


def told(heard_ms, item_id="item_a"):
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": heard_ms,
    }


def nameless(event):
    return {name: value for name, value in event.items() if name != "event_id"}


def remembered(made):
    """The agent's words, as the next provider would be told them."""
    return made.taps.history().partition("agent: ")[2]


@pytest.mark.parametrize("audio", [[openai.AUDIO] * 3, [SPACED] * 3, [openai.AUDIO, SPACED, openai.AUDIO]])
@pytest.mark.parametrize(("heard_ms", "asked_ms"), [(300, 300), (301, 300), (100_000, 300), (250, 250)])
def test_no_more_is_said_to_be_heard_than_was_sent(audio, heard_ms, asked_ms):
    """Read or unread, the audio is counted when the client speaks of it."""
    (said,), shown = asked(speaking(None, *audio), truncate(heard_ms, event_id="c1"))
    assert decoded(said) == decoded(truncate(asked_ms, event_id="c1"))
    assert shown == []


def test_what_is_certain_goes_on_as_the_object_that_came():
    said = truncate(50)
    assert speaking().from_client(said)[0].payload is said
    said = truncate(290, event_id="c1")
    assert speaking().from_client(said)[0].payload is said


def test_g711_is_counted_as_what_it_is():
    audio = {**openai.SESSION["audio"], "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"}}
    made = call()
    hear(made, frame("session.updated", event_id="e", session={**openai.SESSION, "audio": audio}))
    (said,), _ = asked(speaking(made), truncate(10_000))
    assert decoded(said)["audio_end_ms"] == 3 * AUDIO_MS * 6, "4800 bytes are 600 ms"


def test_more_audio_after_the_count_is_counted_too():
    made = speaking()
    asked(made, truncate(100))
    hear(made, openai.AUDIO)
    (said,), _ = asked(made, truncate(1_000))
    assert decoded(said)["audio_end_ms"] == 400


def test_after_a_truncation_no_more_is_there_than_was_left():
    made = speaking()
    asked(made, truncate(50))
    hear(made, openai.TRUNCATED)
    (said,), _ = asked(made, truncate(100))
    assert decoded(said)["audio_end_ms"] == 50


def test_a_provider_that_counts_less_does_not_make_the_client_deaf():
    made = speaking()
    (said,), _ = asked(made, truncate(310))
    name = decoded(said)["event_id"]
    words = "Audio content of 299ms is already shorter than 300ms"
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": words, "param": None}
    (step,) = [
        step
        for step in hear(made, frame("error", event_id="e", error={**error, "event_id": name}))
        if isinstance(step, ToClient)
    ]
    assert is_for_client(step.payload)
    assert nameless(decoded(step.payload)) == told(300)
    assert remembered(made) == WORDS
    again = frame("error", event_id="e", error={**error, "event_id": name})
    assert any(isinstance(s, ToClient) and s.payload is again for s in hear(speaking(), again)), "once"


def test_an_error_about_anything_else_is_shown():
    made = speaking()
    asked(made, truncate(310, event_id="c9"))
    shown = [step.payload for step in hear(made, openai.ERROR) if isinstance(step, ToClient)]
    assert shown == [openai.ERROR]


def test_a_truncation_that_was_done_may_not_be_refused_later():
    made = speaking()
    asked(made, truncate(310, event_id="c1"))
    hear(made, frame(**told(300), event_id="e"))
    shown = [step.payload for step in hear(made, openai.ERROR) if isinstance(step, ToClient)]
    assert shown == [openai.ERROR]


def test_what_an_earlier_provider_said_is_cut_by_us_and_remembered_so():
    made = speaking()
    made.provider_lost(made.generation)
    to_provider, shown = asked(up(made), truncate(150))
    assert (to_provider, [*map(nameless, shown)]) == ([], [told(150)])
    assert remembered(made) == "It is free"


def test_of_an_earlier_provider_too_no_more_was_heard_than_was_sent():
    made = speaking()
    made.provider_lost(made.generation)
    _, shown = asked(up(made), truncate(5_000))
    assert [*map(nameless, shown)] == [told(300)]
    assert remembered(made) == WORDS


def test_what_is_said_between_two_providers_waits_for_the_second():
    made = speaking()
    made.provider_lost(made.generation)
    assert asked(made, truncate(150)) == ([], [])
    made.provider_opened(made.generation)
    steps = made.from_provider(made.generation, openai.SESSION_CREATED)
    shown = [nameless(decoded(step.payload)) for step in steps if isinstance(step, ToClient)]
    assert told(150) in shown


def test_the_new_provider_has_its_own_items():
    made = speaking()
    made.provider_lost(made.generation)
    up(made)
    hear(made, openai.RESPONSE_CREATED, openai.ITEM_ADDED, openai.AUDIO)
    (said,), shown = asked(made, truncate(5_000))
    assert (decoded(said)["audio_end_ms"], shown) == (100, [])


@pytest.mark.parametrize(
    ("item_id", "code"),
    [("item_x", "item_truncate_invalid_item_id"), ("item_u", "unsupported_content_type")],
)
def test_what_nobody_said_is_refused_in_openais_words(item_id, code):
    made = speaking()
    made.provider_lost(made.generation)
    to_provider, (error,) = asked(up(made), truncate(10, item_id, event_id="c1"))
    assert to_provider == []
    assert (error["error"]["code"], error["error"]["event_id"]) == (code, "c1")


def test_the_users_own_item_is_the_providers_to_refuse():
    said = truncate(10, "item_u")
    assert asked(speaking(), said) == ([said], [])


@pytest.mark.parametrize("heard_ms", [None, -1, 1.5, "5", True])
def test_what_is_no_number_is_the_providers_to_refuse(heard_ms):
    said = truncate(heard_ms)
    assert asked(speaking(), said) == ([said], [])


def test_a_beta_client_is_answered_likewise():
    made = speaking(call(beta=True))
    made.provider_lost(made.generation)
    steps = up(made).from_client(truncate(150))
    (shown,) = [step.payload for step in steps if isinstance(step, ToClient)]
    assert is_for_client(shown, beta=True)
    assert nameless(decoded(shown)) == told(150)
