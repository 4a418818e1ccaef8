"""How long Gemini is waited for. A turn that was handed over and brings nothing is given up; so is one whose
end is not told."""

from ..dialect import NowUs

NO_OUTPUT_US = 30_000_000
NO_END_US = 5_000_000  # after what it said must have been played
LATE_WORDS_US = 300_000  # of a reply that ends when it is made: some are told after its sound
OLD_TURN_US = 10_000_000  # a turn that nobody listens to any more, and that says nothing either


class Patience:
    def __init__(self, now_us: NowUs) -> None:
        self._now_us = now_us
        self.due_us: int | None = None
        self.outputs = 0  # counted, so that patience is measured without a look at the clock each time
        self._outputs_before = 0

    def wait(self, patience_us: int, from_us: int = 0) -> None:
        """From now, or from what is still to come."""
        self.due_us = max(self._now_us(), from_us) + patience_us
        self._outputs_before = self.outputs

    def end(self) -> None:
        self.due_us = None

    @property
    def is_over(self) -> bool:
        return self.due_us is not None and self._now_us() >= self.due_us

    @property
    def was_rewarded(self) -> bool:
        """There was output meanwhile."""
        return self.outputs != self._outputs_before
