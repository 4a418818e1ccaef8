"""What the business process counts. docs/metrics.md lists it, and a test holds the two together."""

from collections.abc import Iterable

from ..accounts.records import UsageRecord
from ..metrics.families import LAG_SECONDS, Counter, Family, Histogram, page
from ..metrics.process import Process


class Metrics:
    def __init__(self) -> None:
        self._process = Process()
        self.bills = Counter("realtime_switch_ledger_bills_total", "Bills that were committed.")
        self.lag = Histogram(
            "realtime_switch_ledger_lag_seconds",
            "From the birth of a bill in a gateway to its commit, by the clocks of both machines.",
            LAG_SECONDS,
        )

    def posted(self, bills: Iterable[UsageRecord], now_us: int) -> None:
        for bill in bills:
            self.bills.add()
            self.lag.observe(max(0, now_us - bill.born_us) / 1e6)

    def page(self, process: str) -> str:
        return page(self.families(), process)

    def families(self) -> list[Family]:
        return [self.bills, self.lag, *self._process.families()]
