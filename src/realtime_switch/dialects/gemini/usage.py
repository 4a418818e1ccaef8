"""Gemini's `usageMetadata` as a bill (TRANSLATION.md 5).

Its numbers do not add up, and it says so nowhere: details leave tokens unexplained, and the total sometimes
leaves out the thoughts (GEMINI-LIVE.md 5.11). On a bill the parts are the whole: what no detail explains was
text, and more than the whole is not charged.
"""

from typing import Any

from ..acts import Act, Usage
from ..members import COUNT_MAX, count_of, list_of, object_of, text_of

Counts = dict[str, int]  # the fields of acts.Bill that are not 0

_KINDS = {"AUDIO": "audio", "IMAGE": "image", "VIDEO": "image"}  # TEXT and DOCUMENT: text


def counts(usage: Any) -> Counts:
    usage = object_of(usage)
    came = _sum(usage, "promptTokenCount", "toolUsePromptTokenCount")
    # Vertex calls the same candidates (GEMINI-LIVE.md 4).
    said = "responseTokenCount" if count_of(usage.get("responseTokenCount")) else "candidatesTokenCount"
    went = _sum(usage, said, "thoughtsTokenCount")
    prompt = _split(came, usage.get("promptTokensDetails"), usage.get("toolUsePromptTokensDetails"))
    answer = _split(went, usage.get("responseTokensDetails") or usage.get("candidatesTokensDetails"))
    cached = _cached(
        min(count_of(usage.get("cachedContentTokenCount")), came), usage.get("cacheTokensDetails"), prompt
    )
    bill = {
        "input": came,
        "output": went,
        "input_text": prompt["text"],
        "input_audio": prompt["audio"],
        "input_image": prompt["image"],
        "cached_text": cached["text"],
        "cached_audio": cached["audio"],
        "cached_image": cached["image"],
        "output_text": answer["text"] + answer["image"],
        "output_audio": answer["audio"],
    }
    return {name: count for name, count in bill.items() if count}


def summed(bill: Counts, more: Counts) -> Counts:
    return {
        name: min(bill.get(name, 0) + more.get(name, 0), COUNT_MAX) for name in dict.fromkeys((*bill, *more))
    }


def _sum(usage: dict[str, Any], *names: str) -> int:
    return min(sum(count_of(usage.get(name)) for name in names), COUNT_MAX)


def _split(whole: int, *details: Any) -> Counts:
    """Of so many tokens: how many of each kind."""
    split = {"text": 0, "audio": 0, "image": 0}
    for detail in (object_of(one) for some in details for one in list_of(some)):
        kind = _KINDS.get(text_of(detail.get("modality")))
        if kind is not None:
            split[kind] += count_of(detail.get("tokenCount"))
    split["audio"] = min(split["audio"], whole)
    split["image"] = min(split["image"], whole - split["audio"])
    split["text"] = whole - split["audio"] - split["image"]
    return split


def _cached(whole: int, details: Any, prompt: Counts) -> Counts:
    """They are part of the prompt, each kind of its own kind."""
    split = _split(whole, details)
    cached = {kind: min(split[kind], prompt[kind]) for kind in prompt}
    left = whole - sum(cached.values())
    for kind in cached:
        more = min(left, prompt[kind] - cached[kind])
        cached[kind] += more
        left -= more
    return cached


class Unbilled:
    """What turns have cost, until that is told: with a turn's end, or later, or never (TRANSLATION.md 5)."""

    def __init__(self) -> None:
        self._counts: Counts = {}
        self._reply_id = ""  # of the turn that ended last

    def add(self, usage: Any) -> None:
        self._counts = summed(self._counts, counts(usage))

    def at_end(self, reply_id: str) -> list[Act]:
        self._reply_id = reply_id
        return self.later()

    def later(self) -> list[Act]:
        if not self._counts:
            return []
        bill: dict[str, Any] = {**self._counts, "reply_id": self._reply_id}
        self._counts = {}
        return [Usage(**bill)]
