"""Forgetting on request: what is remembered goes, what was paid stays and no longer says for what."""

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.records import TIME_MAX_US
from .repos import Account, Repos, Retention

KEPT = ("accounts", "entries", "usage_metrics", "forgotten", "retentions")


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


def erase_account(repos: Repos, account: Account, now_us: int) -> tuple[dict[str, int], dict[str, int]]:
    """Everything but what was paid. How many rows each table had of it, and has."""
    before = repos.keeping.counts(account.id)
    repos.keeping.erase(account.id, f"erased-{account.id}@erased.invalid", now_us)
    after = repos.keeping.counts(account.id)
    left = [table for table, rows in after.items() if rows and table not in KEPT]
    left += ["names on bills"] if repos.keeping.unname_bills(account.id, TIME_MAX_US, 1) else []
    left += ["reasons of entries"] if any(e.reason for e in repos.accounts.entries(account.id)) else []
    if left:
        raise RealtimeSwitchError(
            ErrorCode.INTERNAL_UNEXPECTED,
            f"The account was not erased: {', '.join(left)} were still there. Nothing has been changed.",
        )
    # A bill that a gateway still holds has to be posted when it comes; then it loses its names.
    repos.keeping.set_retention(account.id, Retention(transcripts_days=0, usage_days=0))
    return before, repos.keeping.counts(account.id)
