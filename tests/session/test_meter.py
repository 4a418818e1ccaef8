from itertools import count

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
