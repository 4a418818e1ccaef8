"""Laws of the pure conversation: whatever a client sends, in whatever order, and whatever the clock, voice
and ears do.

1. No message makes it raise, and what it says is valid for OpenAI's own SDK (PureCall validates every
event). 2. Every response.created gets exactly one response.done, and nothing of a response follows that. 3.
At most one reply of the conversation is active. 4. No id is used before it was introduced, event ids are
unique, indices are told in order. 5. Deltas add up to what is told as done.
"""

import base64
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from local_talk import Event, PureCall, silence, speech

LOUD, QUIET = (base64.b64encode(make(300)).decode() for make in (speech, silence))

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
# Small, so that client events meet items and replies that are there.
item_ids = st.sampled_from(["mine_1", "mine_2", *(f"item_{number}" for number in range(1, 6)), "item_zz"])
texts = st.sampled_from(["hello", "count to nine", "my name is Ada", "call lookup for 4", "Say: one two", ""])
contents = st.one_of(
    st.fixed_dictionaries({"type": st.just("input_text"), "text": texts}),
    st.fixed_dictionaries({"type": st.just("input_audio"), "audio": st.sampled_from(["", LOUD])}),
    st.fixed_dictionaries({"type": st.just("input_image"), "image_url": st.just("data:,")}),
)
items = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("message"), "role": st.just("user"), "content": st.lists(contents, max_size=3)},
        optional={"id": item_ids},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.just("assistant"),
            "content": st.just([{"type": "output_text", "text": "well"}]),
        },
        optional={"id": item_ids},
    ),
    st.fixed_dictionaries(
        {"type": st.just("function_call_output"), "call_id": st.just("call_1"), "output": texts}
    ),
)
tool = {"type": "function", "name": "lookup", "parameters": {"properties": {"row": {"type": "integer"}}}}
detections = st.sampled_from(
    [
        None,
        {"type": "server_vad"},
        {"type": "server_vad", "interrupt_response": False, "idle_timeout_ms": 5000},
        {"type": "server_vad", "create_response": False},
        {"type": "semantic_vad", "eagerness": "high"},
    ]
)
formats = st.sampled_from(
    [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
)
answering: dict[Any, st.SearchStrategy[Any]] = {
    "output_modalities": st.sampled_from([["text"], ["audio"]]),
    "max_output_tokens": st.sampled_from([1, 5, "inf"]),
    "tools": st.sampled_from([[], [tool]]),
    "tool_choice": st.sampled_from(["auto", "none", "required"]),
}
sessions = st.fixed_dictionaries(
    {"type": st.just("realtime")},
    optional={
        **answering,
        "instructions": texts,
        "audio": st.fixed_dictionaries(
            {
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "turn_detection": detections,
                        "format": formats,
                        "transcription": st.sampled_from([None, {"model": "whisper-1"}, {"model": "m"}]),
                    },
                ),
                "output": st.fixed_dictionaries(
                    {}, optional={"format": formats, "voice": st.sampled_from(["marin", "cedar"])}
                ),
            }
        ),
        "truncation": st.sampled_from(
            ["auto", "disabled", {"type": "retention_ratio", "retention_ratio": 0.5}]
        ),
    },
)
responses = st.fixed_dictionaries(
    {},
    optional={
        **answering,
        "conversation": st.sampled_from(["auto", "none"]),
        "input": st.lists(
            items | st.fixed_dictionaries({"type": st.just("item_reference"), "id": item_ids}), max_size=2
        ),
        "instructions": st.none() | texts,
    },
)


def event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


valid = st.one_of(
    event("session.update", session=sessions),
    event("input_audio_buffer.append", audio=st.sampled_from([LOUD, QUIET, "AAA=", ""])),
    event("input_audio_buffer.append", audio=st.sampled_from([LOUD, QUIET])),
    event("input_audio_buffer.commit"),
    event("input_audio_buffer.clear"),
    event("conversation.item.create", item=items),
    event("conversation.item.create", item=items, previous_item_id=item_ids | st.just("root")),
    event("conversation.item.delete", item_id=item_ids),
    event("conversation.item.retrieve", item_id=item_ids),
    event(
        "conversation.item.truncate",
        item_id=item_ids,
        content_index=st.integers(0, 1),
        audio_end_ms=st.sampled_from([0, 100, 100_000]),
    ),
    event("response.create", response=responses),
    event("response.create", response=st.just({"output_modalities": ["text"]})),
    event("response.create"),
    event("response.cancel"),
    event("response.cancel", response_id=st.sampled_from(["resp_1", "resp_2"])),
)


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A valid event with one field replaced, added or taken away, at the top or one below."""
    made = dict(draw(valid))
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


encoded = valid.map(msgspec.json.encode)
nonsense = st.one_of(
    spoilt().map(msgspec.json.encode), json_values.map(msgspec.json.encode), st.binary(max_size=20)
)
passing_ms = st.sampled_from([0, 1, 50, 500, 7000])
steps = st.one_of(encoded, encoded, nonsense, passing_ms, st.sampled_from(["hear", "hear nothing"]))


def scene(*parts: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """A few steps that belong together, so that what takes several is met often enough."""
    return st.tuples(*parts).map(list)


ask = event("response.create", response=responses).map(msgspec.json.encode)
append_loud, append_quiet = (
    event("input_audio_buffer.append", audio=st.just(audio)).map(msgspec.json.encode)
    for audio in (LOUD, QUIET)
)
scenes = st.one_of(
    steps.map(lambda step: [step]),
    scene(event("conversation.item.create", item=items).map(msgspec.json.encode), ask, passing_ms),
    scene(append_loud, append_quiet, passing_ms),
    scene(ask, passing_ms, append_loud, encoded),
)
scripts = st.lists(scenes, min_size=1, max_size=10).map(lambda made: [step for one in made for step in one])


@given(scripts, st.booleans())
def test_any_client_is_answered_in_order(script: list[Any], holds_ears: bool) -> None:
    call = PureCall(hears=iter(lambda: "hello", None))
    call.holds_ears = holds_ears
    for step in script:
        if isinstance(step, bytes):
            call.send_raw(step)
        elif isinstance(step, int):
            call.run(step)
        elif call.listening:
            call.hear("what is my name" if step == "hear" else None)
    while call.listening:
        call.hear(None)
    call.send("response.cancel")  # one may wait for an idle timeout after another for ever
    call.send("session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    call.run(300_000)
    watch(call.events)


def test_the_generator_meets_what_the_laws_are_about() -> None:
    """Else they hold for nothing."""
    met: Counter[str] = Counter()

    @settings(max_examples=150, database=None, derandomize=True)
    @given(scripts)
    def gather(script: list[Any]) -> None:
        call = PureCall(hears=iter(lambda: "hello", None))
        for step in script:
            if isinstance(step, bytes):
                call.send_raw(step)
            elif isinstance(step, int):
                call.run(step)
        met.update({event["type"] for event in call.events})
        met.update({event["response"]["status"] for event in call.events if event["type"] == "response.done"})

    gather()
    for kind in (
        "response.output_audio.delta",
        "response.output_text.delta",
        "input_audio_buffer.speech_stopped",
        "conversation.item.retrieved",
        "completed",
        "cancelled",
    ):
        assert met[kind] >= 1, f"{kind} was met {met[kind]} times in 150 calls"


def watch(events: list[Event]) -> None:
    """Reads a whole call as a client would, and holds it to the laws."""
    introduced = {"conv_1"}
    active: set[str] = set()
    over: set[str] = set()
    outside: set[str] = set()
    said: Counter[tuple[str, str]] = Counter()
    texts: dict[tuple[str, str], str] = {}
    assert len({event["event_id"] for event in events}) == len(events)
    for event in events:
        kind = event["type"]
        if kind == "response.created":
            reply = event["response"]
            assert reply["id"] not in introduced
            introduced.add(reply["id"])
            if reply["conversation_id"] is None:
                outside.add(reply["id"])
            else:
                assert active <= outside, "two replies of the conversation at once"
            active.add(reply["id"])
        elif kind == "response.done":
            reply = event["response"]
            active.remove(reply["id"])
            over.add(reply["id"])
            said["done", reply["id"]] += 1
            usage = reply["usage"]
            assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
            assert usage["input_token_details"]["cached_tokens"] <= usage["input_tokens"]
        elif kind.startswith("response."):
            assert event["response_id"] in active, f"{kind} of a response that is not running"
        _introduce(event, introduced)
        _add_up(event, texts)
    assert not active, "a reply without an end"
    assert all(count == 1 for count in said.values())


def _introduce(event: Event, introduced: set[str]) -> None:
    kind = event["type"]
    if kind in (
        "input_audio_buffer.speech_started",
        "input_audio_buffer.committed",
        "input_audio_buffer.timeout_triggered",
    ):
        introduced.add(event["item_id"])
    elif kind in ("conversation.item.added", "response.output_item.added"):
        introduced.add(event["item"]["id"])
    else:
        used = [event.get("item_id"), event.get("previous_item_id"), event.get("item", {}).get("id")]
        unknown = {one for one in used if one is not None} - introduced
        assert not unknown, f"{kind} uses {unknown}"


def _add_up(event: Event, texts: dict[tuple[str, str], str]) -> None:
    stem, _, end = event["type"].rpartition(".")
    key = (stem, event.get("item_id", ""))
    if end == "delta":
        texts[key] = texts.get(key, "") + event["delta"]
    elif end in ("done", "completed") and stem.startswith(
        ("response.output_text", "response.output_audio_transcript")
    ):
        assert texts.pop(key, "") == event.get("text", event.get("transcript"))
    elif stem == "response.function_call_arguments":
        assert texts.pop(key, "") == event["arguments"]
