"""What a route grants to a call, and where it leads. Made from the configuration by whoever builds the
call."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from . import limits


class Target(Struct, frozen=True, kw_only=True):
    """The provider and the model of one connection, as bills name them."""

    provider: str
    model: str
    # A provider that greets (OpenAI: session.created) is fed once it has; one that waits for the client's
    # first frame is fed at once.
    greets: bool = True


def _no_other_model(model: str) -> bool:
    return False


class Terms(Struct, frozen=True, kw_only=True):
    # Whether a session.update may name this model besides the target's own.
    admits_model: Callable[[str], bool] = _no_other_model
    # B2a: turn input transcription on for memory's sake. None: as the client asks.
    transcribe_with: str | None = None
    # How what was said before is told to a provider: inside of the instructions, or an item for each turn.
    resume_by: Literal["instructions", "items"] = "instructions"
    # Models that a client may name for transcription. None: any, the provider decides.
    transcription_models: frozenset[str] | None = None
    # A15: when this much is left it is noted in the log; 0 for never.
    low_credits: int = 0
    # ... and told to the client. Off by default, because openai-agents (Python) raises an error to the app
    # for event types that it does not know (CLIENTS-OPENAI.md 5).
    tell_low_credits: bool = False
    redial_after_s: tuple[float, ...] = limits.REDIAL_AFTER_S
    waiting_messages_max: int = limits.WAITING_MESSAGES_MAX
    waiting_bytes_max: int = limits.WAITING_BYTES_MAX
