"""`/v1/sessions`: what is remembered of conversations; to page, search, take away and delete."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..accounts.questions import (
    PAGE_MAX,
    SEARCH_CHARS_MAX,
    AboutSession,
    AboutSessions,
    DeleteSession,
    Said,
    SessionDeleted,
    SessionFacts,
    SessionsFacts,
    SessionWhole,
)
from ..accounts.records import Switched
from . import http_answers as http
from .calls import Calls
from .cursors import cursor, place
from .holder import Holders
from .http_account import seconds, totals
from .http_answers import HEADERS, Refused
from .http_query import check_names, one_of, whole_number
from .settings_shown import shown

LIMIT = 50
MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "text": "text/plain",
}
_ACCEPTED = {"application/jsonl": "jsonl", "application/x-ndjson": "jsonl", "text/plain": "text"}


class Sessions:
    def __init__(self, holders: Holders, calls: Calls, settle: Callable[[str], Awaitable[None]]) -> None:
        self._holders = holders
        self._calls = calls
        self._settle = settle

    # -- Many -----------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Response:
        check_names(request, ("q", "after", "limit", "format"))
        question = _about_sessions(request)
        form = _form(request)
        account = await self._holders.account(request)
        await self._settle("")
        page = await self._holders.ask(request, question, SessionsFacts)
        if form != "json":
            return _download("sessions", form, self._export_all(request, form, question, page))
        said = {
            "object": "list",
            "data": [self._listed(account.id, facts) for facts in page.sessions],
            "has_more": page.more,
            "next": _next(page),
        }
        return http.answer(said)

    async def _export_all(
        self, request: Request, form: str, question: AboutSessions, page: SessionsFacts
    ) -> AsyncIterator[bytes]:
        while True:
            for facts in page.sessions:
                about = AboutSession(session_id=facts.id)
                try:
                    whole = await self._holders.ask(request, about, SessionWhole)
                except Refused as refused:
                    if refused.status == 404:
                        continue  # deleted since the list was read
                    raise
                async for part in self._export(request, form, about, whole):
                    yield part
            if not page.more:
                return
            last = page.sessions[-1]
            question = replace(question, after=(last.began_us, last.id))
            page = await self._holders.ask(request, question, SessionsFacts)

    # -- One ------------------------------------------------------------------------------------------------

    async def one(self, request: Request) -> Response:
        return await (self.delete(request) if request.method == "DELETE" else self.show(request))

    async def show(self, request: Request) -> Response:
        check_names(request, ("after", "limit", "format"))
        session_id = request.path_params["id"]
        after = request.query_params.get("after", "")
        question = AboutSession(
            session_id=session_id,
            after=place(after, tuple[int, int]) if after else None,
            limit=whole_number(request, "limit", PAGE_MAX, PAGE_MAX),
        )
        form = _form(request)
        account = await self._holders.account(request)
        await self._settle(session_id)
        whole = await self._holders.ask(request, question, SessionWhole)
        if form != "json":
            return _download(session_id, form, self._export(request, form, question, whole))
        said = {
            **self._listed(account.id, whole.session),
            **_details(whole),
            "passages": {
                "object": "list",
                "data": [_passage(said) for said in whole.said],
                "has_more": whole.more,
                "next": cursor(_place(whole.said[-1])) if whole.more else None,
            },
        }
        return http.answer(said)

    async def _export(
        self, request: Request, form: str, question: AboutSession, whole: SessionWhole
    ) -> AsyncIterator[bytes]:
        """Page after page, as it is read: a conversation need not fit into memory."""
        if form == "jsonl":
            yield _line({**_facts(whole.session), **_details(whole)})
        else:
            yield f"# {whole.session.id}\n\n".encode()
        while True:
            for said in whole.said:
                passage = {**_passage(said), "session_id": whole.session.id}
                yield _line(passage) if form == "jsonl" else said.text.encode()
            if not whole.more:
                break
            question = replace(question, after=_place(whole.said[-1]))
            whole = await self._holders.ask(request, question, SessionWhole)
        if form == "text":
            yield b"\n\n"

    async def delete(self, request: Request) -> Response:
        """Not under a call: it would go on, remember what was deleted, and be remembered."""
        check_names(request, ())
        session_id = request.path_params["id"]
        account = await self._holders.account(request)
        if self._calls.named(account.id, session_id) is not None:
            message = "A call has this session now. End the call, then delete the session."
            raise Refused(409, "session_in_use", message)
        await self._settle(session_id)
        await self._holders.ask(request, DeleteSession(session_id=session_id), SessionDeleted)
        return http.answer({"object": "session.deleted", "id": session_id, "deleted": True})

    def _listed(self, account_id: str, facts: SessionFacts) -> dict[str, Any]:
        return {**_facts(facts), "live": self._calls.named(account_id, facts.id) is not None}


def _about_sessions(request: Request) -> AboutSessions:
    search = request.query_params.get("q", "").strip()
    if len(search) > SEARCH_CHARS_MAX:
        message = f"'q' has at most {SEARCH_CHARS_MAX} characters."
        raise Refused(400, "invalid_value", message, param="q")
    after = request.query_params.get("after", "")
    return AboutSessions(
        search=search,
        after=place(after, tuple[int, str]) if after else None,
        limit=whole_number(request, "limit", LIMIT, PAGE_MAX),
    )


def _form(request: Request) -> str:
    """What the query says, or else the first form that is accepted and is ours."""
    accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    asked = next((_ACCEPTED[one] for one in accepted if one in _ACCEPTED), "json")
    return one_of(request, "format", MEDIA_TYPES, asked)


def _download(name: str, form: str, parts: AsyncIterator[bytes]) -> Response:
    ending = {"jsonl": "jsonl", "text": "txt"}[form]
    # Ids hold what a header or a file system may not.
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)[:100]
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{safe}.{ending}"'}
    return StreamingResponse(parts, 200, headers, media_type=f"{MEDIA_TYPES[form]}; charset=utf-8")


def _facts(facts: SessionFacts) -> dict[str, Any]:
    return {
        "object": "session",
        "id": facts.id,
        "created_at": seconds(facts.began_us),
        "updated_at": seconds(facts.updated_us),
        "characters": facts.chars,
        "credits": facts.credits,
        "has_settings": facts.has_config,
        "preview": facts.preview,
    }


def _details(whole: SessionWhole) -> dict[str, Any]:
    return {
        "settings": shown(whole.config),
        "usage": totals(whole.usage),
        "usage_by_provider": [{"provider": row.groups[0], **totals(row)} for row in whole.usage_by_provider],
        "switches": [_switch(switched) for switched in whole.switches],
    }


def _switch(switched: Switched) -> dict[str, Any]:
    """Without `to` where nobody was found."""
    there = f"{switched.to_provider}/{switched.to_model}" if switched.to_provider else None
    return {
        "object": "session.switch",
        "created_at": seconds(switched.born_us),
        "from": f"{switched.from_provider}/{switched.from_model}",
        "to": there,
        "cause": switched.cause.value,
        "silent_ms": switched.silent_us // 1_000,
        "attempts": switched.attempts,
    }


def _passage(said: Said) -> dict[str, Any]:
    return {
        "object": "session.passage",
        "id": said.id,
        "created_at": seconds(said.born_us),
        "text": said.text,
    }


def _place(said: Said) -> tuple[int, int]:
    return said.born_us, said.number


def _next(page: SessionsFacts) -> str | None:
    last = page.sessions[-1] if page.more else None
    return cursor((last.began_us, last.id)) if last is not None else None


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
