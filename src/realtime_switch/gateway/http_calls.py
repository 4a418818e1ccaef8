"""`GET /v1/calls`, `POST /v1/calls/{id}/switch`: whoever holds the key sees the calls of its account, and
says where they go.

Only the calls of this process: gateways share no memory of calls.
"""

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


class Asked(Struct, forbid_unknown_fields=True):
    """A misspelt `target` must not send the call to just anywhere."""

    target: str | None = None


_asked = msgspec.json.Decoder(Asked)


class LiveCalls:
    def __init__(self, holders: Holders, calls: Calls) -> None:
        self._holders = holders
        self._calls = calls

    async def list(self, request: Request) -> Response:
        account = await self._holders.account(request)
        return http.answer({"object": "list", "data": [*map(_told, self._calls.of(account.id))]})

    async def switch(self, request: Request) -> Response:
        """202: the call goes there at the end of the turn, and what it said so far is told to the new one."""
        account = await self._holders.account(request)
        asked = _read(await http.read_body(request))
        session_id = request.path_params["id"]
        call = self._calls.named(account.id, session_id)
        if call is None:
            message = f"There is no call {session_id[:100]!r} in this gateway process now."
            raise Refused(404, "call_not_found", message)
        source = call.session.target
        why_not = call.switch(asked.target or "")
        if why_not is not None:
            raise Refused(409, "switch_refused", why_not, param="target" if asked.target else None)
        said = {
            "object": "call.switch",
            "id": session_id,
            "from": _named(source),
            "to": _named(call.session.bound_for),
            "when": "at the end of the turn",
        }
        return http.answer(said, status=202)


def _told(call: Conductor) -> dict[str, object]:
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
