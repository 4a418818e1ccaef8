"""Where a call goes: which provider and model, in which dialect, and what the route grants."""

from collections.abc import Callable

from msgspec import Struct

from ..accounts.records import Refusal
from ..dialects.dialect import Dialect
from ..dialects.terms import Target, Terms


class Way(Struct, frozen=True):
    target: Target
    terms: Terms
    dialect: Dialect  # the provider's


Choose = Callable[[str], Way | Refusal]  # by the model that the client named
