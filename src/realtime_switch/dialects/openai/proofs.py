"""Which frames carry audio and nothing else, told by their shape alone.

A frame that fits goes on unread, so these are proofs. A wrong "no" costs a
microsecond; a wrong "yes" would let a bill or a request go by unseen. Nothing
is searched for in the audio but the one quote that ends it.

Every spelling here has a witness in tests/dialects/test_proofs.py: the library
that really prints it so.
"""

# -- From a client, who may lie -----------------------------------------------------------------------------
#
# After its audio a client could put a second "type", and the last of two equal members counts. So the whole
# shape is checked: a known head, a known tail, and no quote between them. Then any JSON reader sees one
# append, or an error.

_TIGHT = (
    b'{"type":"input_audio_buffer.append","audio":"'  # JSON.stringify: openai-node, agents-realtime, browsers
)
_SPACED = b'{"type": "input_audio_buffer.append", "audio": "'  # json.dumps: openai-python, and most Python
_BRACE = 0x7D
# Members in the order of the SDK's model class: openai-agents (model_dump_json), livekit (json.dumps of
# model_dump), openai-python (to_json, indented by two).
_AUDIO_FIRST = (
    (b'{"audio":"', b'","type":"input_audio_buffer.append"}'),
    (b'{"audio": "', b'", "type": "input_audio_buffer.append"}'),
    (b'{\n  "audio": "', b'",\n  "type": "input_audio_buffer.append"\n}'),
)
# An event_id before the audio, first or second: pipecat (json.dumps), browsers.
_WITH_ID = (
    (b'{"event_id":"', b'","type":"input_audio_buffer.append","audio":"'),
    (b'{"event_id": "', b'", "type": "input_audio_buffer.append", "audio": "'),
    (b'{"type":"input_audio_buffer.append","event_id":"', b'","audio":"'),
    (b'{"type": "input_audio_buffer.append", "event_id": "', b'", "audio": "'),
)


def only_audio_from_client(payload: bytes) -> bool:
    if payload.startswith(_TIGHT):
        return payload.find(b'"', len(_TIGHT)) == len(payload) - 2 and payload[-1] == _BRACE
    if payload.startswith(_SPACED):
        return payload.find(b'"', len(_SPACED)) == len(payload) - 2 and payload[-1] == _BRACE
    for head, middle in _WITH_ID:
        if payload.startswith(head):
            return _closes(payload, payload.find(b'"', len(head)), middle)
    for head, tail in _AUDIO_FIRST:
        if payload.startswith(head):
            return payload.endswith(tail) and payload.find(b'"', len(head)) == len(payload) - len(tail)
    return False


def audio_from_client(payload: bytes) -> bytes | None:
    """The base64 of a frame that is proven to be audio, cut out without reading it."""
    if not only_audio_from_client(payload):
        return None
    if payload.startswith(_TIGHT):
        return payload[len(_TIGHT) : -2]
    if payload.startswith(_SPACED):
        return payload[len(_SPACED) : -2]
    for head, tail in _AUDIO_FIRST:
        if payload.startswith(head):
            return payload[len(head) : -len(tail)]
    end = len(payload) - 2
    return payload[payload.rfind(b'"', 0, end) + 1 : end]


def _closes(payload: bytes, id_end: int, middle: bytes) -> bool:
    """The event_id ends where its first quote is; an escaped quote there would not be followed by
    `middle`."""
    return (
        id_end > 0
        and payload.startswith(middle, id_end)
        and payload[id_end - 1] != 0x5C  # a backslash: the quote would be part of the id
        and payload.find(b'"', id_end + len(middle)) == len(payload) - 2
        and payload[-1] == _BRACE
    )


# -- From a provider, who is trusted to be well-formed ------------------------------------------------------
#
# Two equal members are not expected here, so the `type` settles it, wherever the rest stands.

# OpenAI prints tight, `type` first (OPENAI-REALTIME.md 7.3). Python servers print with spaces.
_PROVIDER_HEADS = (
    b'{"type":"response.output_audio.delta",',
    b'{"type": "response.output_audio.delta",',
    b'{"type":"response.audio.delta",',  # beta, A20
    b'{"type": "response.audio.delta",',
)
# Servers that print a struct with the event_id first.
_PROVIDER_ID_HEADS = (b'{"event_id":"', b'{"event_id": "')
_PROVIDER_AFTER_ID = (
    b'","type":"response.output_audio.delta",',
    b'", "type": "response.output_audio.delta",',
    b'","type":"response.audio.delta",',
    b'", "type": "response.audio.delta",',
)


def only_audio_from_provider(payload: bytes) -> bool:
    if payload.startswith(_PROVIDER_HEADS):
        return payload.endswith(b"}")  # else it was cut off, and no client could read it
    if payload.startswith(_PROVIDER_ID_HEADS):
        return payload.endswith(b"}") and payload.startswith(_PROVIDER_AFTER_ID, payload.find(b'"', 14))
    return False


# The agent's next words: nothing else is in such a frame, so it may go on and be read later, or never, when
# the whole of the words has come meanwhile (OPENAI-REALTIME.md 7.3: a done with all of them follows).
_WORDS_HEADS = tuple(
    b'{"type":' + space + b'"response.' + kind + b'.delta",'
    for kind in (b"output_audio_transcript", b"output_text", b"audio_transcript", b"text")
    for space in (b"", b" ")
)


def only_words_from_provider(payload: bytes) -> bool:
    return payload.startswith(_WORDS_HEADS) and payload.endswith(b"}")


def envelope_bytes(payload: bytes) -> int:
    """How much of a proven provider frame is not base64. A sample for its neighbours: within one item only
    the length of the event_id may vary, by a character or two, which is far below a millisecond of
    audio."""
    name = payload.find(b'"delta"')
    start = payload.find(b'"', name + 7) + 1
    end = payload.find(b'"', start)
    return len(payload) - (end - start) if 0 <= name < start <= end else len(payload)
