"""Is an account's ledger sound? Pure.

Purses change by one statement and never without an entry, so entries, purses
and bills say the same thing three times over. Where they do not, somebody or
something has changed one behind the others' back.
"""

from collections.abc import Iterator, Sequence

from .credits import split
from .repos import Account, Entry, EntryKind


def findings(account: Account, entries: Sequence[Entry], credits_posted: int) -> Iterator[str]:
    """Each a sentence that names the account and the entry."""
    plan, topup = 0, 0
    if not entries:
        yield f"Account {account.id}: there is no entry that opens it."
    for number, entry in enumerate(entries, start=1):
        where = f"Account {account.id}, entry {entry.number}"
        if entry.number != number:
            yield f"{where}: entry {number} should stand here."
            return  # with one missing, nothing after it would add up
        if (entry.kind is EntryKind.OPENED) != (number == 1):
            yield f"{where}: the first entry opens the account, and no other does; this one is {entry.kind}."
        if entry.kind is EntryKind.USED:
            expected = split(topup, max(-entry.plan_change - entry.topup_change, 0))
            if (entry.topup_change, entry.plan_change) != (-expected.topup, -expected.plan):
                yield f"{where}: the purses were not charged top-up first, then plan."
        plan, topup = plan + entry.plan_change, topup + entry.topup_change
        if (entry.token_remaining, entry.topup_remaining) != (plan, topup):
            yield (
                f"{where}: it says that plan {entry.token_remaining} and top-up {entry.topup_remaining} "
                f"were left, the entries up to it add up to {plan} and {topup}."
            )
            plan, topup = entry.token_remaining, entry.topup_remaining  # say each break once
    if (account.token_remaining, account.topup_remaining) != (plan, topup):
        yield (
            f"Account {account.id}: its purses hold plan {account.token_remaining} and top-up "
            f"{account.topup_remaining}, its entries leave {plan} and {topup}."
        )
    used = -sum(e.plan_change + e.topup_change for e in entries if e.kind is EntryKind.USED)
    if used != credits_posted:
        yield f"Account {account.id}: its bills cost {credits_posted} credits, its entries charge {used}."
