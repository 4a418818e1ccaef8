"""Anything that an OpenAI client may send: messages with known names in odd places, JSON, and noise."""

from hypothesis import strategies as st

from realtime_switch.dialects.mending import write_any

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_TYPES = st.sampled_from(
    [
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "output_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.delete",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
        "transcription_session.update",
    ]
)
_WORDS = st.sampled_from(
    [
        "realtime",
        "message",
        "function_call",
        "function_call_output",
        "user",
        "system",
        "assistant",
        "input_text",
        "input_image",
        "output_text",
        "function",
        "auto",
        "none",
        "server_vad",
        "semantic_vad",
        "audio/pcmu",
        "root",
        "item_a",
        "item_u",
        "resp_1",
        "call_9",
        "AAAA",
        "data:image/png;base64,AAAA",
    ]
)
_NAMES = st.sampled_from(
    [
        "type",
        "id",
        "item",
        "item_id",
        "session",
        "response",
        "audio",
        "input",
        "output",
        "format",
        "voice",
        "role",
        "content",
        "text",
        "image_url",
        "call_id",
        "name",
        "arguments",
        "tools",
        "tool_choice",
        "turn_detection",
        "previous_item_id",
        "content_index",
        "audio_end_ms",
        "response_id",
        "metadata",
        "instructions",
        "event_id",
    ]
)
_MEMBERS = st.recursive(
    _WORDS | _JSON,
    lambda inner: st.dictionaries(_NAMES, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=12,
)
_MESSAGES = st.builds(
    lambda kind, members: write_any({"type": kind, **members}),
    _TYPES,
    st.dictionaries(_NAMES.filter(lambda name: name != "type"), _MEMBERS, max_size=5),
)
FRAME = st.binary(max_size=60) | _MESSAGES | _JSON.map(write_any)
