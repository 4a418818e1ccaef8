"""What a route grants to a call, and where it leads. Made from the configuration by whoever builds the
call; read by gates, sides and the session."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from .profile import Profile
from .sound import PCM_24K, AudioFormat

# -- A17, A18: patience, in numbers -------------------------------------------------------------------------

WAITING_MESSAGES_MAX = 10_000
# One append of the largest size must fit. At 24 kHz this is some four minutes of speech.
WAITING_BYTES_MAX = 16 << 20
# How long before each attempt; every delay is multiplied by 0.5 to 1.5, so that a thousand calls that a
# provider dropped together do not come back together. After the last one the call ends by name.
REDIAL_AFTER_S = (0.1, 0.5, 1.0, 2.0, 4.0)

PING_PATIENCE_S = 60.0


class Target(Struct, frozen=True, kw_only=True):
    """The provider and the model of one connection, as bills name them, and how that model behaves."""

    provider: str
    model: str
    # A provider that greets (OpenAI: session.created) is fed once it has; one that waits for the client's
    # first frame is fed at once.
    greets: bool = True
    input: AudioFormat = PCM_24K  # what it hears best
    # Of OpenAI's dialect only: what its look-alikes do differently (OPENAI-REALTIME.md 15).
    output: AudioFormat = PCM_24K
    beta: bool = False  # the older spelling is spoken to it
    nested_tools: bool = False  # declared as for chat completions
    ping_patience_s: float = PING_PATIENCE_S
    profile: Profile = Profile()

    @property
    def is_like_openai(self) -> bool:
        """To a fault: what was written for OpenAI itself can be passed on as it is."""
        formats = self.input == self.output == PCM_24K
        return formats and not self.beta and not self.nested_tools


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
    # Between dialects: approximate what has no counterpart, or refuse it by name.
    strict: bool = False
    # When a reply is over: once all of it is made, or once it must have been heard.
    reply_ends: Literal["as_provider", "made", "heard"] = "as_provider"
    # A client's name of a voice -> the provider's, before the dialect's own table.
    voices: Mapping[str, str] = {}
    # The Responses model to which GPT-Live hands what it cannot do by itself, for clients of other dialects.
    backend_model: str = ""
    # A15: when this much is left it is noted in the log; 0 for never.
    low_credits: int = 0
    # ... and told to the client. Off by default, because openai-agents (Python) raises an error to the app
    # for event types that it does not know (CLIENTS-OPENAI.md 5).
    tell_low_credits: bool = False
    # Likewise of every switch, not only of those that the client asked for.
    tell_switches: bool = False
    redial_after_s: tuple[float, ...] = REDIAL_AFTER_S
    waiting_messages_max: int = WAITING_MESSAGES_MAX
    waiting_bytes_max: int = WAITING_BYTES_MAX
