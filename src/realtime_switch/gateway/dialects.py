"""The dialects there are, by name, and who faces a client in each of them."""

from collections.abc import Callable

from msgspec import Struct

from ..dialects import gemini, gpt_live, openai
from ..dialects.dialect import ClientSide, Dialect
from ..providers.endpoint import DialectName
from .arrival import Arrival
from .ids import new_id, now_us


class Spoken(Struct, frozen=True):
    dialect: Dialect
    client_side: Callable[[Arrival], ClientSide]


DIALECTS: dict[DialectName, Spoken] = {
    "openai": Spoken(openai, lambda arrival: openai.ClientSide(new_id, arrival.beta)),
    "gemini": Spoken(gemini, lambda arrival: gemini.ClientSide(new_id)),
    "gpt-live": Spoken(gpt_live, lambda arrival: gpt_live.ClientSide(new_id, now_us)),
}


def in_words_of(dialect: Dialect, saved: str | None) -> str | None:
    """A saved configuration as a client of this dialect would have said it: a conversation that began in one
    dialect goes on in another. None: there is none, or nobody can read it."""
    if saved is None or dialect.read_config(saved) is not None:
        return saved
    read = (spoken.dialect.read_config(saved) for spoken in DIALECTS.values())
    config = next((config for config in read if config is not None), None)
    return None if config is None else dialect.write_config(config)
