"""Which frames carry audio and nothing else, told by their shape alone.

As in dialects/openai/proofs.py: a wrong "no" costs a microsecond, a wrong "yes" would let something go by
unseen. Every spelling has a witness in tests/dialects/gpt_live/test_proofs.py: the library that prints it so.
"""

from collections.abc import Sequence

from ..shapes import Shapes, beginning, whole

# -- From a client, who may lie: the whole shape -------------------------------------------------------------

only_audio_from_client = Shapes(
    # json.dumps: openai-python (resources), LiveKit, Pipecat
    whole(b'{"type": "session.input_audio.append", "audio": "', b'"}'),
    # JSON.stringify: openai-node, browsers
    whole(b'{"type":"session.input_audio.append","audio":"', b'"}'),
    # openai-python's model classes (to_json, indented by two), and model_dump_json
    whole(b'{\n  "audio": "', b'",\n  "type": "session.input_audio.append"\n}'),
    whole(b'{"audio":"', b'","type":"session.input_audio.append"}'),
    whole(b'{"audio": "', b'", "type": "session.input_audio.append"}'),
    # An event_id, which is optional everywhere (GPT-LIVE.md 4).
    whole(b'{"type": "session.input_audio.append", "audio": "', b'", "event_id": "', b'"}', cut=0),
    whole(b'{"type": "session.input_audio.append", "event_id": "', b'", "audio": "', b'"}'),
    whole(b'{"type":"session.input_audio.append","event_id":"', b'","audio":"', b'"}'),
    whole(b'{"event_id": "', b'", "type": "session.input_audio.append", "audio": "', b'"}'),
    whole(b'{"event_id":"', b'","type":"session.input_audio.append","audio":"', b'"}'),
)

_AUDIO = b'"audio":'


def audio_from_client(payload: bytes) -> bytes:
    """The base64 of a proven frame."""
    start = payload.find(b'"', payload.find(_AUDIO) + len(_AUDIO)) + 1
    return payload[start : payload.find(b'"', start)]


def audio_bytes_from_client(payload: bytes) -> int:
    """How many bytes of audio are in a proven frame, without decoding them."""
    base64 = audio_from_client(payload)
    return len(base64) // 4 * 3 - (base64.endswith(b"=") + base64.endswith(b"=="))


# -- From a provider, who is trusted to be well-formed: the `type` settles it --------------------------------

only_audio_from_provider = Shapes(
    beginning(b'{"type":"session.output_audio.delta",'),
    beginning(b'{"type": "session.output_audio.delta",'),
)

# Fragments are never revised and no whole follows (GPT-LIVE.md 6): they are put by and read later, all of
# them, and need not be read at once.
only_words_from_provider = Shapes(
    beginning(b'{"type":"session.output_transcript.delta",'),
    beginning(b'{"type": "session.output_transcript.delta",'),
)


def words_to_read(frames: Sequence[bytes]) -> Sequence[bytes]:
    """No whole ever takes their place."""
    return frames


only_parts_from_provider = Shapes()  # nothing is opened and closed here


def ends_item(payload: bytes) -> bool:
    """Never asked."""
    return False


def is_of_item(payload: bytes, item_id: str) -> bool:
    """Never asked."""
    return False


# What the backend prints while it works. What it says as a whole follows, and is read.
_RUNNING = (b"response.output_text.delta", b"response.function_call_arguments.delta")
only_idle_from_provider = Shapes(
    *(
        beginning(
            b'{"type":"response.event","event_id":"',
            b'","delegation_id":"',
            b'","event":{"type":"' + kind + b'",',
        )
        for kind in _RUNNING
    ),
    *(
        beginning(
            b'{"type": "response.event", "event_id": "',
            b'", "delegation_id": "',
            b'", "event": {"type": "' + kind + b'",',
        )
        for kind in _RUNNING
    ),
)


def envelope_bytes(payload: bytes) -> int:
    """How much of a proven provider frame is not base64; the same for every frame but for its times."""
    name = payload.find(b'"delta":')
    start = payload.find(b'"', name + 8) + 1
    end = payload.find(b'"', start)
    return len(payload) - (end - start) if 0 <= name < start <= end else len(payload)
