"""How to misbehave on purpose.

What a fault does to a connection is told here; who does it is door.py and call.py. N counts server events,
which with Gemini are frames.

    refuse            nobody listens: the port is bound, so it stays ours; the kernel refuses every connect.
                      With times, the first connections are accepted and reset: a port cannot do both
    status:N          HTTP status N in answer to the upgrade
    hang              the connection is accepted and never answered
    silent            the upgrade succeeds, and then not one event
    drop_after:N      after N events the TCP connection ends, without a close frame
    stall_after:N     after N events not one more; pings are still answered
    garbage_after:N   after N events every event is broken JSON
    oversize_after:N  after N events one event of 32 MiB, and on
    error_after:N     after N events a server_error and close 1011; with Gemini the close alone
    expire_after:S    the session is over after S seconds: session_expired and close 1001; with Gemini
                      close 1011, unannounced
    goaway_after:S    a goAway after S seconds, and close 1008 5 to 50 s later; OpenAI's dialect has none
    start_error:CODE  GPT-Live: every session.start is answered with this error, and the socket ends 2 s later
    slow:MS           every event takes MS milliseconds
"""

import msgspec

OVERSIZE_BYTES = 32 * 1024 * 1024


class FaultMistake(ValueError):
    """One sentence for the person who named the fault."""


class Faults(msgspec.Struct, frozen=True):
    refuse: bool = False
    hang: bool = False
    silent: bool = False
    status: int | None = None
    drop_after: int | None = None
    stall_after: int | None = None
    garbage_after: int | None = None
    oversize_after: int | None = None
    error_after: int | None = None
    expire_after_s: float | None = None
    goaway_after_s: float | None = None
    start_error: str = ""
    slow_ms: int = 0
    # The first so many connections only; None is every one.
    times: int | None = None

    def hit(self, connection: int) -> bool:
        """Whether they concern this connection, counted from 1."""
        return self.times is None or connection <= self.times

    def counted_from(self, sent: int) -> "Faults":
        """The same for a connection that has sent so many events already."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        return msgspec.structs.replace(self, **{n: sent + c for n, c in counts.items() if c is not None})


NONE = Faults()
_SWITCHES = ("refuse", "hang", "silent")
_COUNTS = ("drop_after", "stall_after", "garbage_after", "oversize_after", "error_after")
_SECONDS = ("expire_after", "goaway_after")
KINDS = (*_SWITCHES, "status", *_COUNTS, *_SECONDS, "start_error", "slow")


def faults(*named: str, times: int | None = None) -> Faults:
    """From how a person names them: faults("slow:20", "drop_after:7")."""
    fields: dict[str, object] = {"times": times}
    for one in named:
        kind, _, argument = one.partition(":")
        if kind not in KINDS:
            raise FaultMistake(f"There is no fault '{kind}'. There are: {', '.join(KINDS)}.")
        fields |= _field(kind, argument)
    return msgspec.convert(fields, Faults)


def _field(kind: str, argument: str) -> dict[str, object]:
    if kind in _SWITCHES:
        if argument:
            raise FaultMistake(f"The fault '{kind}' takes no argument.")
        return {kind: True}
    if kind == "start_error":
        if not argument:
            raise FaultMistake("The fault 'start_error' takes a code: start_error:insufficient_quota")
        return {kind: argument}
    if kind in _SECONDS:
        try:
            seconds = float(argument)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < 1e6:
            raise FaultMistake(f"The fault '{kind}' takes seconds: {kind}:2.5")
        return {f"{kind}_s": seconds}
    low, high, example = (100, 999, 503) if kind == "status" else (0, 10**6, 20)
    if not (argument.isascii() and argument.isdigit()) or not low <= int(argument) <= high:
        raise FaultMistake(f"The fault '{kind}' takes a whole number: {kind}:{example}")
    return {"slow_ms" if kind == "slow" else kind: int(argument)}
