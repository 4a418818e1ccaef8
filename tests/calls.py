"""A session in a test: clock, dice and ids in hand."""

from collections import defaultdict
from itertools import count
from typing import Any

import openai_frames as openai
from realtime_switch.accounts.records import Grant
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session.choice import Health
from realtime_switch.session.purse import Purse
from realtime_switch.session.session import Session
from realtime_switch.session.way import Way, Ways

TARGET = Target(provider="openai", model="gpt-realtime")
GRANT = Grant(account_id="a1", session_id="s1", credits=1_000)


class Clock:
    def __init__(self) -> None:
        self.us = 1_000_000

    def __call__(self) -> int:
        return self.us

    def go_on(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)


def ids() -> Any:
    numbers = count(1)
    return lambda kind: f"{kind}_{next(numbers)}"


def ids_by_kind(given: dict[str, list[str]] | None = None) -> Any:
    """`given`: the first ones, by kind; then they are counted."""
    named = {kind: iter(names) for kind, names in (given or {}).items()}
    counts: dict[str, count[int]] = defaultdict(lambda: count(1))
    return lambda kind: next(named.get(kind, iter(())), None) or f"{kind}_{next(counts[kind])}"


def session(clock: Clock | None = None, beta: bool = False, target: Target = TARGET, **terms: Any) -> Session:
    """One whose client's socket is open."""
    clock = clock or Clock()
    new_id = ids()
    call = Session(
        run_id="run",
        client=openai_dialect,
        client_side=openai_dialect.ClientSide(new_id, beta),
        choose=lambda model: Ways(ways=(Way(target, Terms(**terms), openai_dialect),)),
        model=target.model,
        health=Health(clock),
        now_us=clock,
        random=lambda: 0.5,
        new_id=new_id,
    )
    call.begin()
    return call


def granted(call: Session, grant: Grant = GRANT) -> Any:
    return call.granted(grant, Purse(grant.credits))


def live(
    clock: Clock | None = None, grant: Grant = GRANT, purse: Purse | None = None, **terms: Any
) -> Session:
    call = session(clock, **terms)
    call.granted(grant, purse or Purse(grant.credits))
    call.provider_opened(1)
    call.from_provider(1, openai.SESSION_CREATED)
    return call
