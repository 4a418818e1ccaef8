"""What a reply costs: counted by rule, so that a ledger can be compared to the token.

User audio is 1 token per 100 ms, assistant audio 1 per 50 ms (OPENAI-REALTIME.md 8), an image 85. Every
reply bills the whole kept context again; of that, what stood unchanged at the front of the reply before is
cached.
"""

from typing import Any

import msgspec

from realtime_switch.local.billing import Line, text_tokens
from realtime_switch.local.openai.items import Item, Json
from realtime_switch.local.openai.session import Terms
from realtime_switch.local.thought import Tokens

# 11: 32k tokens of context, 4,096 of them reserved for output.
CONTEXT_TOKENS_MAX = 28_224
_IMAGE_TOKENS = 85


def user_audio_tokens(ms: int) -> int:
    return -(-ms // 100)


def agent_audio_tokens(ms: int) -> int:
    return -(-ms // 50)


def preamble(terms: Terms) -> Line:
    tools = msgspec.json.encode(terms.tools).decode() if terms.tools else ""
    return Line(terms.instructions + tools, text_tokens(terms.instructions) + text_tokens(tools))


def line(item: Item) -> Line:
    count = agent_audio_tokens if item.wire.get("role") == "assistant" else user_audio_tokens
    audio = count(item.audible_ms()) if item.sounds else 0
    return Line(item.id, text_tokens(item.written()), audio, _IMAGE_TOKENS * item.images())


def kept(items: list[Item], before: Line, truncation: str | Json) -> list[Item] | None:
    """What of the conversation fits (11): None where it does not and may not be cut."""
    room = CONTEXT_TOKENS_MAX - before.total
    sizes = [line(item).total for item in items]
    if sum(sizes) <= room:
        return items
    if truncation == "disabled":
        return None
    if isinstance(truncation, dict):
        room = int(room * truncation["retention_ratio"])
    first, size = 0, sum(sizes)
    while first < len(items) and size > room:
        size -= sizes[first]
        first += 1
    return items[first:]


def usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "total_tokens": tokens.input + tokens.output,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "input_token_details": {
            "text_tokens": tokens.input_text,
            "audio_tokens": tokens.input_audio,
            "image_tokens": tokens.input_image,
            "cached_tokens": tokens.cached_text + tokens.cached_audio,
            "cached_tokens_details": {
                "text_tokens": tokens.cached_text,
                "audio_tokens": tokens.cached_audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": tokens.output_text, "audio_tokens": tokens.output_audio},
    }


def transcription_usage(model: str | None, ms: int, words: str) -> dict[str, Any]:
    if model == "whisper-1":  # 7.2: billed by duration
        return {"type": "duration", "seconds": ms / 1000}
    heard, written = user_audio_tokens(ms), text_tokens(words)
    return {
        "type": "tokens",
        "total_tokens": heard + written,
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
    }
