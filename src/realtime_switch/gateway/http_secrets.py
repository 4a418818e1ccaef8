"""`POST /v1/realtime/client_secrets`: a short-lived key for a page, as OpenAI's servers make them
(OPENAI-REALTIME.md 3.1). Of type `live` it is one for GPT-Live, for which OpenAI has none (GPT-LIVE.md 1)."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from ..accounts.errors import RealtimeSwitchError
from ..accounts.keys import hash_key, is_key
from ..accounts.records import SavedConfig
from ..accounts.service import AccountService
from ..dialects.openai.resume import SERVER_MADE
from ..providers.routes import Routes
from . import http_answers as http
from . import http_link
from .arrival import SESSION_HEADER
from .arrival.openai import NO_CREDENTIAL, find_secret
from .client_secrets import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, Bound, seal
from .holder import Holders
from .http_answers import Refused
from .ids import new_id, now_us
from .page_link import is_code


class ExpiresAfter(Struct):
    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=SECONDS_MIN, le=SECONDS_MAX)] = SECONDS_DEFAULT


class Asked(Struct):
    """What else a body may hold is not ours to refuse."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None
    opens: Literal["call", "account"] = "call"  # ours


_asked = msgspec.json.Decoder(Asked)


class ClientSecrets:
    def __init__(
        self, service: AccountService, routes: Routes, signing_key: bytes, holders: Holders, data: Path | None
    ) -> None:
        """`data`: where `serve` leaves the codes of its links; None when nobody does."""
        self._service = service
        self._holders = holders
        self._routes = routes
        self._signing_key = signing_key
        self._data = data

    async def create(self, request: Request) -> Response:
        asked = _read(await http.read_body(request))
        session = asked.session or {}
        session_id = http.named_session(request)
        account_id, key_hash = await self._who(request, session_id, asked)
        kind = session.get("type", "realtime")
        if kind not in ("realtime", "live"):
            message = "Sessions of type 'realtime' and 'live' are offered here."
            raise Refused(400, "invalid_value", message, param="session.type")
        if kind == "live" and not session.keys() <= {"type", "model"}:
            # Its client says in its first message how the call is to be held; nothing waits for it here.
            message = (
                "Of a live session only its model can be said here; the rest belongs into session.start."
            )
            raise Refused(400, "invalid_value", message, param="session")
        model = http.checked_model(session.get("model", ""), "session.model", self._routes)
        if kind == "realtime":
            await self._save(account_id, session_id, session)
        seconds = asked.expires_after.seconds if asked.expires_after is not None else SECONDS_DEFAULT
        expires_at = now_us() // 1_000_000 + seconds
        bound = Bound(
            key_hash=key_hash,
            session_id=session_id,
            expires_at=expires_at,
            model=model,
            opens=asked.opens,
            dialect="gpt-live" if kind == "live" else "",
        )
        said = {
            "type": kind,
            "object": f"{kind}.session",
            "id": session_id,
            **({"model": model} if model else {}),
            **{name: value for name, value in session.items() if name not in SERVER_MADE},
        }
        return http.answer(
            {"value": seal(bound, self._signing_key), "expires_at": expires_at, "session": said},
            {SESSION_HEADER: session_id},
        )

    async def _who(self, request: Request, session_id: str, asked: Asked) -> tuple[str, str]:
        """The account's id and the key's hash. Who has no credits left may still look at his account."""
        secret = secret_of(request)
        if is_code(secret):
            if asked.opens != "account" or asked.session:
                message = 'A link opens the account and nothing else: ask with "opens": "account" alone.'
                raise Refused(400, "invalid_value", message, param="opens")
            return "", http_link.accept(request, secret, self._data)
        if asked.opens == "account" and is_key(secret):
            return (await self._holders.account(request)).id, hash_key(secret)
        grant, key_hash = await http.authorise(self._service, secret, session_id)
        return grant.account_id, key_hash

    async def _save(self, account_id: str, session_id: str, session: dict[str, Any]) -> None:
        """The configuration waits under the session, where the connect with this token finds it (A8, A10)."""
        config = {name: value for name, value in session.items() if name not in SERVER_MADE}
        if config.keys() <= {"type"}:
            return
        update = {"type": "session.update", "session": {"type": "realtime", **config}}
        saved = SavedConfig(
            id=new_id("cfg"),
            account_id=account_id,
            session_id=session_id,
            config=msgspec.json.encode(update).decode(),
            born_us=now_us(),
        )
        try:
            await self._service.save_session(saved)
        except RealtimeSwitchError:
            raise http.UNREACHABLE from None


def secret_of(request: Request) -> str:
    secret = find_secret(http.headers_of(request), dict(request.query_params))
    if not secret:
        raise Refused(401, NO_CREDENTIAL.code, NO_CREDENTIAL.message)
    return secret


def _read(body: bytes) -> Asked:
    try:
        return _asked.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise http.unreadable(error) from None
