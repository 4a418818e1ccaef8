"""What is sent next, and when: over made-up rows and a made-up clock."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from outbox_ends import bill, config, passage, rows, switched
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import SavedConfig, UsageRecord
from realtime_switch.outbox.delivery import (
    BILLS_PER_WRITE,
    GATHER_S,
    LINGER_S,
    RETRY_S_FIRST,
    RETRY_S_MAX,
    ROWS_PER_WRITE,
    SHIPMENT_BYTES_MAX,
    SHIPMENT_ROWS_MAX,
    TRANSIENT,
    Delivery,
    Shipment,
    Verb,
)
from realtime_switch.outbox.rows import Record, Row

NO = ErrorCode.INTERNAL_UNEXPECTED
AWAY = ErrorCode.INTERNAL_LINK_TIMEOUT


def a_delivery() -> Delivery:
    return Delivery(lambda: 1.0)


def ids(records: Sequence[Row]) -> list[str]:
    return [row.record.id for row in records]


def carry(shipment: Shipment, bad: frozenset[str] = frozenset()) -> list[list[str]]:
    """To a business side that refuses `bad`; what it was asked."""
    asked = []
    while requests := shipment.requests():
        answers = []
        for request in requests:
            asked.append(ids(request.rows))
            sent = request.rows[-1:] if request.verb is Verb.SAVE_SESSION else request.rows
            answers.append((request, NO if bad & set(ids(sent)) else None))
        shipment.answered(answers)
    return asked


def ship(delivery: Delivery, now_s: float) -> Shipment:
    shipment = delivery.ship(now_s)
    assert shipment is not None
    return shipment


# -- When ------------------------------------------------------------------------------------------------


def test_nothing_waits_longer_than_it_may() -> None:
    delivery = a_delivery()
    assert delivery.due_s() is None
    delivery.add(rows(passage(1)), 100.0)
    delivery.add(rows(passage(2)), 130.0)
    assert delivery.due_s() == 100.0 + LINGER_S
    assert delivery.ship(99.0 + LINGER_S) is None
    assert ids(ship(delivery, 100.0 + LINGER_S).requests()[0].rows) == ["p1", "p2"]


def test_five_bills_go_at_once() -> None:
    delivery = a_delivery()
    delivery.add(rows(*[bill(number) for number in range(BILLS_PER_WRITE - 1)]), 1.0)
    assert delivery.ship(1.0) is None
    delivery.add(rows(bill(9)), 2.0)
    assert delivery.ship(2.0) is not None


def test_many_words_go_at_once() -> None:
    delivery = a_delivery()
    delivery.add(rows(*[passage(number) for number in range(ROWS_PER_WRITE)]), 1.0)
    assert delivery.ship(1.0) is not None


def test_who_hurries_does_not_wait_and_does_not_hurry_others() -> None:
    delivery = a_delivery()
    delivery.hurry()  # nothing is there to hurry
    delivery.add(rows(bill(1)), 1.0)
    assert delivery.ship(1.0) is None
    delivery.hurry()
    shipment = ship(delivery, 1.0)
    delivery.add(rows(bill(2)), 1.5)
    carry(shipment)
    delivery.shipped(shipment, 2.0)
    assert delivery.due_s() == 1.5 + LINGER_S


def test_one_shipment_at_a_time_and_the_next_takes_all_that_came_meanwhile() -> None:
    delivery = a_delivery()
    delivery.add(rows(*[bill(number) for number in range(5)]), 1.0)
    shipment = ship(delivery, 1.0)
    delivery.add(rows(*[bill(number) for number in range(5, 50)]), 1.0)
    assert (delivery.due_s(), delivery.ship(9.0)) == (None, None)
    assert len(delivery) == 50
    carry(shipment)
    assert len(delivery.shipped(shipment, 2.0)) == 5
    assert len(ship(delivery, 2.0 + GATHER_S).requests()[0].rows) == 45


def test_few_bills_do_not_follow_each_other_at_once() -> None:
    delivery = a_delivery()
    delivery.add(rows(*[bill(number) for number in range(5)]), 1.0)
    shipment = ship(delivery, 1.0)
    carry(shipment)
    delivery.shipped(shipment, 2.0)
    delivery.add(rows(*[bill(number) for number in range(5, 10)]), 2.1)
    assert (delivery.due_s(), delivery.ship(2.4)) == (2.0 + GATHER_S, None)
    delivery.add(rows(bill(10)), 2.2)
    assert len(ship(delivery, 2.0 + GATHER_S).requests()[0].rows) == 6


@pytest.mark.parametrize("many", [True, False])
def test_many_rows_and_who_hurries_do_not_wait_for_that(many: bool) -> None:
    delivery = a_delivery()
    delivery.add(rows(*[bill(number) for number in range(5)]), 1.0)
    shipment = ship(delivery, 1.0)
    carry(shipment)
    delivery.shipped(shipment, 2.0)
    delivery.add(rows(*[bill(number) for number in range(ROWS_PER_WRITE if many else 1)]), 2.1)
    if not many:
        delivery.hurry()
    assert delivery.ship(2.1) is not None


def test_twenty_replies_cost_four_writes_however_they_are_spaced() -> None:
    for seconds in (0.0, 0.1, 5.0, 14.0):
        delivery, writes = a_delivery(), 0
        for number in range(20):
            now_s = number * seconds
            if (shipment := delivery.ship(now_s)) is not None:
                writes += len(carry(shipment))
                delivery.shipped(shipment, now_s)
            delivery.add(rows(bill(number)), now_s)
        delivery.hurry()
        while (shipment := delivery.ship(1e6)) is not None:
            writes += len(carry(shipment))
            delivery.shipped(shipment, 1e6)
        assert writes <= 4


def test_a_shipment_is_bounded_in_rows_and_bytes() -> None:
    delivery = a_delivery()
    delivery.add(rows(*[bill(number) for number in range(SHIPMENT_ROWS_MAX + 1)]), 1.0)
    assert len(ship(delivery, 1.0).requests()[0].rows) == SHIPMENT_ROWS_MAX
    delivery = a_delivery()
    half = SHIPMENT_BYTES_MAX // 2 + 1
    delivery.add([Row(1, n, bill(n), half) for n in range(5)], 1.0)
    assert len(ship(delivery, 1.0).requests()[0].rows) == 1


# -- After a failure -------------------------------------------------------------------------------------


def test_what_fails_goes_again_first_and_ever_less_often() -> None:
    delivery, pauses, now_s = a_delivery(), [], 0.0
    delivery.add(rows(bill(1)), now_s)
    delivery.hurry()
    for _ in range(8):
        shipment = ship(delivery, now_s)
        shipment.answered([(request, AWAY) for request in shipment.requests()])
        assert shipment.requests() == []
        assert delivery.shipped(shipment, now_s) == []
        delivery.hurry()  # does not help: nobody is there
        due_s = delivery.due_s()
        assert due_s is not None
        pauses.append(round(due_s - now_s, 3))
        now_s = due_s
    assert pauses == [RETRY_S_FIRST * 2**n for n in range(5)] + [RETRY_S_MAX] * 3
    delivery.add(rows(bill(2)), now_s)
    shipment = ship(delivery, now_s)
    assert carry(shipment) == [["b1", "b2"]]
    delivery.shipped(shipment, now_s)
    assert len(delivery) == 0


def test_gateways_do_not_come_back_in_step() -> None:
    def pause(random: float) -> float:
        delivery = Delivery(lambda: random)
        delivery.add(rows(*[bill(n) for n in range(5)]), 0.0)
        shipment = ship(delivery, 0.0)
        shipment.answered([(request, AWAY) for request in shipment.requests()])
        delivery.shipped(shipment, 0.0)
        return delivery.due_s() or 0.0

    assert (pause(0.0), pause(1.0)) == (RETRY_S_FIRST / 2, RETRY_S_FIRST)


@pytest.mark.parametrize("code", sorted(TRANSIENT))
def test_nobody_is_split_or_blamed_for_a_business_side_that_is_away(code: ErrorCode) -> None:
    shipment = Shipment(rows(bill(1), bill(2), passage(1)))
    bills, words = shipment.requests()
    shipment.answered([(bills, code), (words, None)])
    assert (shipment.failure, shipment.given_up, ids(shipment.taken)) == (code, [], ["p1"])


# -- What cannot be taken --------------------------------------------------------------------------------


def test_one_bad_record_costs_nobody_else() -> None:
    shipment = Shipment(rows(*[bill(number) for number in range(100)]))
    asked = carry(shipment, frozenset({"b63"}))
    assert len(asked) < 20
    assert [refused.row.record.id for refused in shipment.given_up] == ["b63"]
    assert len(shipment.taken) == 99


def test_a_record_is_not_given_up_while_nothing_passes() -> None:
    delivery = a_delivery()
    delivery.add(rows(bill(1)), 0.0)
    delivery.hurry()
    shipment = ship(delivery, 0.0)
    carry(shipment, frozenset({"b1"}))
    assert (shipment.given_up, shipment.refused_all) == ([], NO)
    assert delivery.shipped(shipment, 0.0) == []
    delivery.add(rows(bill(2)), 0.1)
    shipment = ship(delivery, 1.0)
    carry(shipment, frozenset({"b1"}))
    assert [refused.row.record.id for refused in shipment.given_up] == ["b1"]
    assert ids(delivery.shipped(shipment, 1.0)) == ["b2"]
    assert len(delivery) == 0


def test_a_business_side_that_refuses_everything_is_not_asked_for_each_record() -> None:
    shipment = Shipment(rows(*[bill(number) for number in range(1_000)]))
    asked = carry(shipment, frozenset(f"b{number}" for number in range(1_000)))
    assert len(asked) < 20
    assert (shipment.failure, shipment.given_up) == (NO, [])


def test_many_bad_records_in_front_do_not_keep_the_rest_back_for_ever() -> None:
    delivery = a_delivery()
    delivery.add(rows(*[bill(number) for number in range(40)]), 0.0)
    now_s, bad = 0.0, frozenset(f"b{number}" for number in range(20))
    for _ in range(10):
        now_s = delivery.due_s() or now_s
        if (shipment := delivery.ship(now_s)) is None:
            break
        carry(shipment, bad)
        delivery.shipped(shipment, now_s)
    assert len(delivery) == 0


def test_a_configuration_is_not_blamed_for_the_words_it_stood_behind() -> None:
    shipment = Shipment(rows(passage(1), config(1), passage(2)))
    words, saved = shipment.requests()
    assert (words.verb, saved.verb) == (Verb.APPEND_CONVERSATION, Verb.SAVE_SESSION)
    shipment.answered([(saved, NO), (words, NO)])
    carry(shipment, frozenset({"p1"}))
    assert [refused.row.record.id for refused in shipment.given_up] == ["p1"]
    assert set(ids(shipment.taken)) == {"p2", "c1"}


def test_a_switch_goes_with_the_words_in_its_place() -> None:
    shipment = Shipment(rows(passage(1), switched(1), bill(1), passage(2), switched(2)))
    assert carry(shipment) == [["p1", "w1", "p2", "w2"], ["b1"]]


def test_only_the_last_configuration_of_a_session_is_sent_and_all_of_them_are_settled() -> None:
    shipment = Shipment(rows(config(1), config(2, "s2"), config(3)))
    assert carry(shipment) == [["c1", "c3"], ["c2"]]
    assert set(ids(shipment.taken)) == {"c1", "c2", "c3"}


def test_a_configuration_that_was_adopted_late_does_not_replace_a_younger_one() -> None:
    young, old = replace(config(1), born_us=2), replace(config(2), born_us=1)
    shipment = Shipment(rows(young, old))
    assert carry(shipment) == [["c2", "c1"]]
    [request] = Shipment(rows(young, old)).requests()
    assert request.rows[-1].record == young


# -- Laws ------------------------------------------------------------------------------------------------

A_RECORD = st.one_of(
    st.builds(bill, st.integers(0, 10**9)),
    st.builds(passage, st.integers(0, 10**9), st.sampled_from(["s1", "s2"])),
    st.builds(switched, st.integers(0, 10**9), st.sampled_from(["s1", "s2"])),
    st.builds(config, st.integers(0, 10**9), st.sampled_from(["s1", "s2"])),
)


@given(st.lists(A_RECORD, max_size=60, unique_by=lambda record: record.id), st.data())
def test_every_row_is_taken_or_given_up_once_and_words_keep_their_order(
    records: list[Record], data: st.DataObject
) -> None:
    bad = data.draw(st.sets(st.sampled_from([r.id for r in records]))) if records else set()
    weather = data.draw(st.lists(st.sampled_from(["fine", "away", "half"]), max_size=10))
    delivery, now_s = a_delivery(), 0.0
    delivery.add(rows(*records), now_s)
    delivery.hurry()
    said: list[str] = []
    taken: list[str] = []
    given_up: list[str] = []
    for _ in range(200):
        now_s = max(now_s, delivery.due_s() or now_s)
        if (shipment := delivery.ship(now_s)) is None:
            break
        today = weather.pop() if weather else "fine"
        while requests := shipment.requests():
            answers = []
            for number, request in enumerate(requests):
                if today == "away" or (today == "half" and number % 2):
                    answers.append((request, AWAY))
                    continue
                sent = request.rows[-1:] if request.verb is Verb.SAVE_SESSION else request.rows
                refused = bool(bad & set(ids(sent)))
                answers.append((request, NO if refused else None))
                if request.verb is Verb.APPEND_CONVERSATION and not refused:
                    said += ids(request.rows)
            shipment.answered(answers)
        given_up += [refused.row.record.id for refused in shipment.given_up]
        taken += ids(delivery.shipped(shipment, now_s))
    left = len(delivery)
    assert len(taken) + len(given_up) + left == len(records)
    assert set(given_up) <= bad
    good = {record.id for record in records} - bad
    for kind in (UsageRecord, SavedConfig):
        of_kind = {record.id for record in records if type(record) is kind}
        if of_kind & good and not of_kind & bad:
            assert of_kind <= set(taken)
    words = [record.id for record in records if record.id in said]
    assert said == words
