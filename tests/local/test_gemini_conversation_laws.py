"""Laws of the pure conversation: whatever a client sends, in whatever order, and whatever the clock, voice
and ears do.

1. No message makes it raise, what it says is valid for Google's own SDK (PureGemini validates every frame),
and nothing follows a close. 2. Nothing is said before setupComplete, which is said once. 3. Speech is
followed by exactly one turnComplete with its usage; after `interrupted` it comes without a
generationComplete. 4. A call's id is told once, and is taken back or answered at most once. 5. What was
billed is what the usage says.
"""

import base64
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from local_gemini import MODEL, PureGemini, is_done, validated
from local_talk import Event, silence, speech
from realtime_switch.local.gemini.habits import SHAPES, Habits

LOUD, QUIET = (base64.urlsafe_b64encode(make(700, 16_000)).decode() for make in (speech, silence))
TOOLS = [
    {
        "functionDeclarations": [
            {"name": "lookup", "behavior": "BLOCKING", "parameters": {"type": "OBJECT"}},
            {"name": "order", "behavior": "NON_BLOCKING"},
        ]
    }
]
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
texts = st.sampled_from(
    ["hello", "count to nine", "call lookup for 4", "call order now", "Say: one two", " "]
)
blobs = st.sampled_from([LOUD, QUIET, "AAA=", ""]).flatmap(
    lambda data: st.sampled_from(["audio/pcm", "audio/pcm;rate=24000", "audio/pcm;rate=16000"]).map(
        lambda mime: {"mimeType": mime, "data": data}
    )
)
contents = st.one_of(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "model"]),
            "parts": st.lists(texts.map(lambda t: {"text": t}), max_size=2),
        }
    ),
)
realtime = st.one_of(
    blobs.map(lambda blob: {"audio": blob}),
    blobs.map(lambda blob: {"mediaChunks": [blob]}),
    texts.map(lambda text: {"text": text}),
    st.sampled_from(
        [
            {"audioStreamEnd": True},
            {"activityStart": {}},
            {"activityEnd": {}},
            {"video": {"mimeType": "image/jpeg", "data": "AAAA"}},
        ]
    ),
)
responses = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["fc_1", "fc_2", "fc_3"]), "response": st.just({"n": 1})},
        optional={
            "scheduling": st.sampled_from(["SILENT", "WHEN_IDLE", "INTERRUPT"]),
            "willContinue": st.booleans(),
        },
    ),
    max_size=2,
)
messages = st.one_of(
    realtime.map(lambda value: {"realtimeInput": value}),
    realtime.map(lambda value: {"realtime_input": value}),
    st.fixed_dictionaries({"turns": st.lists(contents, max_size=2), "turnComplete": st.booleans()}).map(
        lambda value: {"clientContent": value}
    ),
    responses.map(lambda value: {"toolResponse": {"functionResponses": value}}),
    st.just({"contextUpdate": {"tools": {"tools": TOOLS}}}),
)
setups = st.fixed_dictionaries(
    {"model": st.just(MODEL)},
    optional={
        "tools": st.just(TOOLS),
        "generationConfig": st.sampled_from([{}, {"maxOutputTokens": 3}]),
        "realtimeInputConfig": st.sampled_from(
            [
                {"automaticActivityDetection": {"disabled": True}},
                {"activityHandling": "NO_INTERRUPTION"},
                {"turnCoverage": 1},
            ]
        ),
        "outputAudioTranscription": st.just({}),
        "inputAudioTranscription": st.just({}),
        "sessionResumption": st.just({}),
    },
)


@st.composite
def spoilt(draw: st.DrawFn) -> Event:
    """A valid message with one field replaced, added or taken away, at the top or one below."""
    made = dict(draw(messages | setups.map(lambda setup: {"setup": setup})))
    nested = [name for name, value in made.items() if isinstance(value, dict)]
    target = made
    if nested and draw(st.booleans()):
        name = draw(st.sampled_from(nested))
        made[name] = target = dict(made[name])
    if target and draw(st.booleans()):
        del target[draw(st.sampled_from(sorted(target)))]
    else:
        target[draw(st.sampled_from([*sorted(target), "extra"]))] = draw(json_values)
    return made


steps = st.one_of(
    messages.map(msgspec.json.encode),
    messages.map(msgspec.json.encode),
    st.sampled_from([0, 1, 50, 500, 7000]),
    st.sampled_from(["hear", "hear nothing"]),
)
nonsense = st.one_of(
    spoilt().map(msgspec.json.encode), json_values.map(msgspec.json.encode), st.binary(max_size=20)
)
all_habits = st.builds(
    Habits, **{name: st.booleans() for name in Habits.__struct_fields__ if name != "vertex"}
)


def play(habits: Habits, setup: Event, script: list[Any]) -> PureGemini:
    call = PureGemini(habits)
    call.holds_ears = True
    call.send(setup=setup)
    for step in script:
        if isinstance(step, bytes):
            call.send_raw(step)
        elif isinstance(step, int):
            call.run(step)
        elif call.listening:
            call.hear("count to nine" if step == "hear" else None)
    while call.listening:
        call.hear("thank you")
    call.run(600_000)
    return call


def content(event: Event) -> Event:
    return dict(event.get("serverContent", {}))


@settings(max_examples=150, deadline=None)
@given(all_habits | st.sampled_from([SHAPES["2.5"], SHAPES["vertex"]]), setups, st.lists(steps, max_size=12))
def test_a_call_keeps_its_promises(habits: Habits, setup: Event, script: list[Any]) -> None:
    call = play(habits, setup, script)
    events = call.events
    assert ["setupComplete" in event for event in events].count(True) == 1
    assert "setupComplete" in events[0]
    speaking = interrupted = False
    called: list[str] = []
    taken_back: list[str] = []
    for event in events:
        said = content(event)
        if said.get("interrupted"):
            interrupted = True
        if "modelTurn" in said or said.get("generationComplete"):
            assert not interrupted, "what is interrupted says nothing more"
            speaking = True
        if is_done(event):
            speaking = interrupted = False
            assert "usageMetadata" in event
        else:
            assert not interrupted or "interrupted" in said, "turnComplete follows interrupted at once"
        called += [one["id"] for one in event.get("toolCall", {}).get("functionCalls", ()) if "id" in one]
        taken_back += event.get("toolCallCancellation", {}).get("ids", ())
    assert not interrupted
    assert not speaking or call.ended is not None
    assert len(set(called)) == len(called)
    assert len(set(taken_back)) == len(taken_back)
    assert set(taken_back) <= set(called)
    totals = [event["usageMetadata"] for event in events if event.get("usageMetadata")]
    told = sum(one.get("totalTokenCount", 0) + one.get("thoughtsTokenCount", 0) for one in totals)
    assert told == sum(bill.input + bill.output for bill in call.bills)


@settings(max_examples=200, deadline=None)
@given(st.booleans(), st.lists(nonsense | steps, max_size=8))
def test_nothing_makes_it_raise(set_up: bool, script: list[Any]) -> None:
    call = PureGemini(setup={} if set_up else None)
    for step in script:
        if isinstance(step, bytes):
            call.send_raw(step)
        elif isinstance(step, int):
            call.run(step)
    for event in call.events:
        validated(event)
    if call.ended is not None:
        assert call.ended.code in (1007, 1008, 1011)
        assert 0 < len(call.ended.reason.encode()) <= 123


@settings(max_examples=60, deadline=None)
@given(st.lists(messages.map(msgspec.json.encode) | st.sampled_from([100, 3000]), max_size=6))
def test_a_session_is_the_same_over_all_its_connections(script: list[Any]) -> None:
    """What is known after it, is known however often the connection was changed on the way."""

    def told(changes: bool) -> list[Any]:
        call = PureGemini(setup={"sessionResumption": {}, "tools": TOOLS})
        for step in [*script]:
            if isinstance(step, int):
                call.run(step)
            elif call.ended is None:
                call.send_raw(step)
                call.run(60_000)
                if changes and call.ended is None:
                    handles = [
                        one["sessionResumptionUpdate"]
                        for one in call.events
                        if "sessionResumptionUpdate" in one
                    ]
                    call.conversation.gone()
                    handle = {"handle": handles[-1]["newHandle"]}
                    call = PureGemini(after=call, setup={"sessionResumption": handle, "tools": TOOLS})
        talk = call.conversation._talk  # type: ignore[attr-defined]
        return [] if talk is None else [*talk._past.turns(), *talk._past.calls]

    if not any(isinstance(step, bytes) and b"audio" in step for step in script):
        assert told(True) == told(False)
