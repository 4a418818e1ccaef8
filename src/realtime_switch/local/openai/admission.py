"""Who may come in, and to what: the checks OpenAI makes after it accepted the upgrade (OPENAI-REALTIME.md
2.4).

A refusal is one error event and a close whose reason is `<type>.<code>`, never a session.created (9.9).
"""

from collections.abc import Mapping

import msgspec

from realtime_switch.local.faults import Faults
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.openai.session import Kind
from realtime_switch.local.orders import End, Order

PATHS = ("/v1/realtime", "/realtime", "/openai/v1/realtime")
SUBPROTOCOL = "realtime"
_KEY_SUBPROTOCOL = "openai-insecure-api-key."
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"


class Admitted(msgspec.Struct, frozen=True):
    model: str
    kind: Kind


class NotAdmitted(msgspec.Struct, frozen=True):
    code: str
    message: str
    close_code: int = 4000


def admission(
    query: Mapping[str, str], headers: Mapping[str, str], offered: list[str], key: str | None
) -> Admitted | NotAdmitted:
    """`key` is the only one that is right; None means any or none will do."""
    if key is not None and key not in keys(query, headers, offered):
        return NotAdmitted("invalid_api_key", "Incorrect API key provided.", 3000)
    if headers.get("openai-beta", "").startswith("realtime=") or _BETA_SUBPROTOCOL in offered:
        message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
        return NotAdmitted("beta_api_shape_disabled", message)
    intent, model = query.get("intent"), query.get("model")
    if intent not in (None, "realtime", "transcription"):
        return NotAdmitted("invalid_intent", f"Invalid intent: '{intent}'.")
    if intent == "transcription":
        if model:
            return NotAdmitted("invalid_model", f"Model '{model}' is not for a transcription session.")
        return Admitted("", "transcription")
    if not model:
        # A call_id belongs to WebRTC and SIP, which are not spoken here.
        return NotAdmitted("missing_model", "You must provide a model parameter.")
    return Admitted(model, "realtime")


def keys(query: Mapping[str, str], headers: Mapping[str, str], offered: list[str]) -> list[str]:
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    keys = [bearer] if scheme.lower() == "bearer" else []
    keys += [headers.get("api-key", ""), query.get("api-key", "")]
    # By prefix: keys hold dots themselves (2.3).
    return keys + [one.removeprefix(_KEY_SUBPROTOCOL) for one in offered if one.startswith(_KEY_SUBPROTOCOL)]


class TurnedAway:
    """The conversation with somebody who was not admitted."""

    due_us = None

    def __init__(self, refusal: NotAdmitted, outbox: Outbox) -> None:
        self._refusal = refusal
        self._outbox = outbox

    def begin(self) -> list[Order]:
        kind = "invalid_request_error"
        self._outbox.error(kind, self._refusal.code, self._refusal.message)
        self._outbox.order(End(self._refusal.close_code, f"{kind}.{self._refusal.code}"))
        return self._outbox.take()

    def receive(self, message: bytes) -> list[Order]:
        return []

    def heard(self, key: int, words: str | None) -> list[Order]:
        return []

    def voiced(self, key: str, pcm: bytes) -> list[Order]:
        return []

    def tick(self) -> list[Order]:
        return []

    def live_on(self, faults: Faults) -> None:
        pass

    def gone(self) -> None:
        pass
