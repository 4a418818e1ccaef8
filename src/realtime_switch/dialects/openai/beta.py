"""The beta spelling at the client's edge and towards providers that know no other, while everything between
speaks GA (OPENAI-REALTIME.md 4.5).

A message that this table does not name passes as it came. What GA has no place
for (`temperature`) is left out on the way in, because GA refuses the message
that names it; docs/dialects-openai.md lists every such loss.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ..members import object_of
from ..mending import UNREADABLE, read_any

_Members = dict[str, Any]

# -- From a GA provider to a beta client --------------------------------------------------------------------

_BETA_NAMES = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    # Beta clients wait for this one, once an item, when it is added.
    "conversation.item.added": "conversation.item.created",
}
_BETA_HAS_NOT = {"conversation.item.done"}

_AUDIO_NAME = b'"response.output_audio.delta"'
_BETA_AUDIO_NAME = b'"response.audio.delta"'


def audio_shown(payload: bytes) -> bytes:
    """A proven audio frame, renamed without being read: its type stands before its audio."""
    return payload.replace(_AUDIO_NAME, _BETA_AUDIO_NAME, 1)


def shown(payload: bytes) -> bytes | None:
    """None: beta has no such event."""
    message = _read(payload)
    kind = message.get("type") if message is not None else None
    if message is None or not isinstance(kind, str):
        return payload
    if kind in _BETA_HAS_NOT:
        return None
    changed = dict(message)
    changed["type"] = _BETA_NAMES.get(kind, kind)
    if isinstance(message.get("item"), dict):
        changed["item"] = _item_to_client(message["item"])
    if isinstance(message.get("response"), dict):
        changed["response"] = _response_to_client(message["response"])
    if isinstance(message.get("session"), dict):
        changed |= _session_to_client(kind, message["session"])
    return payload if changed == message else msgspec.json.encode(changed)


_BETA_CONTENT = {"output_text": "text", "output_audio": "audio"}


def _item_to_client(item: _Members) -> _Members:
    return {"object": "realtime.item", **item, **_content(item, _BETA_CONTENT)}


def _content(item: _Members, names: dict[str, str]) -> _Members:
    content = item.get("content")
    if not isinstance(content, list):
        return {}
    return {
        "content": [
            {**part, "type": names.get(part["type"], part["type"])}
            if isinstance(part, dict) and isinstance(part.get("type"), str)
            else part
            for part in content
        ]
    }


def _response_to_client(response: _Members) -> _Members:
    beta = {key: value for key, value in response.items() if key not in ("output_modalities", "audio")}
    if "output_modalities" in response:
        beta["modalities"] = _modalities_to_client(response["output_modalities"])
    output = object_of(object_of(response.get("audio")).get("output"))
    if isinstance(output.get("voice"), str):
        beta["voice"] = output["voice"]
    if (name := _format_to_client(output.get("format"))) is not None:
        beta["output_audio_format"] = name
    if isinstance(response.get("output"), list):
        beta["output"] = [_item_to_client(i) if isinstance(i, dict) else i for i in response["output"]]
    return beta


def _session_to_client(kind: str, session: _Members) -> _Members:
    flat = {
        k: v
        for k, v in session.items()
        if k not in ("type", "audio", "output_modalities", "max_output_tokens")
    }
    came, went = (
        object_of(object_of(session.get("audio")).get("input")),
        object_of(object_of(session.get("audio")).get("output")),
    )
    for name, (side, key) in _FLAT.items():
        members = came if side == "input" else went
        if key in members:
            value = members[key]
            flat[name] = _format_to_client(value) if key == "format" else value
    if "output_modalities" in session:
        flat["modalities"] = _modalities_to_client(session["output_modalities"])
    if "max_output_tokens" in session:
        flat["max_response_output_tokens"] = session["max_output_tokens"]
    if isinstance(flat.get("turn_detection"), dict):
        flat["turn_detection"] = {k: v for k, v in flat["turn_detection"].items() if k != "idle_timeout_ms"}
    if session.get("type") == "transcription":
        return {"type": kind.replace("session.", "transcription_session.", 1), "session": flat}
    return {"session": {"temperature": 0.8, **flat}}  # its default; GA no longer tells it


def _modalities_to_client(modalities: Any) -> Any:
    return ["audio", "text"] if modalities == ["audio"] else modalities


# -- From a beta client to a GA provider -----------------------------------------------------------------

# beta name -> where it stands in a GA session: audio.<side>.<key>
_FLAT = {
    "input_audio_format": ("input", "format"),
    "input_audio_transcription": ("input", "transcription"),
    "input_audio_noise_reduction": ("input", "noise_reduction"),
    "turn_detection": ("input", "turn_detection"),
    "output_audio_format": ("output", "format"),
    "voice": ("output", "voice"),
    "speed": ("output", "speed"),
}
_GA_CONTENT = {"text": "output_text", "audio": "output_audio"}
_GA_HAS_NOT = {"temperature", "client_secret", "object"}


def from_client(request: _Members) -> _Members:
    """The very same object when there is nothing to change."""
    change = _CHANGES.get(request["type"])
    return request if change is None else change(request)


def _update_from_client(message: _Members) -> _Members:
    session = message.get("session")
    if not isinstance(session, dict):
        return message
    kind = "transcription" if message["type"] == "transcription_session.update" else "realtime"
    return {**message, "type": "session.update", "session": {"type": kind, **_nested(session)}}


def _response_from_client(message: _Members) -> _Members:
    response = message.get("response")
    if not isinstance(response, dict):
        return message
    nested = _nested(response)
    if isinstance(nested.get("input"), list):
        nested["input"] = [_item_from_client(i) if isinstance(i, dict) else i for i in nested["input"]]
    return {**message, "response": nested}


def _nested(flat: _Members) -> _Members:
    """A flat session or response as GA's. What is nested already stays: some clients mix both."""
    ga: _Members = {}
    sides: dict[str, _Members] = {}
    for name, value in flat.items():
        if name in _FLAT:
            side, key = _FLAT[name]
            sides.setdefault(side, {})[key] = _format_from_client(value) if key == "format" else value
        elif name == "modalities":
            ga["output_modalities"] = ["audio"] if isinstance(value, list) and "audio" in value else value
        elif name == "max_response_output_tokens":
            ga["max_output_tokens"] = value
        elif name not in _GA_HAS_NOT:
            ga[name] = value
    if sides:
        audio = object_of(ga.get("audio"))
        ga["audio"] = {
            **audio,
            **{side: {**object_of(audio.get(side)), **new} for side, new in sides.items()},
        }
    return ga


def _item_create_from_client(message: _Members) -> _Members:
    item = message.get("item")
    return {**message, "item": _item_from_client(item)} if isinstance(item, dict) else message


def _item_from_client(item: _Members) -> _Members:
    return {**item, **_content(item, _GA_CONTENT)} if item.get("role") == "assistant" else item


_CHANGES: dict[str, Callable[[_Members], _Members]] = {
    "session.update": _update_from_client,
    "transcription_session.update": _update_from_client,
    "response.create": _response_from_client,
    "conversation.item.create": _item_create_from_client,
}

# -- From us to a beta provider ------------------------------------------------------------------------------


def for_provider(payload: bytes) -> bytes:
    """A message that we wrote, which is always GA. What beta has no member for is left out."""
    message = _read(payload)
    change = _FOR_PROVIDER.get(message["type"]) if message is not None else None
    return payload if message is None or change is None else msgspec.json.encode(change(message))


def _update_for_provider(message: _Members) -> _Members:
    return {**message, "session": _flat(message["session"])}


def _reply_for_provider(message: _Members) -> _Members:
    response = message.get("response")
    return {**message, "response": _flat(response)} if isinstance(response, dict) else message


def _flat(nested: _Members) -> _Members:
    flat = {name: value for name, value in nested.items() if name not in _BETA_HAS_NO_MEMBER}
    for name, (side, key) in _FLAT.items():
        members = object_of(object_of(nested.get("audio")).get(side))
        if key in members:
            flat[name] = _format_to_client(members[key]) if key == "format" else members[key]
    if "output_modalities" in nested:
        flat["modalities"] = _modalities_to_client(nested["output_modalities"])
    if "max_output_tokens" in nested:
        flat["max_response_output_tokens"] = nested["max_output_tokens"]
    if isinstance(flat.get("tool_choice"), dict):
        flat["tool_choice"] = "required"  # it takes no name
    if isinstance(flat.get("turn_detection"), dict):
        flat["turn_detection"] = {k: v for k, v in flat["turn_detection"].items() if k != "idle_timeout_ms"}
    return flat


_BETA_HAS_NO_MEMBER = frozenset(
    {
        "type",
        "audio",
        "output_modalities",
        "max_output_tokens",
        "truncation",
        "prompt",
        "include",
        "reasoning",
        "parallel_tool_calls",
    }
)


def _item_for_provider(message: _Members) -> _Members:
    item = message["item"]
    return {**message, "item": {**item, **_content(item, _BETA_CONTENT)}}


_FOR_PROVIDER: dict[str, Callable[[_Members], _Members]] = {
    "session.update": _update_for_provider,
    "response.create": _reply_for_provider,
    "conversation.item.create": _item_for_provider,
}

# A GA path -> where beta has it; errors name it so.
_BETA_PATHS = {
    "output_modalities": "modalities",
    "max_output_tokens": "max_response_output_tokens",
    **{f"audio.{side}.{key}": name for name, (side, key) in _FLAT.items()},
}


def path_shown(path: str) -> str:
    """`session.audio.input.turn_detection.type` as a beta client wrote it."""
    top, _, rest = path.partition(".")
    for ga, beta in _BETA_PATHS.items():
        if rest == ga or rest.startswith((f"{ga}.", f"{ga}[")):
            return f"{top}.{beta}{rest[len(ga) :]}"
    return path


# -- Both ways ----------------------------------------------------------------------------------------------

_FORMATS = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}


def _format_from_client(value: Any) -> Any:
    return _FORMATS.get(value, value) if isinstance(value, str) else value


def _format_to_client(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, dict) else None
    return _FORMAT_NAMES.get(kind, value) if isinstance(kind, str) else value


def _read(payload: bytes) -> _Members | None:
    """None: not a message; whoever it is meant for will say so."""
    try:
        message = read_any(payload)
    except UNREADABLE:
        return None
    return message if isinstance(message, dict) else None
