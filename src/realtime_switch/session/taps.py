"""What is kept of a call: its bills, its words, and how the client wanted it to be held.

Taps hear acts; they can neither delay nor change a frame. What they answer is to be kept before the next
step is taken.
"""

from collections.abc import Callable
from typing import Any

from ..accounts.records import Certainty, Grant, SavedConfig, Switched, UsageRecord
from ..dialects.acts import (
    Act,
    AudioSent,
    Bill,
    Configured,
    Ready,
    SessionTime,
    TranscriptionUsage,
    Usage,
)
from ..dialects.dialect import ClientSide, ToClient
from ..dialects.terms import Target, Terms
from . import limits
from .meter import Meter
from .purse import Purse
from .seam import Seam
from .steps import Keep, Note, Steps
from .timing import Timing
from .transcript import Transcript
from .way import Way

LEFT_OUT = "[What was said before this is left out.]\n"  # as the business side marks its own cuts


class Taps:
    def __init__(
        self,
        grant: Grant,
        purse: Purse,
        terms: Terms,
        client_side: ClientSide,
        record_id: Callable[[], str],
        now_us: Callable[[], int],
    ) -> None:
        """`purse` is shared with the other calls of the account."""
        self._grant = grant
        self._purse = purse
        self._terms = terms
        self._client_side = client_side
        self._record_id = record_id
        self._now_us = now_us
        who = (grant.account_id, grant.session_id)
        self._meter = Meter(who, record_id, now_us)
        self._timing = Timing()
        self._timed: Target | None = None  # by whom
        self._transcript = Transcript(who, record_id, now_us, continues=bool(grant.history))
        self._saved = grant.config
        self._low_noted = False
        self.second_is_full = False  # of the session's time, since its bill was drafted last
        self.unsettled = False  # something was heard by which words may have become sure

    def hear(self, act: Act, target: Target) -> Steps:
        if self._transcript.hear(act):
            self.unsettled = True
        keep = _KEEPERS.get(type(act))
        return [] if keep is None else keep(self, act, target)

    # -- Money ----------------------------------------------------------------------------------------------

    @property
    def spent(self) -> bool:
        return self._purse.left <= 0

    def _time_told(self, told: SessionTime, target: Target) -> Steps:
        steps = self._charge_time(self._timing.told(told), target)
        steps += self.draft_time(target)  # what was sent beyond that
        if self._timing.drifts(told):
            steps.append(
                Note("time_drifts", f"{told.total_ms} ms told, {self._timing.own_ms} ms of audio sent")
            )
        return steps

    def time_begins(self, audio_bytes_per_ms: int, target: Target) -> Steps:
        """Another session of a provider: what is left of the one before is put down first."""
        rest = self._charge_time(self._timing.rest(), self._timed) if self._timed is not None else []
        self._timing, self._timed = Timing(audio_bytes_per_ms), target
        return rest

    def time_due(self, target: Target) -> Steps:
        """What a provider that bills by time has not said of it for too long."""
        return self._charge_time(self._timing.due(), target)

    def draft_time(self, target: Target) -> Steps:
        """Once for each second: what the stretch that runs is worth, for who finds us killed in it."""
        self.second_is_full = False
        running_ms = self._timing.draft()
        return [] if running_ms is None else [Keep(self._meter.draft(running_ms, target))]

    @property
    def second_bytes(self) -> int:
        return self._timing.second_bytes

    def _charge_time(self, stretch: tuple[int, Certainty] | None, target: Target) -> Steps:
        return [] if stretch is None else self._charge_record(self._meter.time(*stretch, target))

    def _audio_sent(self, act: AudioSent, target: Target) -> Steps:
        self._timing.sent(act.audio_bytes)
        self.second_is_full = self._timing.undrafted_ms >= 1_000
        return []

    def _charge(self, bill: Bill, target: Target) -> Steps:
        return self._charge_record(self._meter.record(bill, target))

    def _charge_record(self, record: UsageRecord) -> Steps:
        steps: Steps = [Keep(record)]
        self._purse.spend(record)
        left = self._purse.left
        if 0 < left < self._terms.low_credits and not self._low_noted:
            self._low_noted = True
            steps.append(Note("credits_low", str(left)))
            if self._terms.tell_low_credits:
                steps += [ToClient(p) for p in self._client_side.credits_low(left)]
        return steps

    def switched(self, seam: Seam, way: Way | None, attempts: int, told: str) -> Switched:
        """None: it went nowhere. `told`: what the new provider was told of the past."""
        self._meter.retold(told)
        return Switched(
            id=self._record_id(),
            account_id=self._grant.account_id,
            session_id=self._grant.session_id,
            from_provider=seam.source.provider,
            from_model=seam.source.model,
            to_provider=way.target.provider if way is not None else "",
            to_model=way.target.model if way is not None else "",
            cause=seam.cause,
            silent_us=max(0, self._now_us() - seam.since_us),
            attempts=attempts,
            born_us=self._now_us(),
        )

    # -- Words ----------------------------------------------------------------------------------------------

    def due(self) -> Steps:
        self.unsettled = False
        return [Keep(passage) for passage in self._transcript.due()]

    def due_us(self) -> int | None:
        """When words become sure by time alone."""
        return self._transcript.due_us()

    def cut_off(self) -> None:
        """The provider is gone: what it began it will not finish."""
        self._transcript.cut_off()

    def flush(self, target: Target) -> Steps:
        """All that is not kept yet: the call is over."""
        time = self._charge_time(self._timing.rest(), target)
        return [*time, *(Keep(passage) for passage in self._transcript.flush())]

    def history(self) -> str:
        """Everything said before this connection, as much of it as a provider is told (A11). The beginning is
        already cut by the business side; what this call added makes it longer again."""
        text = self._grant.history + self._transcript.said
        if len(text) <= limits.HISTORY_CHARS_MAX:
            return text
        cut = text[len(LEFT_OUT) - limits.HISTORY_CHARS_MAX :]
        return LEFT_OUT + cut[cut.find("\n") + 1 :]

    # -- The configuration ----------------------------------------------------------------------------------

    @property
    def config(self) -> str | None:
        """What a fresh provider is told first (A8)."""
        return self._saved

    def _begun(self, act: Ready, target: Target) -> Steps:
        return [*self.time_begins(act.audio_bytes_per_ms, target), *self._save(act, target)]

    def _save(self, act: Ready | Configured, target: Target) -> Steps:
        """A8. What we replayed ourselves is not heard here: the gate keeps its answer to itself."""
        config = self._client_side.config_to_save(act)
        if config is None or config == self._saved:
            return []
        self._saved = config
        saved = SavedConfig(
            id=self._record_id(),
            account_id=self._grant.account_id,
            session_id=self._grant.session_id,
            config=config,
            born_us=self._now_us(),
        )
        return [Keep(saved)]


# Each is given the acts that it is filed under.
_KEEPERS: dict[type[Act], Callable[[Taps, Any, Target], Steps]] = {
    Usage: Taps._charge,
    TranscriptionUsage: Taps._charge,
    SessionTime: Taps._time_told,
    AudioSent: Taps._audio_sent,
    Ready: Taps._begun,
    Configured: Taps._save,
}
