"""What the brain is asked and what it answers, in no provider's words.

A dialect turns its conversation into a Thought and an Answer into its own events; the brain and the script
know neither dialects nor sockets.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec


class Said(msgspec.Struct, frozen=True):
    who: Literal["user", "agent", "system"]
    text: str


class Called(msgspec.Struct, frozen=True):
    name: str
    arguments: str
    call_id: str


class Returned(msgspec.Struct, frozen=True):
    call_id: str
    output: str


Turn = Said | Called | Returned


class Tool(msgspec.Struct, frozen=True):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class Thought(msgspec.Struct, frozen=True):
    instructions: str
    turns: tuple[Turn, ...] = ()
    # Only what may be called now: none at all where the client forbade it, one where it named one.
    tools: tuple[Tool, ...] = ()
    must_call: bool = False


class Say(msgspec.Struct, frozen=True):
    text: str


class Call(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cached tokens are part of the input tokens, as every provider counts them."""

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    output_text: int = 0
    output_audio: int = 0

    @property
    def input(self) -> int:
        return self.input_text + self.input_audio + self.input_image

    @property
    def output(self) -> int:
        return self.output_text + self.output_audio


class Trouble(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reply that fails, for scripts that need one."""

    type: str
    code: str
    message: str


class Answer(msgspec.Struct, frozen=True):
    steps: tuple[Say | Call, ...]
    delay_ms: int = 0
    tokens: Tokens | None = None
    trouble: Trouble | None = None
    # Of GPT-Live, which does no work itself: it hands this to the application or to its backend, and which of
    # OpenAI's own tools the backend uses.
    delegate: bool = False
    hosted: tuple[str, ...] = ()

    @property
    def calls(self) -> bool:
        return any(isinstance(step, Call) for step in self.steps)


Think = Callable[[Thought], Answer]


def unintelligible(seconds: float) -> str:
    """What stands in a transcript where nothing could be understood."""
    return f"(speech, {seconds:.1f} s)"
