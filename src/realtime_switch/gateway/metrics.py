"""What a gateway counts. docs/metrics.md lists it, and a test holds the two together.

Nothing here is on the way of a frame: the short way counts in fields of its call (short_way.py), and those
are added up when somebody looks.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from ..accounts.records import SwitchCause, Switched, UsageRecord
from ..metrics.families import CALL_SECONDS, LINK_SECONDS, SECONDS, Counter, Family, Gauge, Histogram, page
from ..metrics.process import Process
from ..outbox.outbox import Outbox
from ..outbox.rows import Kept
from .conductor import Conductor
from .ending import HowItEnded
from .short_way import short_way
from .traffic import Traffic


def link_round_trip() -> Histogram:
    """Made before all else: the link is what everything is built on."""
    name = "realtime_switch_link_round_trip_seconds"
    return Histogram(name, "From a question to the business process to its answer.", LINK_SECONDS, "verb")


class Metrics:
    """One for a gateway process."""

    def __init__(
        self,
        calls: Iterable[Conductor],
        outbox: Outbox,
        link_is_up: Callable[[], bool],
        round_trip: Histogram,
        now_us: Callable[[], int],
    ) -> None:
        self._live = calls
        self._outbox = outbox
        self._link_is_up = link_is_up
        self._now_us = now_us
        self._gone = Traffic()  # of the calls that have ended
        self._process = Process(short_way=short_way.partition(":")[0])
        name = "realtime_switch_{}".format
        # Calls.
        self.calls = Gauge(name("calls"), "Calls that are alive.", "state", "route", "provider")
        self.begun = Counter(name("calls_begun_total"), "Clients that were let in.")
        self.ended = Counter(
            name("calls_ended_total"), "Calls that have ended, and how.", "route", "provider", "by", "end"
        )
        self.duration = Histogram(name("call_seconds"), "How long a call lasted.", CALL_SECONDS)
        self.refusals = Counter(
            name("refusals_total"), "Clients that were not let in, or told at once to go.", "code"
        )
        self.connect = Histogram(
            name("connect_seconds"),
            "From a client's upgrade to a provider that listens to it.",
            SECONDS,
            "provider",
        )
        self.first_audio = Histogram(
            name("first_audio_seconds"),
            "From the end of the user's turn to the first audio of the answer.",
            SECONDS,
            "provider",
        )
        # Providers.
        self.dial = Histogram(
            name("dial_seconds"), "Opening a provider's WebSocket, when it succeeded.", SECONDS, "provider"
        )
        self.dials_failed = Counter(
            name("dials_failed_total"), "Provider connections that did not come about.", "provider", "trouble"
        )
        self.switches = Counter(
            name("switches_total"), "Calls that left a provider connection.", "cause", "provider", "arrived"
        )
        self.silence = Histogram(
            name("switch_silence_seconds"), "How long nobody was at the other end.", SECONDS
        )
        self.tokens = Counter(name("tokens_total"), "Tokens that were billed.", "provider", "direction")
        # Frames.
        self.received = Counter(
            name("frames_received_total"), "Messages, and whether they passed unread.", "peer", "way"
        )
        self.received_bytes = Counter(name("received_bytes_total"), "Their payload.", "peer", "way")
        self.sent = Counter(name("frames_sent_total"), "Messages.", "peer")
        self.sent_bytes = Counter(name("sent_bytes_total"), "Their payload.", "peer")
        self.unproven = Counter(
            name("unproven_audio_frames_total"),
            "Audio that had to be read, because it is spelt otherwise than expected.",
            "peer",
        )
        # The way to the ledger.
        self.outbox_records = Gauge(name("outbox_records"), "Records that are not committed yet.")
        self.outbox_bytes = Gauge(name("outbox_bytes"), "Their size on disk.")
        self.outbox_age = Gauge(
            name("outbox_oldest_seconds"), "How old the oldest of them is that is next to be sent."
        )
        self.outbox_lost = Counter(
            name("outbox_lost_total"), "Records that nobody takes, or for which there was no room.", "fate"
        )
        self.link = Gauge(name("link_up"), "1: a business process is there.")
        self.round_trip = round_trip

    def page(self, process: str) -> str:
        self._look()
        return page(self.families(), process)

    def families(self) -> list[Family]:
        own = [value for value in vars(self).values() if isinstance(value, Family)]
        return [*own, *self._process.families()]

    def expect(self, providers: Iterable[str]) -> None:
        """Those that routes lead to."""
        for provider in providers:
            for cause in SwitchCause:
                self.switches.begin(cause.value, provider, "yes")
                self.switches.begin(cause.value, provider, "no")

    # -- What happens ---------------------------------------------------------------------------------------

    def kept(self, records: Iterable[Kept]) -> None:
        for record in records:
            if type(record) is Switched:
                arrived = "yes" if record.to_provider else "no"
                self.switches.add(record.cause.value, record.from_provider, arrived)
                self.silence.observe(record.silent_us / 1e6)
            elif type(record) is UsageRecord:
                self.tokens.add(record.provider, "input", by=record.tokens.input)
                self.tokens.add(record.provider, "output", by=record.tokens.output)

    def call_ended(self, call: Conductor, how: HowItEnded, age_s: float) -> None:
        self.ended.add(call.session.route, call.provider, how.by, how.end)
        self.duration.observe(age_s)
        self._gone.add(call.tally.traffic)

    # -- What is there when somebody looks ------------------------------------------------------------------

    def _look(self) -> None:
        states: Tally[tuple[str, ...]] = Tally()
        traffic = Traffic()
        traffic.add(self._gone)
        for call in self._live:
            states[call.session.phase.value, call.session.route, call.provider] += 1
            traffic.add(call.tally.traffic)
        self.calls.set(states)
        self._show(traffic)
        outbox = self._outbox
        self.outbox_records.set({(): outbox.depth})
        self.outbox_bytes.set({(): outbox.size_bytes})
        oldest_us = outbox.oldest_us
        self.outbox_age.set({(): 0 if oldest_us is None else max(0, self._now_us() - oldest_us) / 1e6})
        self.outbox_lost.values = {("refused",): outbox.refused, ("dropped",): outbox.dropped}
        self.link.set({(): int(self._link_is_up())})

    def _show(self, traffic: Traffic) -> None:
        self.received.values = {
            ("client", "short"): traffic.passed_from_client,
            ("client", "read"): traffic.read_from_client,
            ("provider", "short"): traffic.passed_from_provider,
            ("provider", "read"): traffic.read_from_provider,
        }
        self.received_bytes.values = {
            ("client", "short"): traffic.passed_from_client_bytes,
            ("client", "read"): traffic.read_from_client_bytes,
            ("provider", "short"): traffic.passed_from_provider_bytes,
            ("provider", "read"): traffic.read_from_provider_bytes,
        }
        self.sent.values = {("client",): traffic.to_client, ("provider",): traffic.to_provider}
        self.sent_bytes.values = {
            ("client",): traffic.to_client_bytes,
            ("provider",): traffic.to_provider_bytes,
        }
        self.unproven.values = {
            ("client",): traffic.unproven_from_client,
            ("provider",): traffic.unproven_from_provider,
        }
