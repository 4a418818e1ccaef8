"""Stretches of time in which a gateway died.

While a session runs that is billed by time, its gateway writes once a second what it is worth so far,
under the id that its bill will have: a Draft (accounts/records.py). Nobody is told of it while the gateway
lives. Whoever finds it dead makes the last draft of each stretch its bill, unless there is a bill: the ledger
takes the first that it sees under an id, so only one of the two may leave the folder.
"""

from collections.abc import Sequence

from .file import OutboxFile


def find_the_dead(files: Sequence[OutboxFile]) -> None:
    """`files`: all of one folder, in the order in which they were written. A bill that was in a file which is
    gone has been posted, and posting its id again is harmless."""
    last = {stretch: file for file in files for stretch in file.drafts()}
    if not last:
        return
    for file in files:
        for bill in file.bills():
            last.pop(bill, None)
    for stretch, file in last.items():
        file.died(stretch)
