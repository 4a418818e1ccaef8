"""A conversation goes back into an OpenAI call: in its instructions (A10), or as items. Pure.

What is not touched passes as the bytes it came as: members are moved, not
read, so big numbers, unknown members and whatever else is called
`instructions` further down stay as they were. A frame that cannot be read is
given back unchanged; the provider is the one to refuse it, in its own words.

History stands at the end of the instructions, behind a lead-in (../past.py). That sentence
is how it is known again in a provider's echo and in a client that sends such
an echo back, so it can neither be saved nor be told twice.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from .. import past
from ..mending import UNREADABLE, read_mended

_GAP = "\n\n"

# Made by the server, or fixed for a connection by its URL: OPENAI-REALTIME.md 4.1, 4.2; 14 for client_secret.
SERVER_MADE = ("id", "object", "expires_at", "model", "client_secret")

# 14: Azure's preview and look-alikes have an event of their own for sessions that only transcribe.
_UPDATES = {
    "session.updated": "session.update",
    "transcription_session.updated": "transcription_session.update",
}

Shape = TypeVar("Shape")


class _Updated(Struct):
    type: str
    session: dict[str, Any]


class _Session(Struct):
    type: str = "realtime"  # what beta leaves out (4.5)
    instructions: str | None = None


# -- Saving ----------------------------------------------------------------------------------------------


def config_to_save(frame: bytes) -> str | None:
    """A8: `session.updated` as the `session.update` that brings it about again, without any history.

    None: this frame is none, or cannot be read. Equal to what was saved: a mere echo.
    """
    try:
        event = _read(frame, _Updated)
    except UNREADABLE:
        return None
    if event.type not in _UPDATES:
        return None
    session = {name: value for name, value in event.session.items() if name not in SERVER_MADE}
    if session.get("type") == "translation":
        return None  # 13: continuous, with nothing to remember, and its update takes no such shape
    if isinstance(session.get("instructions"), str):
        session["instructions"] = _stripped(session["instructions"])
    update = {"type": _UPDATES[event.type], "session": _without_nulls(session)}
    return msgspec.json.encode(update).decode()


def _without_nulls(members: dict[str, Any]) -> dict[str, Any]:
    # Lists stay as they are: what is in them is the client's (a tool's schema may allow null).
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in members.items()
        # Absent means server_vad here, null means push-to-talk (4.2): the one null that says something.
        if value is not None or name == "turn_detection"
    }


# -- Telling by instructions -----------------------------------------------------------------------------


def with_history(update: bytes, history: str) -> bytes:
    """A saved `session.update` with the conversation in it; instructions are added where there are none."""
    return _with_instructions(update, lambda old: _told(old, history)) if history else update


def keep_history(update: bytes, history: str) -> bytes:
    """A client's own `session.update`, sent while history is in force.

    Its instructions replace those that hold the history, so they get it too.
    An update without instructions leaves them alone (4.2), and so do we.
    """
    if not history:
        return update
    return _with_instructions(update, lambda old: None if old is None else _told(old, history))


def without_history(update: bytes) -> bytes:
    """What `with_history` was given."""
    return _with_instructions(update, lambda old: None if old is None else _stripped(old))


def minimal_update(history: str, *, beta: bool = False) -> bytes:
    """For a conversation without a saved configuration (A10)."""
    # GA requires the type, beta does not know it (4.5).
    session = {} if beta else {"type": "realtime"}
    return with_history(msgspec.json.encode({"type": "session.update", "session": session}), history)


def _told(instructions: str | None, history: str) -> str:
    before = None if instructions is None else _stripped(instructions)
    return ("" if before is None else before + _GAP) + past.told(history)


def _stripped(instructions: str) -> str | None:
    """Instructions without history; None where there would be none without it."""
    before, lead_in, _ = instructions.partition(past.LEAD_IN)
    if not lead_in:
        return instructions
    return before.removesuffix(_GAP) if before else None


def _with_instructions(update: bytes, change: Callable[[str | None], str | None]) -> bytes:
    try:
        event = _read(update, dict[str, Raw])
        session = _read(event["session"], dict[str, Raw])
        held = _read(event["session"], _Session)
        kind = _read(event["type"], str)
    except (KeyError, *UNREADABLE):
        return update
    # Only conversations have instructions; sessions that transcribe or translate refuse them (12, 13).
    if kind != "session.update" or held.type != "realtime":
        return update
    new = change(held.instructions)
    if new == held.instructions:
        return update
    if new is None:
        del session["instructions"]
    else:
        session["instructions"] = Raw(msgspec.json.encode(new))
    event["session"] = Raw(msgspec.json.encode(session))
    return msgspec.json.encode(event)


# -- Telling by items ------------------------------------------------------------------------------------

ITEM_ID = "history_"  # how our items are known again when the provider confirms them


def history_items(history: str, *, beta: bool = False) -> list[bytes]:
    """The conversation as `conversation.item.create`, one for each turn, in order (OPENAI-REALTIME.md 5).

    What stands before the first speaker (a mark, a summary) is told by the system.
    """
    opening, turns = past.turns(history)
    items = [("system", "input_text", opening)] if opening.strip() else []
    # A client cannot create assistant audio, only its text, which beta calls by another name (4.5).
    spoken = {"user": ("user", "input_text"), "agent": ("assistant", "text" if beta else "output_text")}
    items += [(*spoken[who], text) for who, text in turns]
    return [_item(f"{ITEM_ID}{number:04}", *item) for number, item in enumerate(items, start=1)]


def call_item(call_id: str, name: str, arguments: str) -> bytes:
    """A tool call of the past, so that its answer is taken."""
    item = {
        "id": f"{ITEM_ID}{call_id}"[:32],  # OpenAI takes ids of up to 32 characters (5)
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }
    return msgspec.json.encode({"type": "conversation.item.create", "item": item})


def _item(item_id: str, role: str, kind: str, text: str) -> bytes:
    content = [{"type": kind, "text": text}]
    item = {"id": item_id, "type": "message", "role": role, "content": content}
    return msgspec.json.encode({"type": "conversation.item.create", "item": item})


# -- Text and bytes --------------------------------------------------------------------------------------


def _read(frame: bytes | Raw, shape: type[Shape]) -> Shape:
    # Raw members are not looked into when they are read, so bytes that are no UTF-8 must go before.
    text = bytes(frame).decode("utf-8", "replace").encode()
    return read_mended(text, lambda text: msgspec.json.decode(text, type=shape))
