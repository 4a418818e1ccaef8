"""Which frames carry audio and nothing else, told by their shape alone.

A frame that fits goes on unread, so these are proofs. A wrong "no" costs a
microsecond; a wrong "yes" would let a bill or a request go by unseen. Nothing
is searched for in the audio but the one quote that ends it.

Every spelling here has a witness in tests/dialects/openai/test_proofs.py: the
library that really prints it so.
"""

from collections.abc import Sequence

from ..shapes import Shapes, beginning, whole

# -- From a client, who may lie -----------------------------------------------------------------------------
#
# After its audio a client could put a second "type", and the last of two equal members counts. So the whole
# shape is checked: a known head, a known tail, and no quote between them. Then any JSON reader sees one
# append, or an error.

only_audio_from_client = Shapes(
    # JSON.stringify: openai-node, agents-realtime, browsers
    whole(b'{"type":"input_audio_buffer.append","audio":"', b'"}'),
    # json.dumps: openai-python, and most Python
    whole(b'{"type": "input_audio_buffer.append", "audio": "', b'"}'),
    # Members in the order of the SDK's model class: openai-agents (model_dump_json), livekit (json.dumps of
    # model_dump), openai-python (to_json, indented by two).
    whole(b'{"audio":"', b'","type":"input_audio_buffer.append"}'),
    whole(b'{"audio": "', b'", "type": "input_audio_buffer.append"}'),
    whole(b'{\n  "audio": "', b'",\n  "type": "input_audio_buffer.append"\n}'),
    # An event_id before the audio, first or second: pipecat (json.dumps), browsers.
    whole(b'{"event_id":"', b'","type":"input_audio_buffer.append","audio":"', b'"}'),
    whole(b'{"event_id": "', b'", "type": "input_audio_buffer.append", "audio": "', b'"}'),
    whole(b'{"type":"input_audio_buffer.append","event_id":"', b'","audio":"', b'"}'),
    whole(b'{"type": "input_audio_buffer.append", "event_id": "', b'", "audio": "', b'"}'),
)


# -- From a provider, who is trusted to be well-formed ------------------------------------------------------
#
# Two equal members are not expected here, so the `type` settles it, wherever the rest stands.

only_audio_from_provider = Shapes(
    # OpenAI prints tight, `type` first (OPENAI-REALTIME.md 7.3). Python servers print with spaces.
    beginning(b'{"type":"response.output_audio.delta",'),
    beginning(b'{"type": "response.output_audio.delta",'),
    beginning(b'{"type":"response.audio.delta",'),  # beta, A20
    beginning(b'{"type": "response.audio.delta",'),
    # Servers that print a struct with the event_id first.
    beginning(b'{"event_id":"', b'","type":"response.output_audio.delta",'),
    beginning(b'{"event_id": "', b'", "type": "response.output_audio.delta",'),
    beginning(b'{"event_id":"', b'","type":"response.audio.delta",'),
    beginning(b'{"event_id": "', b'", "type": "response.audio.delta",'),
)

# The agent's words, the next ones or all of them, and the end of the message that they are in: nothing else
# is in such a frame, so it may go on and be read later (OPENAI-REALTIME.md 7.3, 9.2). The end of a tool's
# call is read.
_SAID = (b"output_audio_transcript", b"output_text", b"audio_transcript", b"text")
_ENDS = (
    beginning(
        b'{"type":"response.output_item.done","event_id":"',
        b'","response_id":"',
        b'","output_index":0,"item":{"id":"',
        b'","type":"message",',
    ),
    beginning(
        b'{"type": "response.output_item.done", "event_id": "',
        b'", "response_id": "',
        b'", "output_index": 0, "item": {"id": "',
        b'", "type": "message",',
    ),
)
only_words_from_provider = Shapes(
    *(
        beginning(b'{"type":' + space + b'"response.' + said + b"." + kind + b'",')
        for kind in (b"delta", b"done")
        for said in _SAID
        for space in (b"", b" ")
    ),
    *_ENDS,
)
_ITEM_DONE = tuple(shape.parts[0] for shape in _ENDS)


def words_to_read(frames: Sequence[bytes]) -> Sequence[bytes]:
    """Of proven words: all of them, or no more than the whole where it takes the place of all before it."""
    *before, last = frames
    if ends_item(last):
        return [*words_to_read(before), last] if before else frames
    return [last] if before and _is_whole_of(before, last) else frames


def ends_item(payload: bytes) -> bool:
    return payload.startswith(_ITEM_DONE)


def _is_whole_of(frames: Sequence[bytes], whole: bytes) -> bool:
    """True only if all of those say that they belong to the same place, and it is the whole's. What stands
    between the event_id and the words says it; where it does not, nobody knows. Nearly always it stands in
    all of them at the same distance from the beginning."""
    first = frames[0]
    end = first.find(b'"delta":')
    start = first.find(b'"response_id":', 0, max(0, end))
    place = first[start:end]
    # `find`, because `in` first takes the needle for a number and makes an exception of it (CPython 3.11).
    told = start >= 0 and place.find(b'"item_id":') >= 0 and place.find(b'"content_index":') >= 0
    if not told or place.find(b'"event_id":') >= 0:
        return False
    kind_end, end = first.find(b","), end + len(b'"delta":')
    kind = first[:kind_end]
    at = whole.find(b'"response_id":')
    if whole[: whole.find(b",")] != kind.replace(b'.delta"', b'.done"') or not whole.startswith(place, at):
        return False
    if not whole.startswith((b'"transcript":', b'"text":'), at + len(place)):
        return False
    place = first[start:end]
    for frame in frames:
        if frame[:kind_end] != kind:
            return False
        # Compared as slices, which cost a third of what `startswith` does (CPython 3.11).
        if frame[start:end] != place:
            at = frame.find(b'"response_id":')
            if at < 0 or not frame.startswith(place, at):
                return False
    return True


# A part of an item was opened or closed. Who has to close the reply in the provider's place must know, nobody
# else.
only_parts_from_provider = Shapes(
    *(
        beginning(b'{"type":' + space + b'"response.content_part.' + kind + b'",')
        for kind in (b"added", b"done")
        for space in (b"", b" ")
    )
)


def is_of_item(payload: bytes, item_id: str) -> bool:
    """Of a proven part. Inside of a string no quote stands bare, so what is found is a member; False says
    nothing."""
    return payload.find(b'"item_id":"%s"' % item_id.encode("utf-8", "replace")) >= 0


# What no reader of provider_side.py listens for. It goes to a GA client as it came; a beta client has other
# names for some of it.
only_idle_from_provider = Shapes(
    # The agent's own item takes its place, before there is anything in it, and the user's before its words
    # are known, of a turn that was told already (OPENAI-REALTIME.md 9.2). Others say something.
    whole(
        b'{"type":"conversation.item.added","event_id":"',
        b'","previous_item_id":"',
        b'","item":{"id":"',
        b'","type":"message","status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]}}',
    ),
    whole(
        b'{"type":"conversation.item.added","event_id":"',
        b'","previous_item_id":"',
        b'","item":{"id":"',
        b'","type":"message","status":"in_progress","role":"assistant","content":[]}}',
    ),
    *(
        beginning(b'{"type":' + space + b'"' + kind + b'",')
        for kind in (
            b"response.output_audio.done",
            b"response.function_call_arguments.delta",
            b"conversation.item.done",
            b"rate_limits.updated",
        )
        for space in (b"", b" ")
    ),
)


def envelope_bytes(payload: bytes) -> int:
    """How much of a proven provider frame is not base64. A sample for its neighbours: within one item only
    the length of the event_id may vary, by a character or two, which is far below a millisecond of
    audio."""
    name = payload.find(b'"delta"')
    start = payload.find(b'"', name + 7) + 1
    end = payload.find(b'"', start)
    return len(payload) - (end - start) if 0 <= name < start <= end else len(payload)
