import tomllib
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime_switch.accounts.errors import ConfigurationError, RealtimeSwitchError
from realtime_switch.accounts.records import COUNT_MAX, Tokens, UsageKind, UsageRecord
from realtime_switch.business.credits import (
    CREDITS_MAX,
    RATE_MAX,
    RateBook,
    RateEntry,
    Rates,
    Split,
    plan,
    rate_book,
    read_rates,
    split,
)
from realtime_switch.business.repos import PostedUsage

RATE_NAMES = tuple(name for name in Rates.__struct_fields__ if name != "match")
DETAILS = ("input_text", "input_audio", "input_image", "output_text", "output_audio")


def record(kind: UsageKind = UsageKind.RESPONSE, **members: object) -> UsageRecord:
    named = {
        "id": "run1-1",
        "account_id": "a1",
        "session_id": "s1",
        "provider": "openai",
        "model": "gpt-realtime",
    }
    return msgspec.convert({**named, "kind": kind, **members}, UsageRecord)


def credits(book: RateBook, record: UsageRecord) -> int:
    return book.bill(record).credits


# -- Plans and purses ------------------------------------------------------------------------------------


def test_the_plans_are_those_of_the_description_and_their_names_know_no_case():
    assert [plan(name) for name in ("free", "PRO", "Enterprise")] == [
        ("Free", 1_000),
        ("Pro", 50_000),
        ("Enterprise", 500_000),
    ]


def test_an_unknown_plan_is_refused_with_those_there_are():
    with pytest.raises(RealtimeSwitchError, match="the plans are Free, Pro, Enterprise"):
        plan("Gold")


@pytest.mark.parametrize(
    ("topup", "credits", "expected"),
    [(0, 0, (0, 0)), (10, 4, (4, 0)), (10, 10, (10, 0)), (10, 11, (10, 1)), (0, 7, (0, 7)), (-5, 7, (0, 7))],
)
def test_bought_credits_are_spent_first_and_the_plan_bears_the_rest(topup, credits, expected):
    assert split(topup, credits) == Split(*expected)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_split_spends_exactly_what_was_asked_and_never_overdraws_the_topup(topup, credits):
    given_by = split(topup, credits)
    assert given_by.topup + given_by.plan == credits
    assert 0 <= given_by.topup <= topup
    assert given_by.plan >= 0
    assert given_by.plan == 0 or given_by.topup == topup


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_spending_in_two_goes_is_spending_at_once(topup, first, second):
    one, other = split(topup, first), split(topup - split(topup, first).topup, second)
    assert split(topup, first + second) == Split(one.topup + other.topup, one.plan + other.plan)


# -- Without rates ---------------------------------------------------------------------------------------

counts = st.integers(0, 100_000) | st.just(COUNT_MAX)
any_tokens = st.builds(Tokens, **dict.fromkeys(Tokens.__struct_fields__, counts))
any_record = st.builds(
    record,
    kind=st.sampled_from(UsageKind),
    tokens=any_tokens,
    reseed_input=counts,
    duration_ms=counts,
    fees=counts,
)


@given(any_record)
def test_without_rates_a_token_is_a_credit_and_nothing_else_costs(bill):
    by_token = bill.kind is UsageKind.RESPONSE
    expected = bill.tokens.input + bill.tokens.output if by_token else 0
    assert RateBook().bill(bill) == PostedUsage(record=bill, credits=expected, rates="")


def test_a_model_that_no_rate_names_costs_a_credit_a_token():
    book = rate_book([RateEntry(match="openai/*", input_text=7)])
    assert credits(book, record(provider="xai", tokens=Tokens(input=3, output=4))) == 7


# -- With rates ------------------------------------------------------------------------------------------


def test_every_kind_of_token_has_its_own_rate_and_cached_ones_are_not_charged_twice():
    book = rate_book(
        [
            RateEntry(
                match="openai/gpt-realtime*",
                input_text=4,
                input_audio=32,
                input_image=5,
                cached_text="0.4",
                cached_audio="0.5",
                cached_image="0.6",
                output_text=16,
                output_audio=64,
            )
        ]
    )
    tokens = Tokens(
        input=160,
        output=70,
        input_text=100,
        input_audio=50,
        input_image=10,
        cached_text=60,
        cached_audio=20,
        cached_image=5,
        output_text=20,
        output_audio=50,
    )
    exact = 40 * 4 + 30 * 32 + 5 * 5 + 60 * Decimal("0.4") + 20 * Decimal("0.5") + 5 * Decimal("0.6")
    exact += 20 * 16 + 50 * 64
    assert exact == 4702
    assert credits(book, record(tokens=tokens)) == 4702


def test_tokens_that_the_details_do_not_explain_are_text():
    book = rate_book([RateEntry(match="*", input_text=2, input_audio=10, output_text=3, output_audio=20)])
    tokens = Tokens(input=100, output=50, input_audio=60, output_audio=30)
    assert credits(book, record(tokens=tokens)) == 40 * 2 + 60 * 10 + 20 * 3 + 30 * 20


def test_no_more_is_cached_than_was_put_in():
    book = rate_book([RateEntry(match="*", input_text=2, cached_text=1, input_audio=10, cached_audio=1)])
    tokens = Tokens(input=20, input_text=10, input_audio=10, cached_text=500, cached_audio=4)
    assert credits(book, record(tokens=tokens)) == 10 * 1 + 4 * 1 + 6 * 10


def test_a_transcription_is_charged_by_its_tokens_and_its_seconds():
    book = rate_book(
        [RateEntry(match="*", transcription_input="0.5", transcription_output=2, transcription_second=3)]
    )
    bill = record(UsageKind.TRANSCRIPTION, tokens=Tokens(input=9, output=4, input_audio=9), duration_ms=1500)
    assert book.bill(bill).credits == ceil(Fraction(9, 2) + 8 + Fraction(9, 2))


def test_time_on_the_line_is_charged_by_the_second_and_pieces_by_the_piece():
    book = rate_book([RateEntry(match="*", session_second="1.5", fee=100)])
    assert credits(book, record(UsageKind.SESSION, duration_ms=2001)) == 4  # 3.0015, rounded up
    assert credits(book, record(fees=2, tokens=Tokens(input=1, input_text=1))) == 201


def test_a_rate_that_is_left_out_is_that_of_its_neighbour_and_never_free_by_accident():
    rates = read_rates(RateEntry(match="*", input_audio="32", output_text="8"))
    free = Decimal(0)
    assert rates == Rates(
        match="*",
        input_text=Decimal(1),
        input_audio=Decimal(32),
        input_image=Decimal(1),
        cached_text=Decimal(1),
        cached_audio=Decimal(32),
        cached_image=Decimal(1),
        output_text=Decimal(8),
        output_audio=Decimal(8),
        transcription_input=free,
        transcription_output=free,
        transcription_second=free,
        session_second=free,
        fee=free,
    )


def test_the_first_entry_that_fits_counts():
    book = rate_book(
        [
            RateEntry(match="openai/gpt-realtime-mini*", input_text=1),
            RateEntry(match="openai/*", input_text=5),
            RateEntry(match="*", input_text=9),
        ]
    )
    tokens = Tokens(input=1, input_text=1)
    models = [("openai", "gpt-realtime-mini-2"), ("openai", "gpt-realtime"), ("OpenAI", "gpt-realtime")]
    assert [credits(book, record(provider=p, model=m, tokens=tokens)) for p, m in models] == [1, 5, 9]


def test_the_bill_says_by_which_rates_it_was_made():
    entry = RateEntry(match="openai/*", input_text="0.10", fee=3)
    bill = rate_book([entry]).bill(record(tokens=Tokens(input=10, input_text=10)))
    assert msgspec.json.decode(bill.rates, type=Rates) == read_rates(entry)
    assert msgspec.json.decode(bill.rates)["input_text"] == "0.10"


# -- Laws ------------------------------------------------------------------------------------------------

amounts = st.integers(0, RATE_MAX) | st.decimals(0, 1000, places=9, allow_nan=False).map(lambda d: f"{d:f}")
any_entry = st.builds(RateEntry, match=st.just("*"), **dict.fromkeys(RATE_NAMES, amounts))


@st.composite
def honest_tokens(draw):
    """Details that add up to no more than the totals, as a provider ought to send."""
    parts = {name: draw(st.integers(0, 10_000)) for name in DETAILS}
    cached = {
        f"cached_{kind}": draw(st.integers(0, parts[f"input_{kind}"])) for kind in ("text", "audio", "image")
    }
    return Tokens(
        input=sum(parts[name] for name in DETAILS if name.startswith("input")) + draw(st.integers(0, 100)),
        output=parts["output_text"] + parts["output_audio"] + draw(st.integers(0, 100)),
        **parts,
        **cached,
    )


def plus(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(**{name: getattr(one, name) + getattr(other, name) for name in Tokens.__struct_fields__})


def as_fractions(entry: RateEntry, bill: UsageRecord) -> Fraction:
    """The price once more, by another road: fractions, member by member."""
    rate = {name: Fraction(str(getattr(entry, name))) for name in RATE_NAMES}
    total = rate["fee"] * bill.fees
    t = bill.tokens
    if bill.kind is UsageKind.TRANSCRIPTION:
        total += rate["transcription_input"] * t.input + rate["transcription_output"] * t.output
        total += rate["transcription_second"] * Fraction(bill.duration_ms, 1000)
    elif bill.kind is UsageKind.SESSION:
        total += rate["session_second"] * Fraction(bill.duration_ms, 1000)
    else:
        unexplained = max(0, t.input - t.input_text - t.input_audio - t.input_image)
        for kind, put_in in (
            ("text", t.input_text + unexplained),
            ("audio", t.input_audio),
            ("image", t.input_image),
        ):
            cached = min(getattr(t, f"cached_{kind}"), put_in)
            total += rate[f"cached_{kind}"] * cached + rate[f"input_{kind}"] * (put_in - cached)
        total += rate["output_audio"] * t.output_audio
        total += rate["output_text"] * max(t.output - t.output_audio, t.output_text)
    return total


@given(any_entry, any_record)
@example(
    RateEntry(match="*", **dict.fromkeys(RATE_NAMES, "999999.999999999")),
    record(
        tokens=Tokens(**dict.fromkeys(Tokens.__struct_fields__, COUNT_MAX)),
        duration_ms=COUNT_MAX,
        fees=COUNT_MAX,
    ),
)
def test_a_price_is_exact_rounded_up_once_never_negative_and_fits_the_ledger(entry, bill):
    exact = as_fractions(entry, bill)
    assert Fraction(read_rates(entry).exact(bill)) == exact
    assert rate_book([entry]).bill(bill).credits == min(ceil(exact), CREDITS_MAX)
    assert exact >= 0


@given(any_entry, honest_tokens(), honest_tokens())
def test_more_never_costs_less_and_what_is_used_apart_costs_what_it_costs_together(entry, one, other):
    rates = read_rates(entry)
    exact = [rates.exact(record(tokens=t)) for t in (one, other, plus(one, other))]
    assert Fraction(exact[2]) == Fraction(exact[0]) + Fraction(exact[1])
    book = rate_book([entry])
    assert credits(book, record(tokens=plus(one, other))) >= credits(book, record(tokens=one))


@given(honest_tokens())
def test_an_entry_that_says_nothing_costs_what_no_entry_costs(tokens):
    assert credits(rate_book([RateEntry(match="*")]), record(tokens=tokens)) == tokens.total


# -- What may be written in the settings -----------------------------------------------------------------


def test_an_entry_reads_strings_and_integers_and_refuses_floats_and_unknown_members():
    entry = {"match": "openai/*", "input_text": "1.5", "input_audio": 2}
    assert msgspec.convert(entry, RateEntry) == RateEntry(match="openai/*", input_text="1.5", input_audio=2)
    for wrong in ({"input_text": 0.1}, {"input_txt": 1}, {"fee": None, "match": None}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**entry, **wrong}, RateEntry)


@pytest.mark.parametrize(
    "amount",
    [
        -1,
        "-1",
        "",
        ".",
        "1.",
        ".5",
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        "٣",
        "0.1234567891",
        RATE_MAX + 1,
        "9" * 40,
    ],
)
def test_a_rate_that_is_not_a_plain_number_is_refused_by_name(amount):
    with pytest.raises(ConfigurationError, match=r'entry for "xai/\*", cached_audio must be a number'):
        rate_book([RateEntry(match="xai/*", cached_audio=amount)])


def test_an_entry_that_names_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="needs match"):
        rate_book([RateEntry(match="")])


# -- What the page says ----------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "credits.md").read_text()


def test_the_page_names_every_rate_and_its_settings_can_be_read():
    assert [name for name in RATE_NAMES if f"`{name}`" not in PAGE] == []
    settings = tomllib.loads(PAGE.split("```toml")[1].split("```")[0])
    book = rate_book(msgspec.convert(settings["rates"], list[RateEntry]))
    tokens = Tokens(input=150, output=20, input_text=100, cached_text=60, input_audio=50, output_audio=20)
    assert credits(book, record(tokens=tokens)) == 3064
    assert "3,064 credits" in PAGE
    assert credits(book, record(UsageKind.SESSION, provider="byseconds", duration_ms=2000)) == 25
