"""`GET /v1/calls`, `POST /v1/calls/{id}/switch`: whoever holds the key sees the calls of its account, and
says where they go.

The calls of this process, and of the other gateways of this data directory (neighbours.py).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..dialects.terms import Target
from . import http_answers as http
from .calls import Calls
from .conductor import Conductor
from .holder import Holders
from .http_answers import Refused

AskOthers = Callable[[bytes], Awaitable[list[bytes]]]


class Asked(Struct, forbid_unknown_fields=True):
    """A misspelt `target` must not send the call to just anywhere."""

    target: str | None = None


class Question(Struct, omit_defaults=True):
    """Of one gateway to another: which calls an account has, or, with `switch`, to take one elsewhere."""

    account: str
    switch: str = ""
    target: str = ""


class Switching(Struct):
    """`why_not`: it stays where it is."""

    source: str | None = None
    bound_for: str | None = None
    why_not: str = ""


_asked = msgspec.json.Decoder(Asked)
_question = msgspec.json.Decoder(Question)
_calls_told = msgspec.json.Decoder(list[dict[str, Any]])
_switching = msgspec.json.Decoder(Switching | None)


async def nobody(question: bytes) -> list[bytes]:
    return []


class LiveCalls:
    def __init__(self, holders: Holders, calls: Calls, ask_others: AskOthers = nobody) -> None:
        self._holders = holders
        self._calls = calls
        self._ask_others = ask_others

    async def list(self, request: Request) -> Response:
        account = await self._holders.account(request)
        others = await self._ask_others(msgspec.json.encode(Question(account.id)))
        told = _of(self._calls, account.id)
        for answer in others:
            told += _calls_told.decode(answer)
        told.sort(key=lambda call: (call["since"], call["id"]))
        return http.answer({"object": "list", "data": told})

    async def switch(self, request: Request) -> Response:
        """202: the call goes there at the end of the turn, and what it said so far is told to the new one."""
        account = await self._holders.account(request)
        asked = _read(await http.read_body(request))
        question = Question(account.id, request.path_params["id"], asked.target or "")
        switching = _switch(self._calls, question)
        if switching is None:
            answers = await self._ask_others(msgspec.json.encode(question))
            switching = next(filter(None, map(_switching.decode, answers)), None)
        if switching is None:
            message = f"There is no call {question.switch[:100]!r} in the gateways of this machine now."
            raise Refused(404, "call_not_found", message)
        if switching.why_not:
            param = "target" if asked.target else None
            raise Refused(409, "switch_refused", switching.why_not, param=param)
        said = {
            "object": "call.switch",
            "id": question.switch,
            "from": switching.source,
            "to": switching.bound_for,
            "when": "at the end of the turn",
        }
        return http.answer(said, status=202)


def answer_other(calls: Calls, asked: bytes) -> bytes:
    """What this gateway says to another one. Raises ValueError for what is no question."""
    question = _question.decode(asked)
    answer = _switch(calls, question) if question.switch else _of(calls, question.account)
    return msgspec.json.encode(answer)


def _of(calls: Calls, account_id: str) -> list[dict[str, Any]]:
    return [_told(call) for call in calls.of(account_id)]


def _switch(calls: Calls, asked: Question) -> Switching | None:
    """None: the call is not here."""
    call = calls.named(asked.account, asked.switch)
    if call is None:
        return None
    source = _named(call.session.target)
    why_not = call.switch(asked.target)
    return Switching(source, _named(call.session.bound_for), why_not or "")


def _told(call: Conductor) -> dict[str, Any]:
    session = call.session
    return {
        "object": "call",
        "id": call.who.session_id,
        "state": session.phase.value,
        "dialect": session.dialect,
        **_members(session.target),
        "targets": session.targets,
        "since": call.since_s,
    }


def _members(target: Target | None) -> dict[str, object]:
    return {
        "provider": target.provider if target is not None else None,
        "model": target.model if target is not None else None,
    }


def _named(target: Target | None) -> str | None:
    """As `targets` has it."""
    return f"{target.provider}/{target.model}" if target is not None else None


def _read(body: bytes) -> Asked:
    try:
        return _asked.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise http.unreadable(error) from None
