"""How long things are kept: what has become too old goes, an account at a time, a session at a time.

Days are whole days of UTC, so a conversation loses its oldest passages once a day, and not some of them each
hour: its summary goes with them, because it stands for them, and is written anew from what is left.
"""

from ..accounts.records import TIME_MAX_US
from .repos import Database, Retention

DAY_US = 24 * 60 * 60 * 1_000_000
SESSIONS_AT_ONCE, BILLS_AT_ONCE = 100, 1_000  # in one unit of work, so that nobody waits long behind it
# How long it is remembered that a session was deleted: a gateway that was away for longer may bring back what
# it had kept of it.
FORGOTTEN_DAYS = 90


async def sweep(database: Database, usual: Retention, now_us: int) -> tuple[int, int]:
    """Of how many sessions something was deleted, and how many bills lost their names."""
    accounts = await database.read(lambda repos: repos.accounts.list())
    own = await database.read(lambda repos: repos.keeping.retentions())
    sessions = bills = 0
    for account in accounts:
        retention = own.get(account.id, Retention())
        before_us = _before_us(retention.transcripts_days, usual.transcripts_days, now_us)
        sessions += await _expire(database, account.id, before_us)
        before_us = _before_us(retention.usage_days, usual.usage_days, now_us)
        bills += await _unname(database, account.id, before_us)
    await database.write(lambda repos: repos.keeping.prune(now_us - FORGOTTEN_DAYS * DAY_US))
    return sessions, bills


def _before_us(own: int | None, usual: int | None, now_us: int) -> int:
    days = usual if own is None else own
    if days is None:
        return 0
    if days == 0:
        return min(now_us + 1, TIME_MAX_US)
    return max(0, now_us // DAY_US * DAY_US - days * DAY_US)


async def _expire(database: Database, account_id: str, before_us: int) -> int:
    count = 0
    while before_us:
        stale = await database.read(
            lambda repos: repos.keeping.stale(account_id, before_us, SESSIONS_AT_ONCE)
        )
        if not stale:
            break
        for session_id in stale:
            await database.write(lambda repos, i=session_id: repos.keeping.expire(account_id, i, before_us))  # type: ignore[misc]
        count += len(stale)
    return count


async def _unname(database: Database, account_id: str, before_us: int) -> int:
    count = 0
    while before_us:
        changed = await database.write(
            lambda repos: repos.keeping.unname_bills(account_id, before_us, BILLS_AT_ONCE)
        )
        count += changed
        if changed < BILLS_AT_ONCE:
            break
    return count
