"""A session in a test: clock, dice and ids in hand."""

from itertools import count
from typing import Any

import openai_frames as openai
from realtime_switch.accounts.records import Grant
from realtime_switch.session.purse import Purse
from realtime_switch.session.session import Session
from realtime_switch.session.terms import Target, Terms

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


def session(clock: Clock | None = None, beta: bool = False, target: Target = TARGET, **terms: Any) -> Session:
    return Session(
        run_id="run",
        target=target,
        terms=Terms(**terms),
        beta=beta,
        now_us=clock or Clock(),
        random=lambda: 0.5,
        new_id=ids(),
    )


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
