"""Where a call may go: providers and models, each in its dialect, and what the route grants there."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from ..accounts.records import Refusal
from ..dialects.dialect import Dialect
from ..dialects.terms import Target, Terms
from . import limits


class Way(Struct, frozen=True):
    target: Target
    terms: Terms
    dialect: Dialect  # the provider's
    connection_s_max: float = 3600.0  # when the provider itself hangs up
    translated: bool = False  # for clients of its own dialect too: it speaks that in a way of its own

    @property
    def name(self) -> str:
        """As the configuration has it."""
        return f"{self.target.provider}/{self.target.model}"


class Ways(Struct, frozen=True, kw_only=True):
    """A route, made out for one call: at least one way, in the order in which they are tried."""

    ways: tuple[Way, ...]
    route: str = ""  # its name
    on_drop: Literal["same", "next"] = "next"
    switch_above_latency_ms: int | None = None
    switch_after: int = 3  # measurements in a row
    stall_after_s: float = limits.STALL_S  # a reply is due, or under way, and nothing comes


Choose = Callable[[str], Ways | Refusal]  # by the model that the client named
