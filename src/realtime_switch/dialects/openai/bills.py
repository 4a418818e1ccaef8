"""What a reply cost, by the counts of a `usage`."""

from typing import Any

from ..members import count_of, object_of


def bill(usage: dict[str, Any]) -> dict[str, Any]:
    """The counts of a `usage` (OPENAI-REALTIME.md 8). Beta has no split of the cached tokens: they were
    text."""
    came, went = object_of(usage.get("input_token_details")), object_of(usage.get("output_token_details"))
    cached = came.get("cached_tokens_details")
    cached = cached if isinstance(cached, dict) else {"text_tokens": came.get("cached_tokens")}
    counts = {
        "input": count_of(usage.get("input_tokens")),
        "output": count_of(usage.get("output_tokens")),
        "input_text": count_of(came.get("text_tokens")),
        "input_audio": count_of(came.get("audio_tokens")),
        "input_image": count_of(came.get("image_tokens")),
        "cached_text": count_of(cached.get("text_tokens")),
        "cached_audio": count_of(cached.get("audio_tokens")),
        "cached_image": count_of(cached.get("image_tokens")),
        "output_text": count_of(went.get("text_tokens")),
        "output_audio": count_of(went.get("audio_tokens")),
    }
    # A provider that gives the parts without their sums must be paid all the same.
    counts["input"] = counts["input"] or counts["input_text"] + counts["input_audio"] + counts["input_image"]
    counts["output"] = counts["output"] or counts["output_text"] + counts["output_audio"]
    return {name: count for name, count in counts.items() if count}
