"""What a call may still spend, as far as this process knows (A12)."""

from collections.abc import Collection

from ..accounts.records import UsageKind, UsageRecord


class Allowance:
    """Lowered by every bill, set right by every word of the ledger.

    Rates live on the business side, so until it speaks a token is a credit.
    """

    def __init__(self, credits: int) -> None:
        self._known = credits
        self._unposted: dict[str, int] = {}  # bills that the known figure does not hold yet
        self._owed = 0  # their sum, because it is asked for with every frame that is read

    @property
    def known(self) -> int:
        """The ledger's figure, less what other calls of the account are known to have spent since."""
        return self._known

    @property
    def left(self) -> int:
        return self._known - self._owed

    def spend(self, record: UsageRecord) -> None:
        if record.kind is UsageKind.RESPONSE:
            self._unposted[record.id] = record.tokens.total
            self._owed += record.tokens.total

    def know(self, credits: int, posted: Collection[str]) -> None:
        """What the ledger says, and which bills are in that figure."""
        self._known = credits
        for record_id in posted:
            self._owed -= self._unposted.pop(record_id, 0)
