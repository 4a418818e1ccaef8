"""What a reply cost, by the counts of a `usage`."""

from typing import Any

from .members import count, obj


def bill(usage: dict[str, Any]) -> dict[str, int]:
    """The counts of a `usage` (OPENAI-REALTIME.md 8). Beta has no split of the cached tokens: they were
    text."""
    came, went = obj(usage.get("input_token_details")), obj(usage.get("output_token_details"))
    cached = came.get("cached_tokens_details")
    cached = cached if isinstance(cached, dict) else {"text_tokens": came.get("cached_tokens")}
    counts = {
        "input": count(usage.get("input_tokens")),
        "output": count(usage.get("output_tokens")),
        "input_text": count(came.get("text_tokens")),
        "input_audio": count(came.get("audio_tokens")),
        "input_image": count(came.get("image_tokens")),
        "cached_text": count(cached.get("text_tokens")),
        "cached_audio": count(cached.get("audio_tokens")),
        "cached_image": count(cached.get("image_tokens")),
        "output_text": count(went.get("text_tokens")),
        "output_audio": count(went.get("audio_tokens")),
    }
    # A provider that gives the parts without their sums must be paid all the same.
    counts["input"] = counts["input"] or counts["input_text"] + counts["input_audio"] + counts["input_image"]
    counts["output"] = counts["output"] or counts["output_text"] + counts["output_audio"]
    return {name: count for name, count in counts.items() if count}
