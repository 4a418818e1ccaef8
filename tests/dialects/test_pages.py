"""That the pages of docs/ name every message and every field of all dialects, as the SDKs' own types have
them. What stands beside a name is for people to judge; that it stands there is for this."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from openai.types import live, realtime
from openai.types.realtime.conversation_item import ConversationItem
from openai.types.realtime.realtime_response import RealtimeResponse
from openai.types.realtime.realtime_response_create_params import RealtimeResponseCreateParams
from openai.types.realtime.realtime_session_create_request import RealtimeSessionCreateRequest
from openai.types.realtime.realtime_transcription_session_create_request import (
    RealtimeTranscriptionSessionCreateRequest,
)
from pydantic import BaseModel

DOCS = Path(__file__).parents[2] / "docs"

# -- What the pages name -------------------------------------------------------------------------------------


def sections(page: str) -> dict[str, list[list[str]]]:
    """By heading, the rows of its tables, as cells."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in (DOCS / page).read_text().splitlines():
        if line.startswith("#"):
            rows = found.setdefault(line.lstrip("# "), [])
        elif line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def names(cell: str) -> list[str]:
    """What stands in code. `.c` behind `a.b` is `a.c`."""
    found: list[str] = []
    for name in re.findall(r"`([^`]+)`", cell):
        if name.startswith(".") and found:
            name = found[-1].rpartition(".")[0] + name
        found.append(name)
    return found


def named(page: str, section: str) -> set[str]:
    return {name for row in sections(page)[section] for name in names(row[0])}


def named_of(page: str, section: str, message: str) -> set[str]:
    """The fields of a message: what stands in the second cell of its rows."""
    return {name for row in sections(page)[section] if message in names(row[0]) for name in names(row[1])}


def missing(fields: Iterator[str], told: set[str]) -> list[str]:
    """`a.*` is all of a."""
    whole = {name.removesuffix(".*") for name in told if name.endswith(".*")}

    def is_told(path: str) -> bool:
        above = path.split(".")
        return path in told or any(".".join(above[:end]) in whole for end in range(1, len(above) + 1))

    return sorted({path for path in fields if not is_told(path)})


# -- What the SDKs name --------------------------------------------------------------------------------------


def models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if hasattr(annotation, "__metadata__"):
        return models(annotation.__origin__)
    return [model for one in typing.get_args(annotation) for model in models(one)]


def fields(
    annotation: Any, elsewhere: frozenset[Any], path: str = "", above: tuple[Any, ...] = ()
) -> Iterator[str]:
    """Every path, but not into what has a section of its own, nor into what is in itself."""
    for model in models(annotation):
        if model in above or (above and model in elsewhere):
            continue
        for name, field in model.model_fields.items():
            here = f"{path}.{field.alias or name}".removeprefix(".")
            yield here
            yield from fields(field.annotation, elsewhere, here, (*above, model))


def kind(model: type[BaseModel]) -> str:
    return str(typing.get_args(model.model_fields["type"].annotation)[0])


# -- OpenAI --------------------------------------------------------------------------------------------------

OPENAI = "dialects-openai.md"
SESSION = RealtimeSessionCreateRequest | RealtimeTranscriptionSessionCreateRequest
OPENAI_OBJECTS: dict[str, Any] = {
    "Session": SESSION,
    "Items": ConversationItem,
    "A reply that is asked for": RealtimeResponseCreateParams,
    "A reply as it is told": RealtimeResponse,
}
_APART = frozenset(model for one in OPENAI_OBJECTS.values() for model in models(one))
OF_EVENTS = {"type", "event_id"}  # of all of them; the page says so once
EVENTS = [
    *[("From a client", model) for model in models(realtime.RealtimeClientEvent)],
    *[("From a provider", model) for model in models(realtime.RealtimeServerEvent)],
]


@pytest.mark.parametrize(("section", "event"), EVENTS, ids=lambda one: getattr(one, "__name__", ""))
def test_the_page_tells_of_every_event_of_openai(section, event):
    assert kind(event) in named(OPENAI, section)
    told = named_of(OPENAI, section, kind(event)) | OF_EVENTS
    assert missing(fields(event, _APART), told) == []


@pytest.mark.parametrize("section", OPENAI_OBJECTS)
def test_the_page_tells_of_every_field_of_openai(section):
    assert missing(fields(OPENAI_OBJECTS[section], _APART), named(OPENAI, section)) == []


def kinds(annotation: Any, above: tuple[Any, ...] = ()) -> Iterator[str]:
    """What `type` may say, of all that is in it."""
    for model in models(annotation):
        if model in above or (above and model in _APART):
            continue
        for name, field in model.model_fields.items():
            if name == "type":
                inner = typing.get_args(field.annotation)
                literals = [value for one in (field.annotation, *inner) for value in typing.get_args(one)]
                yield from (value for value in literals if isinstance(value, str))
            yield from kinds(field.annotation, (*above, model))


@pytest.mark.parametrize("section", OPENAI_OBJECTS)
def test_the_page_tells_of_every_kind_of_item_tool_and_content(section):
    text = (DOCS / OPENAI).read_text()
    untold = {kind for kind in kinds(OPENAI_OBJECTS[section]) if f"`{kind}`" not in text}
    assert untold - STATUSES == set()


# Told of as they are, in a row about them.
STATUSES = {"completed", "cancelled", "incomplete", "failed"}


# -- Gemini --------------------------------------------------------------------------------------------------

GEMINI = "dialects-gemini.md"
GEMINI_OBJECTS: dict[str, Any] = {
    "setup": types.LiveClientSetup,
    "realtimeInputConfig": types.RealtimeInputConfig,  # the type of setup has no place for it
    "clientContent": types.LiveClientContent,
    "realtimeInput": types.LiveClientRealtimeInput,
    "toolResponse": types.LiveClientToolResponse,
    "contextUpdate": types.LiveClientContextUpdate,
    "Contents": types.Content,
    "Parts": types.Part,
    "Tools": types.Tool,
    "Functions": types.FunctionDeclaration,
    "Schema": types.Schema,
    "From a provider": types.LiveServerMessage,
}
_ASIDE = frozenset([*GEMINI_OBJECTS.values(), types.File])  # a file is the Python SDK's alone, not the wire's


@pytest.mark.parametrize("section", GEMINI_OBJECTS)
def test_the_page_tells_of_every_message_and_field_of_gemini(section):
    assert missing(fields(GEMINI_OBJECTS[section], _ASIDE), named(GEMINI, section)) == []


def test_every_message_of_a_gemini_client_has_a_section():
    messages = {field.alias or name for name, field in types.LiveClientMessage.model_fields.items()}
    assert messages <= set(GEMINI_OBJECTS)


# -- GPT-Live ------------------------------------------------------------------------------------------------

LIVE = "dialects-gpt-live.md"
_ITS_OWN = frozenset({live.SessionConfig, live.SessionResource})
LIVE_EVENTS = [
    *[("From a client", model) for model in models(live.ClientEvent)],
    *[("From a provider", model) for model in models(live.ServerEvent)],
]


@pytest.mark.parametrize(("section", "event"), LIVE_EVENTS, ids=lambda one: getattr(one, "__name__", ""))
def test_the_page_tells_of_every_event_of_gpt_live(section, event):
    assert kind(event) in named(LIVE, section)
    told = named_of(LIVE, section, kind(event)) | OF_EVENTS | {"client_event_id"}
    assert missing(fields(event, _ITS_OWN), told) == []


def test_the_page_tells_of_every_field_of_a_gpt_live_session():
    assert missing(fields(live.SessionConfig, frozenset()), named(LIVE, "Session")) == []


# -- That this test would see it -----------------------------------------------------------------------------


def test_a_field_that_is_not_on_the_page_is_missed():
    told = named(OPENAI, "Session")
    assert missing(fields(SESSION, _APART), told - {"audio.input.noise_reduction.strength"}) == [
        "audio.input.noise_reduction.strength"
    ]
    assert missing(iter(["a", "a.b", "c"]), {"a.*"}) == ["c"]
    assert names("`a.b`, `.c`; `d`") == ["a.b", "a.c", "d"]
