"""What is sent to the business process next, and when. Pure: time and dice are arguments.

Rows wait in the order of their birth and leave in shipments, one at a time, so
passages of a session cannot overtake each other. A shipment is posted as up to
three kinds of request side by side: bills, passages with switches, configurations.

A shipment leaves when BILLS_PER_WRITE bills are there (A13), when ROWS_PER_WRITE
rows are, when somebody is in a hurry, or when its oldest row has waited LINGER_S.
While one is on its way the next gathers, so the busier the business process is,
the larger they grow. Few bills do not follow each other at once: two hundred calls
make a hundred a second, and what a shipment costs it costs whatever is in it.

What is refused by name is cut in halves until one record stands alone. It is
given up only if the business process takes others of its kind: else the fault
is not the record's, and all of it waits and is sent again.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from ..accounts.errors import ErrorCode
from ..accounts.records import Passage, SavedConfig, Switched, UsageRecord
from .rows import Row

BILLS_PER_WRITE = 5  # A13: 20 responses, 4 writes
ROWS_PER_WRITE = 100
# Long, because a bill is safe on disk and a call makes some five replies a minute: less would undo A13. The
# end of a call, a client that comes back and an account that runs low do not wait for it.
LINGER_S = 60.0
GATHER_S = 0.5  # after a shipment, until BILLS_PER_WRITE bills make the next
SHIPMENT_ROWS_MAX = 1_000
SHIPMENT_BYTES_MAX = 2 * 1024 * 1024  # the link carries messages of 8 MiB
RETRY_S_FIRST = 0.2
RETRY_S_MAX = 5.0
SUSPECTS_MAX = 3  # refused one by one while nothing passes: then it is hardly they

# Sending again may help, and splitting would not.
TRANSIENT = frozenset(
    {
        ErrorCode.INTERNAL_LINK_TIMEOUT,
        ErrorCode.INTERNAL_LINK_CLOSED,
        ErrorCode.INTERNAL_CONFIG_INVALID,  # the other end belongs to somebody else
        ErrorCode.INTERNAL_DATABASE_BUSY,
        ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
        ErrorCode.INTERNAL_DATABASE_DAMAGED,
    }
)


class Verb(enum.Enum):
    UPDATE_USAGE = "update_usage"
    APPEND_CONVERSATION = "append_conversation"
    SAVE_SESSION = "save_session"


_VERBS = {
    UsageRecord: Verb.UPDATE_USAGE,
    Passage: Verb.APPEND_CONVERSATION,
    Switched: Verb.APPEND_CONVERSATION,
    SavedConfig: Verb.SAVE_SESSION,
}


class Request(Struct, frozen=True):
    """Of configurations, which are one session's, only the last born is sent: it replaces the others."""

    verb: Verb
    rows: tuple[Row, ...]


class Refused(Struct, frozen=True):
    """A record that the business process does not take, though it takes others."""

    row: Row
    code: ErrorCode


Track = tuple[Verb, str, str]  # requests of one track follow each other; a configuration's is its session


Answer = tuple[Request, ErrorCode | None]  # None: it is committed


class Shipment:
    """Ask `requests`, post them side by side, tell what became of them all; until there are none."""

    def __init__(self, rows: Sequence[Row], suspects_max: int = SUSPECTS_MAX) -> None:
        self.taken: list[Row] = []
        self.failure: ErrorCode | None = None  # of the business process or the way there, not of a record
        self._suspects_max = suspects_max
        self._suspects: dict[Verb, list[Refused]] = {verb: [] for verb in Verb}
        self._passes: set[Verb] = set()
        self._left: dict[Track, list[tuple[Row, ...]]] = {}  # stacks: the next one is the last
        together: dict[Track, list[Row]] = {}
        for row in rows:
            together.setdefault(_track(row), []).append(row)
        for track, of_track in together.items():
            if track[0] is Verb.SAVE_SESSION:
                of_track.sort(key=lambda row: row.record.born_us)  # what was adopted came late and is older
            self._left[track] = [tuple(of_track)]

    def requests(self) -> list[Request]:
        if self.failure is not None:
            return []
        return [Request(verb, stack[-1]) for (verb, _, _), stack in self._left.items() if stack]

    def answered(self, answers: Iterable[Answer]) -> None:
        refusals = []
        for request, code in answers:
            if code is None:
                self._next(request)
                self.taken += request.rows
                self._passes.add(request.verb)
            elif code in TRANSIENT:
                self.failure = code
            else:
                refusals.append((request, code))
        words_refused = any(request.verb is Verb.APPEND_CONVERSATION for request, _ in refusals)
        for request, code in refusals:
            if request.verb is Verb.SAVE_SESSION and words_refused:
                continue  # it may have stood behind the words of its session (link/server.py): asked again
            self._refused(request, code)

    def _refused(self, request: Request, code: ErrorCode) -> None:
        stack = self._next(request)
        if len(request.rows) > 1:
            half = len(request.rows) // 2
            stack += [request.rows[half:], request.rows[:half]]
            return
        self._suspects[request.verb].append(Refused(request.rows[0], code))
        if request.verb not in self._passes and len(self._suspects[request.verb]) >= self._suspects_max:
            self.failure = code

    @property
    def given_up(self) -> list[Refused]:
        return [refused for verb in self._passes for refused in self._suspects[verb]]

    @property
    def refused_all(self) -> ErrorCode | None:
        """Nothing of some kind was taken and something was refused: who is at fault cannot be told yet."""
        for verb, suspects in self._suspects.items():
            if suspects and verb not in self._passes:
                return suspects[0].code
        return None

    def _next(self, request: Request) -> list[tuple[Row, ...]]:
        stack = self._left[_track(request.rows[0])]
        assert stack[-1] is request.rows, "an answer to what was not asked"
        stack.pop()
        return stack


class Delivery:
    """`random` gives 0 to 1."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._waiting: deque[Row] = deque()
        self._bills = 0  # among them
        self._since_s = 0.0  # since when the first of them has waited here
        self._hurried = False
        self._gathers_until_s = 0.0
        self._sending: tuple[Row, ...] = ()
        self._failures = 0  # in a row
        self._retry_at_s: float | None = None
        self._suspects_max = SUSPECTS_MAX

    def __len__(self) -> int:
        """Rows that wait or are on their way."""
        return len(self._waiting) + len(self._sending)

    @property
    def oldest_us(self) -> int | None:
        """When the first of them was born."""
        first = self._sending or self._waiting
        return first[0].record.born_us if first else None

    def add(self, rows: Iterable[Row], now_s: float) -> None:
        """They wait behind the others, in this order."""
        if not self._waiting:
            self._since_s = now_s
        for row in rows:
            self._waiting.append(row)
            self._bills += type(row.record) is UsageRecord

    def hurry(self) -> None:
        """What waits now is not to wait for company."""
        self._hurried = self._hurried or bool(self._waiting)

    def due_s(self) -> float | None:
        """When to `ship`; None while nothing waits, or while the last shipment is on its way."""
        if self._sending or not self._waiting:
            return None
        if self._retry_at_s is not None:
            return self._retry_at_s
        if self._hurried or len(self._waiting) >= ROWS_PER_WRITE:
            return self._since_s
        if self._bills >= BILLS_PER_WRITE:
            return max(self._since_s, self._gathers_until_s)
        return self._since_s + LINGER_S

    def ship(self, now_s: float) -> Shipment | None:
        due_s = self.due_s()
        if due_s is None or now_s < due_s:
            return None
        self._sending = tuple(self._first())
        self._hurried = self._hurried and bool(self._waiting)
        return Shipment(self._sending, self._suspects_max)

    def shipped(self, shipment: Shipment, now_s: float) -> list[Row]:
        """Its fate is known. What is taken may be forgotten once this returns; what is neither taken nor
        given up waits again, before all others."""
        settled = {id(row) for row in shipment.taken} | {id(refused.row) for refused in shipment.given_up}
        again = [row for row in self._sending if id(row) not in settled]
        self._gathers_until_s = now_s + GATHER_S
        if not self._waiting:
            self._since_s = now_s
        self._waiting.extendleft(reversed(again))
        self._bills += _bills(again)
        self._sending = ()
        if shipment.failure is not None or shipment.refused_all is not None:
            wait_s = min(RETRY_S_FIRST * 2**self._failures, RETRY_S_MAX)
            # Half of it at random, so that gateways which lost the same business process do not come in step.
            self._retry_at_s = now_s + wait_s * (0.5 + self._random() / 2)
            self._failures = min(self._failures + 1, 30)
            if shipment.refused_all is not None:
                # A few bad ones in front must not keep the rest back for ever.
                self._suspects_max = min(self._suspects_max * 2, SHIPMENT_ROWS_MAX)
        else:
            self._retry_at_s = None
            self._failures = 0
            self._suspects_max = SUSPECTS_MAX
        return shipment.taken

    def _first(self) -> list[Row]:
        rows: list[Row] = []
        size_bytes = 0
        while self._waiting and len(rows) < SHIPMENT_ROWS_MAX:
            size_bytes += self._waiting[0].size_bytes
            if rows and size_bytes > SHIPMENT_BYTES_MAX:
                break
            rows.append(self._waiting.popleft())
        self._bills -= _bills(rows)
        return rows


def _track(row: Row) -> Track:
    record = row.record
    verb = _VERBS[type(record)]
    if verb is Verb.SAVE_SESSION:
        return verb, record.account_id, record.session_id
    return verb, "", ""


def _bills(rows: Iterable[Row]) -> int:
    return sum(type(row.record) is UsageRecord for row in rows)
