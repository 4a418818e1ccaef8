"""What passes unread is read in time: a call remembers and tells the same as if it were read at once.

The same life is lived twice, once as OpenAI spells it, once with a space that defeats the proof of words and
parts.
"""

from hypothesis import given
from hypothesis import strategies as st

import openai_frames as openai
from calls import Clock, granted, session
from openai_frames import frame, message
from realtime_switch.dialects.acts import ReplyItemDone, ReplyPart, ReplyText, ReplyTranscript
from realtime_switch.dialects.openai import (
    is_of_item,
    only_parts_from_provider,
    only_words_from_provider,
    read,
    words_to_read,
)
from realtime_switch.session.steps import PASS, Keep, ToClient

SPEECH_STARTED = frame("input_audio_buffer.speech_started", event_id="e", item_id="item_v", audio_start_ms=1)
SPEECH_STOPPED = frame("input_audio_buffer.speech_stopped", event_id="e", item_id="item_v", audio_end_ms=2)
DELTAS = ("response.output_audio_transcript.delta", "response.output_text.delta")
WHOLES = {"output_audio_transcript": "transcript", "output_text": "text"}


def place(item, part):
    return {"response_id": "resp_1", "item_id": item, "output_index": 0, "content_index": part}


parts = st.integers(0, 1)
text = st.text(st.sampled_from('ab "\\é\n '), max_size=6)


def words_of(item):
    return st.builds(
        lambda kind, part, delta: frame(kind, event_id="e", **place(item, part), delta=delta),
        st.sampled_from(DELTAS),
        parts,
        text,
    )


def wholes_of(item):
    return st.builds(
        lambda kind, part, said: frame(
            f"response.{kind}.done", event_id="e", **place(item, part), **{WHOLES[kind]: said}
        ),
        st.sampled_from([*WHOLES]),
        parts,
        text,
    )


def parts_of(item):
    return st.builds(
        lambda end, number, kind: frame(
            f"response.content_part.{end}", event_id="e", **place(item, number), part={"type": kind}
        ),
        st.sampled_from(["added", "done"]),
        parts,
        st.sampled_from(["audio", "text", "output_audio", "output_text"]),
    )


def told_of(item):
    """One item of a reply: it is added, and then things are said of it and of nothing else
    (OPENAI-REALTIME.md 9.2), while the user's words may arrive at any time."""
    added = frame(
        "response.output_item.added",
        event_id="e",
        response_id="resp_1",
        output_index=0,
        item=message(item, "assistant", status="in_progress"),
    )
    truncated = st.builds(
        lambda ms: frame(
            "conversation.item.truncated", event_id="e", item_id=item, content_index=0, audio_end_ms=ms
        ),
        st.integers(0, 300),
    )
    audio = st.just(openai.AUDIO.replace(b"item_a", item.encode()))
    transcribed = st.sampled_from([openai.TRANSCRIBED, SPEECH_STARTED, SPEECH_STOPPED])
    done = openai.ITEM_DONE.replace(b"item_a", item.encode())
    said = st.lists(
        st.one_of(words_of(item), words_of(item), parts_of(item), audio, wholes_of(item), transcribed),
        max_size=12,
    )
    end = st.lists(st.one_of(truncated, transcribed), max_size=2)
    return st.tuples(said, st.booleans(), end).map(
        lambda told: [added, *told[0], *([done] if told[1] else []), *told[2]]
    )


lives = st.tuples(told_of("item_a"), told_of("item_b"), st.booleans()).map(
    lambda told: [openai.RESPONSE_CREATED, *told[0], *told[1], *([openai.RESPONSE_DONE] if told[2] else [])]
)
words = words_of("item_a")
ends = st.sampled_from(["left", "lost", "later"])


def lived(life, end, spell):
    """What was kept, and what our own words to the client were."""
    clock = Clock()
    call = session(clock)
    granted(call)
    call.provider_opened(1)
    call.from_provider(1, openai.SESSION_CREATED)
    steps = []
    for said in life:
        clock.go_on(0.01)
        answer = call.from_provider(1, spell(said))
        steps += [] if answer is PASS else [step for step in answer if step != ToClient(spell(said))]
    if end == "later":  # before a silent provider counts as stalled
        clock.go_on(14)
        steps += call.woke()
    steps += call.provider_lost(1) if end == "lost" else call.client_left()
    kept = "".join(
        step.record.text for step in steps if isinstance(step, Keep) and hasattr(step.record, "text")
    )
    return kept, [step.payload for step in steps if isinstance(step, ToClient)]


def read_at_once(said):
    late = only_words_from_provider(said) or only_parts_from_provider(said)
    return said.replace(b'{"type":', b'{ "type":', 1) if late else said


@given(lives, ends)
def test_what_is_unread_is_remembered_and_told_as_if_read_at_once(life, end):
    assert lived(life, end, lambda said: said) == lived(life, end, read_at_once)


def test_the_spelling_defeats_the_proofs_and_openais_does_not():
    said = openai.transcript_delta("hi")
    assert only_words_from_provider(said)
    assert not only_words_from_provider(read_at_once(said))
    part = frame("response.content_part.added", event_id="e", **place("item_a", 0), part={"type": "audio"})
    assert only_parts_from_provider(part)
    assert not only_parts_from_provider(read_at_once(part))


@given(parts_of("item_a"))
def test_a_frame_that_passes_as_a_part_holds_nothing_else_and_says_whose_it_is(said):
    assert only_parts_from_provider(said)
    (act,) = read(said)
    assert type(act) is ReplyPart
    assert is_of_item(said, act.item_id)
    assert not is_of_item(said, "item_b")


def test_a_part_is_not_another_items_because_that_is_named_in_it():
    said = frame(
        "response.content_part.done",
        event_id="e",
        **place("item_a", 0),
        part={"type": "text", "text": '"item_id":"item_b"'},
    )
    assert is_of_item(said, "item_a")
    assert not is_of_item(said, "item_b")


@given(words | wholes_of("item_a"))
def test_a_frame_that_passes_as_words_holds_nothing_else(said):
    assert only_words_from_provider(said)
    (act,) = read(said)
    assert isinstance(act, ReplyTranscript | ReplyText)


def test_the_end_of_a_message_passes_as_words_and_that_of_a_tools_call_does_not():
    assert only_words_from_provider(openai.ITEM_DONE)
    assert read(openai.ITEM_DONE) == (ReplyItemDone("item_a"),)
    assert not only_words_from_provider(openai.ITEM_DONE.replace(b'"message"', b'"function_call"'))


@st.composite
def words_in_any_order(draw):
    """As no known provider prints them: what says where they belong may stand anywhere."""
    kind = draw(st.sampled_from(DELTAS))
    members = {"event_id": draw(st.sampled_from(["e", "f", '"delta":'])), **place(draw(items), draw(parts))}
    members["delta"] = draw(text | st.sampled_from(["delta", '"delta":', '"item_id":']))
    order = draw(st.permutations(list(members)) | st.just(list(members)))
    return frame(kind, **{name: members[name] for name in order if draw(st.integers(0, 9))})


@st.composite
def wholes_in_any_order(draw):
    kind = draw(st.sampled_from([*WHOLES]))
    members = {"event_id": draw(st.sampled_from(["e", '"response_id":'])), **place(draw(items), draw(parts))}
    members[WHOLES[kind]] = draw(text | st.sampled_from(['"transcript":', '"item_id":']))
    order = draw(st.permutations(list(members)) | st.just(list(members)))
    return frame(
        f"response.{kind}.done", **{name: members[name] for name in order if draw(st.integers(0, 9))}
    )


items = st.sampled_from(["item_a", "item_b"])


def heard(frames):
    """Of words, what they come to: the last whole of a place, and what was said after it."""
    come_to = {}
    for said in frames:
        for act in read(said):
            if isinstance(act, ReplyItemDone):
                come_to[act] = ""
                continue
            place = (type(act), act.item_id, act.part)
            come_to[place] = act.text if act.final else come_to.get(place, "") + act.text
    return come_to


said = st.one_of(words_in_any_order(), words, words_of("item_b"), wholes_in_any_order())
ended = st.sampled_from([[], [openai.ITEM_DONE]])


@given(st.lists(said, min_size=1, max_size=3), st.lists(words | wholes_of("item_a"), max_size=3), ended)
def test_nothing_is_missed_in_the_words_that_need_not_be_read(before, after, end):
    frames = [*before, *after, *end]
    assert heard(words_to_read(frames)) == heard(frames)


def test_of_openais_words_only_the_whole_is_read():
    longer = openai.transcript_delta("there").replace(b'"event_id":"', b'"event_id":"longer_')
    assert longer != openai.transcript_delta("there")
    deltas = [openai.transcript_delta("Hi"), openai.transcript_delta("there"), longer]
    whole = frame(
        "response.output_audio_transcript.done", event_id="e", **openai.PLACE, transcript="Hi there."
    )
    assert words_to_read([*deltas, whole]) == [whole]
    assert words_to_read([*deltas, whole, openai.ITEM_DONE]) == [whole, openai.ITEM_DONE]
    assert words_to_read(deltas) == deltas
    elsewhere = whole.replace(b"item_a", b"item_b")
    assert words_to_read([*deltas, elsewhere]) == [*deltas, elsewhere]
    text = whole.replace(b"output_audio_transcript", b"output_text")
    assert words_to_read([*deltas, text]) == [*deltas, text]
