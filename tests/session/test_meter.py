from itertools import count

import pytest

from realtime_switch.accounts.records import Tokens, UsageKind, UsageRecord
from realtime_switch.dialects.acts import TranscriptionUsage, Usage
from realtime_switch.dialects.terms import Target
from realtime_switch.session.meter import Meter

TARGET = Target(provider="openai", model="gpt-realtime")


def meter():
    numbers = count(1)
    return Meter(("a1", "s1"), lambda: f"run-{next(numbers)}", lambda: 7)


COUNTS = {
    "input": 10,
    "output": 6,
    "input_text": 4,
    "input_audio": 5,
    "input_image": 1,
    "cached_text": 3,
    "cached_audio": 2,
    "cached_image": 1,
    "output_text": 2,
    "output_audio": 4,
}


def test_a_reply_is_one_record_with_every_kind_of_token_apart():
    assert meter().record(Usage(**COUNTS, reply_id="resp_1"), TARGET) == UsageRecord(
        id="run-1",
        account_id="a1",
        session_id="s1",
        provider="openai",
        model="gpt-realtime",
        kind=UsageKind.RESPONSE,
        response_id="resp_1",
        tokens=Tokens(**COUNTS),
        born_us=7,
    )


def test_a_transcription_is_a_record_of_its_own_kind():
    bill = TranscriptionUsage(input=3, output=1, item_id="item_u", duration_ms=1200)
    assert meter().record(bill, TARGET) == UsageRecord(
        id="run-1",
        account_id="a1",
        session_id="s1",
        provider="openai",
        model="gpt-realtime",
        kind=UsageKind.TRANSCRIPTION,
        tokens=Tokens(input=3, output=1),
        duration_ms=1200,
        born_us=7,
    )


def test_no_two_records_of_a_run_have_the_same_id():
    bills = meter()
    assert [bills.record(Usage(input=1), TARGET).id for _ in range(3)] == ["run-1", "run-2", "run-3"]


def reseeds(made, *bills):
    return [made.record(bill, TARGET).reseed_input for bill in bills]


def test_the_first_reply_after_a_switch_says_about_how_much_of_it_told_the_past():
    made = meter()
    assert reseeds(made, Usage(input_text=900, input=900)) == [0]
    made.retold("x" * 401)
    transcription = TranscriptionUsage(input=300, input_text=300)
    bills = [
        transcription,
        Usage(input_text=900, input=950, input_audio=50),
        Usage(input_text=900, input=900),
    ]
    assert reseeds(made, *bills) == [0, 101, 0]


@pytest.mark.parametrize(
    ("counts", "reseed"),
    [
        ({"input": 60, "input_text": 60}, 60),  # more than the text that was read it cannot be
        ({"input": 90, "input_text": 20, "input_audio": 70}, 20),
        ({"input": 90}, 90),  # without details it is text
        ({"input": 90, "input_audio": 80}, 10),
        ({"output": 5}, 0),
    ],
)
def test_it_is_never_more_than_the_text_of_the_bill(counts, reseed):
    made = meter()
    made.retold("x" * 400)
    assert reseeds(made, Usage(**counts)) == [reseed]


def test_a_provider_that_is_left_before_it_replied_owes_nothing():
    made = meter()
    made.retold("x" * 400)
    made.retold("x" * 40)
    assert reseeds(made, Usage(input=900)) == [10]
    made.retold("")
    assert reseeds(made, Usage(input=900)) == [0]
