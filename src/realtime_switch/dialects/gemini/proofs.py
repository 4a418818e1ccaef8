"""Which frames carry audio and nothing else, told by their shape alone.

A frame that fits goes on unread, so these are proofs. A wrong "no" costs a
microsecond; a wrong "yes" would let a bill or a request go by unseen.

Messages of this dialect have no type: what else is in one can stand before the
audio, beside it and after it. So on both ways the whole shape is checked: a
known head, no quote in the audio, a known tail. Every spelling here has a
witness in tests/dialects/gemini/test_proofs.py: who really prints it so.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from ..shapes import Shapes

_QUOTE = b'"'
_BACKSLASH = 0x5C  # before a quote it would make the quote part of the string

_Shape = TypeVar("_Shape", bound=tuple[object, ...])


def _by_beginning(shapes: Iterable[_Shape], size: int) -> dict[bytes, tuple[_Shape, ...]]:
    """Shapes, their heads first in them, by the first bytes of those: a frame is compared with one or two."""
    found: dict[bytes, tuple[_Shape, ...]] = {}
    for shape in shapes:
        assert isinstance(shape[0], bytes)
        beginning = shape[0][:size]
        found[beginning] = (*found.get(beginning, ()), shape)
    return found


# -- From a client, who may lie -----------------------------------------------------------------------------
#
#     {"realtime_input": {"audio": {"data": "…", "mime_type": "audio/pcm;rate=16000"}}}      Python
#     {"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"…"}}}             JavaScript
#
# Python's names are in snake_case, or some of them, and its base64 is URL-safe (GEMINI-LIVE.md 2). The order
# within is the caller's in JavaScript and in hand-made clients. `mediaChunks` is the old name of `audio`.

_RATES_HZ = (16_000, 24_000, 48_000, 8_000, 44_100, 32_000, 22_050, 11_025, 12_000, 96_000)
_MIMES = (b"audio/pcm", *(b"audio/pcm;rate=%d" % rate_hz for rate_hz in _RATES_HZ))

# (message, holder, mime type): the casings that are printed together.
_NAMES = (
    (b"realtime_input", b"audio", b"mime_type"),  # google-genai for Python, and so LiveKit and pipecat
    (b"realtimeInput", b"audio", b"mimeType"),  # JavaScript, browsers
    (b"realtime_input", b"mediaChunks", b"mime_type"),  # google-genai for Python with `media`
    (b"realtimeInput", b"mediaChunks", b"mimeType"),
    (b"realtime_input", b"media_chunks", b"mime_type"),  # Google's first samples
)


# Head, what follows the mime type where that is first, and what may end the message.
_ClientShape = tuple[bytes, bytes, frozenset[bytes]]


def _client_shapes() -> Iterable[_ClientShape]:
    for message, holder, mime in _NAMES:
        opens, closes = (b"{", b"}}}") if holder == b"audio" else (b"[{", b"}]}}")
        for space in (b"", b" "):
            colon, comma = b'":' + space, b'",' + space + b'"'
            head = b'{"' + message + colon + b'{"' + holder + colon + opens + b'"'
            tails = frozenset(comma + mime + colon + b'"' + one + b'"' + closes for one in _MIMES)
            yield head + b"data" + colon + b'"', b"", tails
            middle = comma + b"data" + colon + b'"'
            yield head + mime + colon + b'"audio/pcm', middle, frozenset((b'"' + closes,))


_CLIENT_BEGINNING = 32
_FROM_CLIENT = _by_beginning(_client_shapes(), _CLIENT_BEGINNING)


def only_audio_from_client(payload: bytes) -> bool:
    for head, middle, tails in _FROM_CLIENT.get(payload[:_CLIENT_BEGINNING], ()):
        if payload.startswith(head):
            start = len(head)
            if middle:  # first the mime type ends
                start = payload.find(_QUOTE, start)
                if payload[start - 1] == _BACKSLASH or not payload.startswith(middle, start):
                    return False
                start += len(middle)
            end = payload.find(_QUOTE, start)
            return end >= 0 and payload[end - 1] != _BACKSLASH and payload[end:] in tails
    return False


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


def _provider_shapes() -> Iterable[tuple[bytes, frozenset[bytes]]]:
    role = [(3, b'"role": "model"')]
    for style in (_INDENTED, _TIGHT, _SPACED):
        for role_first in (False, True):
            for mime in (b"audio/pcm;rate=24000", b"audio/pcm"):
                head = [(-1, b"{"), (1, b'"serverContent": {'), (2, b'"modelTurn": {')]
                head += [*role, (-1, b",")] if role_first else []
                head += [(3, b'"parts": ['), (4, b"{"), (5, b'"inlineData": {')]
                head += [(6, b'"mimeType": "' + mime + b'"'), (-1, b","), (6, b'"data": "')]
                tails = set()
                for role_last in (False,) if role_first else (False, True):
                    tail = [(-1, b'"'), (5, b"}"), (4, b"}"), (3, b"]")]
                    tail += [(-1, b","), *role] if role_last else []
                    tail += [(2, b"}"), (1, b"}"), (0, b"}")]
                    printed = _printed(style, tail)
                    tails |= {printed, printed + b"\n"}
                yield _printed(style, head), frozenset(tails)


_PROVIDER_BEGINNING = 56
_FROM_PROVIDER = _by_beginning(_provider_shapes(), _PROVIDER_BEGINNING)


def only_audio_from_provider(payload: bytes) -> bool:
    for head, tails in _FROM_PROVIDER.get(payload[:_PROVIDER_BEGINNING], ()):
        if payload.startswith(head):
            end = payload.find(_QUOTE, len(head))
            return end >= 0 and payload[end:] in tails
    return False


def proven_audio(payload: bytes) -> str | None:
    """The base64 of a proven frame, 24 kHz PCM, without reading the message. None where it is not proven, or
    some of it is printed as escapes."""
    for head, tails in _FROM_PROVIDER.get(payload[:_PROVIDER_BEGINNING], ()):
        if payload.startswith(head):
            start = len(head)
            end = payload.find(_QUOTE, start)
            if end < 0 or payload[end:] not in tails:
                return None
            base64 = payload[start:end]
            return base64.decode("ascii") if base64.isascii() and b"\\" not in base64 else None
    return None


def only_words_from_provider(payload: bytes) -> bool:
    """Never: a reply begins with them as well as with audio, and they are few."""
    return False


only_parts_from_provider = Shapes()  # this dialect has none that are opened and closed


def is_of_item(payload: bytes, item_id: str) -> bool:
    """Never asked."""
    return False


def words_of_one_place(frames: Sequence[bytes]) -> bool:
    """Never asked: no words are proven."""
    return False


_IDLE = frozenset(
    (b"{}", b"{}\n", b'{"serverContent":{}}', b'{"serverContent": {}}', b'{\n  "serverContent": {}\n}\n')
)


def only_idle_from_provider(payload: bytes) -> bool:
    """One model sends such a frame between nearly all others (GEMINI-LIVE.md 2)."""
    return payload in _IDLE


def envelope_bytes(payload: bytes) -> int:
    """How much of a proven provider frame is not base64. It is the same for every frame of a turn."""
    name = payload.find(b'"data"')
    start = payload.find(_QUOTE, name + 6) + 1
    end = payload.find(_QUOTE, start)
    return len(payload) - (end - start) if 0 <= name < start <= end else len(payload)
