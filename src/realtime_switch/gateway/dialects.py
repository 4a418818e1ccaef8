"""The dialects there are, by name, and who faces a client in each of them."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ..dialects import gemini, openai
from ..dialects.dialect import ClientSide, Dialect
from ..providers.endpoint import DialectName
from .arrival import Arrival
from .ids import new_id


class Spoken(Struct, frozen=True):
    dialect: Dialect
    client_side: Callable[[Arrival], ClientSide]


def _openai(arrival: Arrival) -> ClientSide:
    return openai.ClientSide(new_id, arrival.beta)


def _gemini(arrival: Arrival) -> ClientSide:
    there: Any = gemini
    side: ClientSide = there.ClientSide(new_id)
    return side


DIALECTS: dict[DialectName, Spoken] = {"openai": Spoken(openai, _openai)}
if hasattr(gemini, "ClientSide"):
    DIALECTS["gemini"] = Spoken(gemini, _gemini)
