"""Thousands of small disasters, each by a seed: what was kept arrives, once, in order.

`FAULTY_WORLDS=20000 pytest tests/simulation` runs more of them; a failure names its seed.
"""

import os
from collections.abc import Sequence

import pytest

from faulty_world import ACCOUNTS, CREDITS, SESSIONS, Business, Gateway, World
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import Draft, Passage
from realtime_switch.outbox.delivery import Request

WORLDS = int(os.environ.get("FAULTY_WORLDS", "2000"))
STEPS = 150


def play(seed: int, kind: type[World] = World, *, poisonous: bool = False) -> World:
    world = kind(seed, poisonous)
    for _ in range(STEPS):
        world.step()
    world.calm_down()
    return world


def check(world: World) -> None:
    ledger = world.ledger()
    assert world.reached <= world.kept_bills
    assert set(ledger) == world.kept_bills - world.poison, "what was kept is billed, and nothing else"
    assert ledger == {i: world.billed[i].tokens.total for i in ledger}
    spent = {
        a: sum(world.billed[i].tokens.total for i in ledger if world.billed[i].account_id == a)
        for a in ACCOUNTS
    }
    assert world.credits() == {a: CREDITS - spent[a] for a in ACCOUNTS}
    for session_id in SESSIONS:
        said = [passage.text for passage in world.said[session_id] if passage.id not in world.poison]
        assert world.conversation(session_id) == "".join(said)
        switches = [switched for switched in world.switches[session_id] if switched.id not in world.poison]
        assert world.switches_of(session_id) == switches
        config = world.configs.get(session_id)
        if config is not None and config.id not in world.poison:
            assert world.config(session_id) == config.born_us


def failures(seeds: Sequence[int], kind: type[World]) -> int:
    found = 0
    for seed in seeds:
        try:
            check(play(seed, kind))
        except AssertionError:
            found += 1
    return found


@pytest.mark.parametrize("part", range(4))
def test_what_was_kept_arrives_once_and_in_order(part: int) -> None:
    kills = reached = 0
    for seed in range(part, WORLDS, 4):
        world = play(seed)
        try:
            check(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        kills, reached = kills + world.kills, reached + len(world.reached)
    # The worlds are as bad as they should be: a test of nothing passes too.
    assert kills > WORLDS / 4 * 2
    assert reached > WORLDS / 4 * 2


def test_records_that_cannot_be_taken_hold_nobody_up() -> None:
    given_up = 0
    for seed in range(WORLDS // 8):
        world = play(seed, poisonous=True)
        try:
            check(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        given_up += len(world.given_up_now())
        left = {record.id for disk in world.disks for record in disk.rows.values()}
        assert left <= world.poison
        told = [*world.said.values(), *world.switches.values()]
        assert world.poison & (world.kept_bills | {part.id for parts in told for part in parts}) <= left
    assert given_up > 0


# -- Would it notice? --------------------------------------------------------------------------------------


class ForgetsBeforeTheAnswer(Gateway):
    def ask(self) -> None:
        super().ask()
        for question in self.questions:
            for row in question.request.rows:
                self.folders[row.file].rows.pop(row.number, None)

    def forget(self) -> None:
        row = self.to_forget.popleft()
        self.folders[row.file].rows.pop(row.number, None)


class ForwardsBeforeItKeeps(Gateway):
    """The frame goes first: a kill between the two gives a reply away."""

    def keep(self, record: object) -> bool:
        if not isinstance(record, Passage) and record.id in self.world.billed:
            self.world.reached.add(record.id)
        return super().keep(record)


class AnswersBeforeItCommits(Business):
    def execute(self, request: Request) -> ErrorCode | None:
        if self.skipped is None:
            self.skipped = request
            return None
        late, self.skipped = self.skipped, request
        return super().execute(late)

    skipped: Request | None = None


class DoesNotSendAgain(Gateway):
    def conclude(self) -> None:
        shipment = self.shipment
        super().conclude()
        if shipment is not None and self.shipment is None and shipment.failure is not None:
            self.delivery._waiting.clear()


class ChangesIds(Gateway):
    """As if a record got a new id each time it is sent."""

    def adopt(self) -> None:
        for disk in self.world.disks:
            if disk.owner is None:
                for number, record in disk.rows.items():
                    disk.rows[number] = type(record)(
                        **{f: getattr(record, f) for f in record.__struct_fields__ if f != "id"},
                        id=f"{record.id}-again",
                    )
        super().adopt()


class TakesDraftsForBills(Gateway):
    """It does not look whether there is a bill of the stretch."""

    def adopt(self) -> None:
        for disk in self.world.disks:
            if disk.owner is None:
                disk.rows = {
                    -number: draft for number, draft in enumerate(disk.drafted.values(), 1)
                } | disk.rows
                disk.drafted.clear()
        super().adopt()


class PostsWhatRuns(Gateway):
    def keep(self, record: object) -> bool:
        return super().keep(record.bill if isinstance(record, Draft) else record)


@pytest.mark.parametrize(
    "mutant",
    [
        ForgetsBeforeTheAnswer,
        ForwardsBeforeItKeeps,
        DoesNotSendAgain,
        ChangesIds,
        TakesDraftsForBills,
        PostsWhatRuns,
    ],
)
def test_a_gateway_that_does_it_wrong_is_found_out(mutant: type[Gateway]) -> None:
    kind = type("Wrong", (World,), {"gateway_kind": mutant})
    assert failures(range(40), kind) > 0


def test_a_business_process_that_answers_before_it_commits_is_found_out() -> None:
    kind = type("Wrong", (World,), {"business_kind": AnswersBeforeItCommits})
    assert failures(range(40), kind) > 0
