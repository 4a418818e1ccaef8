"""What a client may say to the gateway itself, in events of ours."""

from typing import Any

from ..dialect import AskSwitch
from .requests import Mistake, request_id

_OURS = "realtime_switch."
_SWITCH = "realtime_switch.switch"


def own(request: dict[str, Any]) -> AskSwitch | Mistake | None:
    """None: it is for the provider."""
    kind = request["type"]
    if not kind.startswith(_OURS):
        return None
    if kind != _SWITCH:
        text = f"Invalid value: '{kind[:80]}'. This gateway knows no such event."
        return Mistake("invalid_value", text, "type", request_id(request))
    target = request.get("target")
    if target is not None and not isinstance(target, str):
        text = "Invalid type for 'target': expected a string."
        return Mistake("invalid_type", text, "target", request_id(request))
    return AskSwitch(target or "", request_id(request))
