"""What models of one dialect do differently from each other (GEMINI-LIVE.md 8). Set in the configuration, by
model: no model name is built into the code (B3)."""

from typing import Literal

from msgspec import Struct


class Profile(Struct, frozen=True, kw_only=True):
    """The defaults are those of gemini-3.8-live."""

    # May text be given to it in mid-call as content, or only before its first turn?
    content: Literal["always", "seed_only"] = "always"
    # What a function is declared to be where the client says nothing; "": the field is left out.
    tools: Literal["", "BLOCKING", "NON_BLOCKING"] = "BLOCKING"
    # Takes new instructions and tools in mid-call.
    context_update: bool = True
    thinking_level: bool = False
    # Writes text where it is asked for, instead of speaking it.
    text: bool = False
    # A language may be asked for (speechConfig.languageCode).
    language: bool = False
    # The history may be put in as turns (historyConfig); else it goes into the instructions.
    seeds_history: bool = False
    json_schema: bool = False  # takes parametersJsonSchema
    resumes: bool = True  # gives handles that a new connection can go on with
