from realtime_switch.accounts.records import Tokens, UsageKind, UsageRecord
from realtime_switch.session.allowance import Allowance


def bill(id, tokens, kind=UsageKind.RESPONSE):
    return UsageRecord(
        id=id, account_id="a", session_id="s", provider="p", kind=kind, tokens=Tokens(input=tokens)
    )


def test_a_bill_lowers_what_is_left_a_credit_a_token():
    allowance = Allowance(100)
    allowance.spend(bill("r-1", 30))
    assert allowance.left == 70


def test_a_transcription_costs_nothing_until_the_ledger_says_otherwise():
    allowance = Allowance(100)
    allowance.spend(bill("r-1", 30, UsageKind.TRANSCRIPTION))
    assert allowance.left == 100


def test_a_balance_without_our_bills_in_it_is_lowered_by_them():
    allowance = Allowance(100)
    allowance.spend(bill("r-1", 30))
    allowance.spend(bill("r-2", 20))
    allowance.know(70, posted=["r-1"])
    assert allowance.left == 50
    allowance.know(500, posted=["r-2", "somebody-elses"])
    assert allowance.left == 500
