"""Plays a talk: a written conversation between a client, us and a provider.

A talk is a text file. Each line begins with who speaks to whom:

    c>   the client says this to us          p>   the provider says this to us
    >c   we must say this to the client      >p   we must say this to the provider
    !    we must order this besides          @    this happens
    #    a remark

What we say must match completely and in order, and between two lines that are
said to us nothing may be left over. In an expected message "$name" stands for
any one string, the same one wherever that name returns. `as said` stands for
the very object that came: not a byte was changed, nor copied.

Happenings: `granted [credits=N] [history="..."] [config={...}]`, `opened`, `lost`,
`closed` (by the provider), `left`, `later SECONDS`. A talk whose name begins with beta_ has a beta client.
A `!` line is a step in short: `Dial`, `Keep UsageRecord`, `HangUp`, `End 1000`, `Note redial`.
"""

import shlex
from pathlib import Path
from typing import Any

import msgspec

from calls import GRANT, Clock, granted, session
from realtime_switch.session.session import Session
from realtime_switch.session.steps import (
    PASS,
    CloseClient,
    Dial,
    End,
    HangUp,
    Keep,
    Note,
    Step,
    ToClient,
    ToProvider,
)

Said = tuple[str, Any]  # who to whom, and what

_decode = msgspec.json.decode


def read_talk(path: Path) -> list[tuple[str, str]]:
    lines = (line.strip() for line in path.read_text().splitlines())
    spoken = (line for line in lines if line and not line.startswith("#"))
    return [(who, said) for who, said in (line.split(maxsplit=1) for line in spoken)]


def play(path: Path) -> None:
    clock = Clock()
    call = session(clock, beta=path.name.startswith("beta_"))
    due: list[Said] = []
    names: dict[str, str] = {}
    came = b""
    for who, said in read_talk(path):
        if who in ("c>", "p>", "@"):
            assert not due, f"left over before {who} {said}: {due}"
            came = said.encode()
            due = _happen(call, clock, said) if who == "@" else _hear(call, who, came)
            continue
        assert due, f"nothing left to say, expected {who} {said}"
        got_who, got = due.pop(0)
        assert got_who == who, f"expected {who} {said}\n     got {got_who} {got!r}"
        if said == "as said":
            assert got is came, f"expected the very frame that came\n     got {got!r}"
        elif who == "!":
            assert got == said, f"expected ! {said}\n     got ! {got}"
        else:
            want = _decode(said)
            assert _same(want, _decode(got), names), (
                f"expected {who} {want}\n     got {got_who} {_decode(got)}"
            )
    assert not due, f"left over at the end: {due}"


def _hear(call: Session, who: str, payload: bytes) -> list[Said]:
    if who == "c>":
        answer, forward = call.from_client(payload), ">p"
    else:
        answer, forward = call.from_provider(call.generation, payload), ">c"
    return [(forward, payload)] if answer is PASS else _shown(answer)


def _happen(call: Session, clock: Clock, said: str) -> list[Said]:
    match shlex.split(said):
        case ["granted", *members]:
            given: dict[str, Any] = dict(member.split("=", 1) for member in members)
            if "credits" in given:
                given["credits"] = int(given["credits"])
            return _shown(granted(call, msgspec.structs.replace(GRANT, **given)))
        case ["opened"]:
            return _shown(call.provider_opened(call.generation))
        case ["lost"]:
            return _shown(call.provider_lost(call.generation))
        case ["closed"]:
            return _shown(call.provider_closed(call.generation, 1000, ""))
        case ["left"]:
            return _shown(call.client_left())
        case ["later", seconds]:
            clock.go_on(float(seconds))
            return _shown(call.woke())
    raise ValueError(f"nothing is known to happen by the name of {said!r}")


def _shown(steps: list[Step]) -> list[Said]:
    return [shown for step in steps if (shown := _show(step)) is not None]


def _show(step: Step) -> Said | None:
    match step:
        case ToClient(payload):
            return ">c", payload
        case ToProvider(payload):
            return ">p", payload
        case Keep(record):
            return "!", f"Keep {type(record).__name__}"
        case Dial(generation):
            return "!", f"Dial {generation}"
        case Note(event):
            return "!", f"Note {event}"
        case HangUp():
            return "!", "HangUp"
        case CloseClient(End(code)):
            return "!", f"CloseClient {code}"
        case End(code):
            return "!", f"End {code}"
    return None  # timers and questions do not belong to what is said


def _same(want: Any, got: Any, names: dict[str, str]) -> bool:
    if isinstance(want, str) and want.startswith("$"):
        return isinstance(got, str) and names.setdefault(want, got) == got
    if isinstance(want, dict) and isinstance(got, dict):
        return want.keys() == got.keys() and all(_same(want[k], got[k], names) for k in want)
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(_same(w, g, names) for w, g in zip(want, got, strict=True))
    return bool(want == got)
