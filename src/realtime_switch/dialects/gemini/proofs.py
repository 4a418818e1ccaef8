"""Which frames carry audio and nothing else, told by their shape alone.

A frame that fits goes on unread, so these are proofs. A wrong "no" costs a
microsecond; a wrong "yes" would let a bill or a request go by unseen.

Messages of this dialect have no type: what else is in one can stand before the
audio, beside it and after it. So on both ways the whole shape is checked: a
known head, no quote in the audio, a known tail. Every spelling here has a
witness in tests/dialects/gemini/test_proofs.py: who really prints it so.
"""

from collections.abc import Iterable, Sequence

from ..shapes import Shape, Shapes, whole

_QUOTE = b'"'

# -- From a client, who may lie -----------------------------------------------------------------------------
#
#     {"realtime_input": {"audio": {"data": "…", "mime_type": "audio/pcm;rate=16000"}}}      Python
#     {"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"…"}}}             JavaScript
#
# Python's names are in snake_case, or some of them, and its base64 is URL-safe (GEMINI-LIVE.md 2). The order
# within is the caller's in JavaScript and in hand-made clients. `mediaChunks` is the old name of `audio`.

# (message, holder, mime type): the casings that are printed together.
_NAMES = (
    (b"realtime_input", b"audio", b"mime_type"),  # google-genai for Python, and so LiveKit and pipecat
    (b"realtimeInput", b"audio", b"mimeType"),  # JavaScript, browsers
    (b"realtime_input", b"mediaChunks", b"mime_type"),  # google-genai for Python with `media`
    (b"realtimeInput", b"mediaChunks", b"mimeType"),
    (b"realtime_input", b"media_chunks", b"mime_type"),  # Google's first samples
)


def _client_shapes() -> Iterable[Shape]:
    """What follows in the mime type's string, as a rate does, makes nothing else of the message."""
    for message, holder, mime in _NAMES:
        opens, closes = (b"{", b"}}}") if holder == b"audio" else (b"[{", b"}]}}")
        for space in (b"", b" "):
            colon, comma = b'":' + space, b'",' + space + b'"'
            head = b'{"' + message + colon + b'{"' + holder + colon + opens + b'"'
            end = b'"' + closes
            yield whole(head + b"data" + colon + b'"', comma + mime + colon + b'"audio/pcm', end, cut=0)
            yield whole(head + mime + colon + b'"audio/pcm', comma + b"data" + colon + b'"', end)


only_audio_from_client = Shapes(*_client_shapes())

# -- From a provider, who is trusted to be well-formed ------------------------------------------------------
#
# The service prints indented by two with a line break at the end; servers like it print tight or with
# spaces. `role` is printed by some models and stands before or after the parts.

_INDENTED, _TIGHT, _SPACED = "indented", "tight", "spaced"


def _printed(style: str, lines: list[tuple[int, bytes]]) -> bytes:
    """Pieces of a message, each with its depth, as the style has them."""
    if style == _INDENTED:
        return b"".join(b"\n" + b"  " * depth + piece if depth >= 0 else piece for depth, piece in lines)
    whole = b"".join(piece if piece != b"," else b", " if style == _SPACED else piece for _, piece in lines)
    return whole if style == _SPACED else whole.replace(b'": ', b'":')


def _provider_shapes() -> Iterable[Shape]:
    role = [(3, b'"role": "model"')]
    for style in (_INDENTED, _TIGHT, _SPACED):
        for role_first in (False, True):
            for mime in (b"audio/pcm;rate=24000", b"audio/pcm"):
                head = [(-1, b"{"), (1, b'"serverContent": {'), (2, b'"modelTurn": {')]
                head += [*role, (-1, b",")] if role_first else []
                head += [(3, b'"parts": ['), (4, b"{"), (5, b'"inlineData": {')]
                head += [(6, b'"mimeType": "' + mime + b'"'), (-1, b","), (6, b'"data": "')]
                for role_last in (False,) if role_first else (False, True):
                    tail = [(-1, b'"'), (5, b"}"), (4, b"}"), (3, b"]")]
                    tail += [(-1, b","), *role] if role_last else []
                    tail += [(2, b"}"), (1, b"}"), (0, b"}")]
                    for line_break in (b"\n", b""):
                        yield whole(_printed(style, head), _printed(style, tail) + line_break)


# All of it is 24 kHz PCM.
only_audio_from_provider = Shapes(*_provider_shapes())


def proven_audio(payload: bytes) -> str | None:
    """The base64 of a proven frame, without reading the message. None where it is not proven, or some of it
    is printed as escapes."""
    cut = only_audio_from_provider.cut(payload)
    if cut is None:
        return None
    base64 = payload[cut]
    return base64.decode("ascii") if base64.isascii() and b"\\" not in base64 else None


# A provider's words are printed in one member of their own, by those who print one member a frame.
words_from_provider = Shapes(
    whole(
        b'{\n  "serverContent": {\n    "outputTranscription": {\n      "text": "',
        b'"\n    }\n  }\n}\n',
    ),
    whole(
        b'{\n  "serverContent": {\n    "outputTranscription": {\n      "text": "',
        b'"\n    }\n  }\n}',
    ),
    whole(b'{"serverContent":{"outputTranscription":{"text":"', b'"}}}'),
    whole(b'{"serverContent": {"outputTranscription": {"text": "', b'"}}}'),
)

# Never: a reply begins with them as well as with audio, and they are few.
only_words_from_provider = Shapes()


only_parts_from_provider = Shapes()  # this dialect has none that are opened and closed


def ends_item(payload: bytes) -> bool:
    """Never asked."""
    return False


def is_of_item(payload: bytes, item_id: str) -> bool:
    """Never asked."""
    return False


def words_to_read(frames: Sequence[bytes]) -> Sequence[bytes]:
    """Never asked: no words are proven."""
    return frames


# One model sends such a frame between nearly all others (GEMINI-LIVE.md 2).
only_idle_from_provider = Shapes(
    *map(
        whole,
        (b"{}\n", b"{}", b'{\n  "serverContent": {}\n}\n', b'{"serverContent":{}}', b'{"serverContent": {}}'),
    )
)


def envelope_bytes(payload: bytes) -> int:
    """How much of a proven provider frame is not base64. It is the same for every frame of a turn."""
    name = payload.find(b'"data"')
    start = payload.find(_QUOTE, name + 6) + 1
    end = payload.find(_QUOTE, start)
    return len(payload) - (end - start) if 0 <= name < start <= end else len(payload)
