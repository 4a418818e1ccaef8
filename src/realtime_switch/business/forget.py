"""Forgetting on request: what is remembered goes, what was paid stays and no longer says for what."""

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .repos import Repos


def forget_session(repos: Repos, account_id: str, session_id: str, now_us: int) -> bool:
    """Configuration, conversation, summary and switches; also those records that a gateway has yet to
    deliver. False: there was nothing."""
    remembered = repos.sessions.delete(account_id, session_id, now_us)
    billed = repos.usage.forget_session(account_id, session_id)
    if repos.sessions.head(account_id, session_id) is not None or repos.usage.forget_session(
        account_id, session_id
    ):
        raise RealtimeSwitchError(
            ErrorCode.INTERNAL_UNEXPECTED,
            "The session was not deleted: something of it was still there. Nothing has been changed.",
        )
    return remembered or billed > 0
