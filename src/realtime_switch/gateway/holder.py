"""Who holds a key asks of his own account: by the key, or by a secret that stands for it."""

from typing import TypeVar

import structlog
from starlette.requests import Request

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.keys import hash_key, is_key
from ..accounts.questions import AboutAccount, AccountFacts, Answer, Question
from ..accounts.records import Refusal
from ..accounts.service import AccountService
from .arrival.openai import NO_CREDENTIAL, find_secret
from .client_secrets import is_token, unseal
from .http_answers import UNREACHABLE, Refused, headers_of, refusal
from .ids import now_us

_log = structlog.get_logger("gateway.http")

T = TypeVar("T", bound=Answer)


class Holders:
    def __init__(self, service: AccountService, signing_key: bytes) -> None:
        self._service = service
        self._signing_key = signing_key

    async def ask(self, request: Request, question: Question, kind: type[T]) -> T:
        try:
            answer = await self._service.ask(self._key_hash(request), question)
        except RealtimeSwitchError as error:
            if error.code is ErrorCode.EXTERNAL_INVALID_VALUE:
                raise Refused(400, "invalid_value", error.message, param="after") from None
            _log.warning("a question was not answered", code=error.code, reason=error.message)
            raise UNREACHABLE from None
        if isinstance(answer, Refusal):
            raise refusal(answer)
        assert isinstance(answer, kind), "each question has one kind of answer"
        return answer

    async def account(self, request: Request) -> AccountFacts:
        return await self.ask(request, AboutAccount(), AccountFacts)

    def _key_hash(self, request: Request) -> str:
        secret = find_secret(headers_of(request), dict(request.query_params))
        if not secret:
            raise Refused(401, NO_CREDENTIAL.code, NO_CREDENTIAL.message)
        if not is_token(secret):
            if not is_key(secret):
                message = "Incorrect API key provided: it is not a key of this gateway."
                raise Refused(401, "invalid_api_key", message)
            return hash_key(secret)
        bound = unseal(secret, self._signing_key, now_us() / 1e6)
        if bound is None:
            message = "The client secret is invalid or has expired. Ask for a new one."
            raise Refused(401, "invalid_api_key", message)
        if bound.opens != "account":
            message = (
                "This client secret opens a call, and not its account. "
                'Ask with the API key, or make a secret with "opens": "account".'
            )
            raise Refused(403, "insufficient_permissions", message)
        return bound.key_hash
