"""The Gemini side of the provider: what its calls share, and which call a request becomes."""

import secrets
import uuid
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from realtime_switch.local.door import Request, Response
from realtime_switch.local.faults import Faults
from realtime_switch.local.gemini.admission import Surface, admission, is_auth_tokens, key_refusal, keys
from realtime_switch.local.gemini.auth_tokens import AuthTokens, NotMade
from realtime_switch.local.gemini.conversation import Conversation
from realtime_switch.local.gemini.habits import SHAPES, Habits
from realtime_switch.local.gemini.handles import Handles
from realtime_switch.local.gemini.life import life
from realtime_switch.local.gemini.reply import Tempo
from realtime_switch.local.orders import Conversation as AnyConversation
from realtime_switch.local.thought import Think


class Gemini:
    def __init__(
        self,
        *,
        habits: Habits | None,
        models: tuple[str, ...],
        key: str | None,
        life_s: float,
        tempo: Tempo,
        new_id: Callable[[str], str],
        now_us: Callable[[], int],
    ) -> None:
        self._habits = habits
        self._models = models
        self._key = key
        self._life_s = life_s
        self._tempo = tempo
        self._new_id = new_id
        self._now_us = now_us
        self._handles = Handles(now_us, lambda: str(uuid.uuid4()))
        self._tokens = AuthTokens(now_us, lambda: secrets.token_hex(32))

    def conversation(self, request: Request, where: Surface, think: Think, faults: Faults) -> AnyConversation:
        admitted = admission(where, request.query, request.headers, self._key, self._tokens)
        return Conversation(
            habits=self._habits or SHAPES["vertex" if where.vertex else "3.8"],
            version=where.version,
            models=self._models,
            admitted=admitted,
            handles=self._handles,
            life=life(self._life_s, faults),
            tempo=self._tempo,
            think=think,
            new_id=self._new_id,
            now_us=self._now_us,
        )

    def page(self, request: Request) -> Response | None:
        if not is_auth_tokens(request.path):
            return None
        if request.method != "POST":
            return _failed(405, "Only POST.")
        refusal = key_refusal(keys(request.query, request.headers), self._key)
        if refusal is not None:
            return _failed(400 if refusal.code == 1007 else 403, refusal.reason)
        try:
            made = self._tokens.make(request.body)
        except NotMade as mistake:
            return _failed(400, str(mistake))
        return Response(200, msgspec.json.encode(made), "application/json")


_STATUSES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED"}


def _failed(status: int, message: str) -> Response:
    named = _STATUSES.get(status, HTTPStatus(status).name)
    error = {"code": status, "message": message, "status": named}
    return Response(status, msgspec.json.encode({"error": error}), "application/json")
