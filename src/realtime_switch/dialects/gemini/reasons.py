"""How a turn ended, by its `turnCompleteReason` (TRANSLATION.md 4)."""

from typing import Literal

Status = Literal["completed", "cancelled", "incomplete", "failed"]

_GOOD = frozenset({"", "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})
_FAULTS = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "RESPONSE_REJECTED",
        "MAX_REGENERATION_REACHED",
        "INPUT_OTHER",
        "GENERATED_OTHER",
    }
)
# The filters have some twenty names, and new ones come.
_FILTERS = (
    "SAFETY",
    "PROHIBITED",
    "BLOCKLIST",
    "CELEBRITY",
    "PEOPLE",
    "MINORS",
    "UNSAFE",
    "INPUT_IP",
    "IMAGE_IP",
)


def ending(reason: str) -> tuple[Status, str]:
    if reason in _GOOD:
        return "completed", ""
    if reason not in _FAULTS:
        if any(word in reason for word in _FILTERS) or "PROMINENT_PERSON" in reason:
            return "incomplete", "content_filter"
        if "MAX_TOKENS" in reason or "MAX_OUTPUT" in reason:
            return "incomplete", "max_output_tokens"
    return "failed", reason.lower()
