"""What the holder of a key is answered. Each answer is one unit of work, in which the key was checked too."""

from collections.abc import Sequence
from functools import partial

from ..accounts.errors import ErrorCode
from ..accounts.questions import (
    PAGE_CHARS_MAX,
    AboutAccount,
    AboutSession,
    AboutSessions,
    AboutUsage,
    AccountFacts,
    Answer,
    DeleteSession,
    Group,
    KeyFacts,
    Question,
    Said,
    SessionDeleted,
    SessionFacts,
    SessionsFacts,
    SessionWhole,
    TokenUsed,
    UsageFacts,
    UseToken,
)
from ..accounts.records import Refusal
from .forget import forget_session
from .repos import ACTIVE, Account, ApiKey, Repos, SessionSummary

PREVIEW_CHARS = 160
_BEFORE_CHARS = 40  # of a preview: what stands before what was searched for

INVALID_KEY = Refusal(
    code=ErrorCode.EXTERNAL_INVALID_AUTH,
    message="The API key is not valid; check that it is complete and has not been revoked.",
)
ACCOUNT_CLOSED = Refusal(
    code=ErrorCode.EXTERNAL_ACCOUNT_CLOSED, message="The account of this API key is closed."
)
TOKEN_SPENT = Refusal(
    code=ErrorCode.EXTERNAL_TOKEN_SPENT,
    message="The token has opened as many calls as it may. Ask for a new one.",
)


def answer(repos: Repos, key_hash: str, question: Question, now_us: int) -> Answer | Refusal:
    """Credits are not asked for: who has none left may still see why."""
    found = repos.accounts.holder(key_hash, now_us)
    if found is None:
        return INVALID_KEY
    account, key = found
    if account.status != ACTIVE:
        return ACCOUNT_CLOSED
    match question:
        case AboutAccount():
            return _account(account, key)
        case AboutUsage():
            return _usage(repos, account.id, question)
        case AboutSessions():
            return _sessions(repos, account.id, question)
        case AboutSession():
            return _session(repos, account.id, question)
        case DeleteSession(session_id=session_id):
            there = forget_session(repos, account.id, session_id, now_us)
            return SessionDeleted(session_id=session_id) if there else _no_session(session_id)
        case UseToken():
            return _use_token(repos, account.id, question)


def _use_token(repos: Repos, account_id: str, asked: UseToken) -> TokenUsed | Refusal:
    calls = repos.sessions.token_uses(account_id, asked.token_id)
    if asked.call_id not in calls and not (asked.goes_on and calls):
        if len(calls) >= asked.uses:
            return TOKEN_SPENT
        repos.sessions.use_token(account_id, asked.token_id, asked.call_id, asked.until_us)
    return TokenUsed(token_id=asked.token_id)


def _account(account: Account, key: ApiKey) -> AccountFacts:
    return AccountFacts(
        id=account.id,
        email=account.email,
        plan_name=account.plan_name,
        plan_credits=account.token_remaining,
        topup_credits=account.topup_remaining,
        status=account.status,
        created_us=account.created_us,
        key=KeyFacts(
            indicator=key.key_indicator,
            label=key.label,
            created_us=key.created_us,
            expires_us=key.expires_us,
            last_used_us=key.last_used_us,
        ),
    )


def _usage(repos: Repos, account_id: str, asked: AboutUsage) -> UsageFacts:
    totals = partial(
        repos.usage.totals, account_id=account_id, since_us=asked.since_us, until_us=asked.until_us
    )
    [whole] = totals()
    if not asked.by:
        return UsageFacts(whole=whole, rows=(), more=False)
    rows = totals(*asked.by, after=asked.after, limit=asked.limit + 1)
    return UsageFacts(whole=whole, rows=tuple(rows[: asked.limit]), more=len(rows) > asked.limit)


def _sessions(repos: Repos, account_id: str, asked: AboutSessions) -> SessionsFacts:
    found = repos.sessions.page(account_id, asked.search, asked.after, asked.limit + 1)
    told = tuple(_facts(repos, summary, asked.search) for summary in found[: asked.limit])
    return SessionsFacts(sessions=told, more=len(found) > asked.limit)


def _session(repos: Repos, account_id: str, asked: AboutSession) -> SessionWhole | Refusal:
    head = repos.sessions.head(account_id, asked.session_id)
    if head is None:
        return _no_session(asked.session_id)
    summary, config = head
    said = repos.sessions.said(account_id, asked.session_id, asked.after, asked.limit + 1)
    page = _bounded(said[: asked.limit])
    totals = partial(repos.usage.totals, account_id=account_id, session_id=summary.session_id)
    [usage] = totals()
    return SessionWhole(
        session=_facts(repos, summary, ""),
        config=config,
        usage=usage,
        usage_by_provider=tuple(totals(Group.PROVIDER)),
        switches=tuple(repos.sessions.switches(account_id, summary.session_id)),
        said=page,
        more=len(said) > len(page),
    )


def _facts(repos: Repos, summary: SessionSummary, search: str) -> SessionFacts:
    [usage] = repos.usage.totals(account_id=summary.account_id, session_id=summary.session_id)
    text = repos.sessions.passage_with(summary.account_id, summary.session_id, search)
    return SessionFacts(
        id=summary.session_id,
        began_us=summary.created_us,
        updated_us=summary.updated_us,
        has_config=summary.has_config,
        chars=summary.conversation_chars,
        credits=usage.credits,
        preview=_preview(text, search),
    )


def _preview(text: str, search: str) -> str:
    at = max(0, text.lower().find(search.lower()) - _BEFORE_CHARS) if search else 0
    return text[at : at + PREVIEW_CHARS]


def _bounded(said: Sequence[Said]) -> tuple[Said, ...]:
    """As many as the link carries; one at least."""
    chars = 0
    page: list[Said] = []
    for passage in said:
        chars += len(passage.text)
        if page and chars > PAGE_CHARS_MAX:
            break
        page.append(passage)
    return tuple(page)


def _no_session(session_id: str) -> Refusal:
    return Refusal(
        code=ErrorCode.EXTERNAL_NOT_FOUND, message=f"The account has no session {session_id[:200]!r}."
    )
