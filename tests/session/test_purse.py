from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.accounts.records import Tokens, UsageKind, UsageRecord
from realtime_switch.session.purse import LOW_REPLIES, Purse


def bill(id, tokens, kind=UsageKind.RESPONSE):
    return UsageRecord(
        id=id, account_id="a", session_id="s", provider="p", kind=kind, tokens=Tokens(input=tokens)
    )


def test_a_bill_lowers_what_is_left_a_credit_a_token():
    purse = Purse(100)
    purse.spend(bill("r-1", 30))
    assert purse.left == 70


def test_a_transcription_costs_nothing_until_the_ledger_says_otherwise():
    purse = Purse(100)
    purse.spend(bill("r-1", 30, UsageKind.TRANSCRIPTION))
    assert (purse.left, purse.owes) == (100, False)


def test_time_is_told_to_the_ledger_at_once_which_alone_knows_what_it_costs():
    purse = Purse(10**9)
    time = bill("r-1", 0, UsageKind.SESSION)
    purse.spend(time)
    assert purse.is_low(time)


def test_a_balance_without_our_bills_in_it_is_lowered_by_them():
    purse = Purse(100)
    purse.spend(bill("r-1", 30))
    purse.spend(bill("r-2", 20))
    purse.known(70, posted=["r-1"])
    assert purse.left == 50
    purse.known(500, posted=["r-2", "somebody-elses"])
    assert (purse.left, purse.owes) == (500, False)


def test_a_bill_that_is_under_way_is_not_taken_off_twice():
    purse = Purse(100)
    purse.spend(bill("r-1", 90))
    purse.sent(["r-1"])
    purse.known(10)  # the ledger has it, and we have not been told so yet
    assert purse.left == 10
    purse.known(10, posted=["r-1"])
    assert purse.left == 10


def test_few_replies_of_the_last_size_are_low():
    purse = Purse(LOW_REPLIES * 10)
    assert not purse.is_low(bill("r-1", 10))
    assert purse.is_low(bill("r-1", 11))


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["born", "sent", "posted", "acknowledged"]))))
def test_what_is_left_is_never_less_than_the_truth_and_exact_when_all_is_acknowledged(bills):
    """A ledger that posts at any moment after sending, and is read in between."""
    purse, balance = Purse(1_000), 1_000
    for number, (tokens, reached) in enumerate(bills):
        purse.spend(bill(f"r-{number}", tokens))
        if reached != "born":
            purse.sent([f"r-{number}"])
        if reached in ("posted", "acknowledged"):
            balance -= tokens
        purse.known(balance, posted=[f"r-{number}"] if reached == "acknowledged" else [])
        spent = sum(cost for cost, _ in bills[: number + 1])
        assert purse.left >= 1_000 - spent
    rest = [f"r-{number}" for number in range(len(bills))]
    balance -= sum(cost for cost, reached in bills if reached in ("born", "sent"))
    purse.known(balance, posted=rest)
    assert purse.left == balance == 1_000 - sum(cost for cost, _ in bills)
