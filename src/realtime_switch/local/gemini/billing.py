"""What a turn costs: counted by rule, so that a ledger can be compared to the token.

Sound is 25 tokens a second in both directions, a picture 258 (GEMINI-LIVE.md 7). Every turn bills the whole
context again. Results of tools are counted apart in the turn that first reads them, and thoughts beside the
total, as the service does (5.11).
"""

import msgspec

from realtime_switch.local.orders import Event
from realtime_switch.local.thought import Tokens

AUDIO_MS_PER_TOKEN = 40
IMAGE_TOKENS = 258


def audio_tokens(ms: int) -> int:
    return -(-ms // AUDIO_MS_PER_TOKEN)


class Bill(msgspec.Struct, frozen=True):
    """`tokens` holds all of it: tool results are part of its input, thoughts of its output."""

    tokens: Tokens
    tool_results: int = 0
    thoughts: int = 0


def usage(bill: Bill, *, vertex: bool) -> Event:
    tokens = bill.tokens
    prompt, response = tokens.input - bill.tool_results, tokens.output - bill.thoughts
    answer = "candidates" if vertex else "response"
    counts = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": tokens.cached_text + tokens.cached_audio,
        "toolUsePromptTokenCount": bill.tool_results,
        f"{answer}TokenCount": response,
        "thoughtsTokenCount": bill.thoughts,
        "totalTokenCount": prompt + bill.tool_results + response,
    }
    details = {
        "promptTokensDetails": _details(
            tokens.input_text - bill.tool_results, tokens.input_audio, tokens.input_image
        ),
        "cacheTokensDetails": _details(tokens.cached_text, tokens.cached_audio),
        "toolUsePromptTokensDetails": _details(bill.tool_results),
        f"{answer}TokensDetails": _details(tokens.output_text - bill.thoughts, tokens.output_audio),
    }
    return {name: value for name, value in {**counts, **details}.items() if value}


def _details(text: int, audio: int = 0, image: int = 0) -> list[Event]:
    counted = {"TEXT": text, "AUDIO": audio, "IMAGE": image}
    return [{"modality": kind, "tokenCount": count} for kind, count in counted.items() if count]
