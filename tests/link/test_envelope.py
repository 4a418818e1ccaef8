from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.accounts.questions import (
    AboutAccount,
    AboutSession,
    AboutSessions,
    AboutUsage,
    AccountFacts,
    DeleteSession,
    Group,
    KeyFacts,
    Said,
    SessionDeleted,
    SessionFacts,
    SessionsFacts,
    SessionWhole,
    TokenUsed,
    UsageFacts,
    UsageTotals,
    UseToken,
)
from realtime_switch.accounts.records import (
    COUNT_MAX,
    Balance,
    Certainty,
    Grant,
    Passage,
    Posted,
    Refusal,
    SavedConfig,
    SwitchCause,
    Switched,
    Tokens,
    UsageKind,
    UsageRecord,
)
from realtime_switch.link import envelope
from realtime_switch.link.envelope import (
    MESSAGE_BYTES_MAX,
    Answered,
    AppendConversation,
    Ask,
    Credits,
    Failure,
    GetCredits,
    Granted,
    Hello,
    Kept,
    Refused,
    SaveSession,
    Unreadable,
    UpdateUsage,
    UsagePosted,
    ValidateAndLoad,
    Welcome,
    decode_reply,
    decode_request,
    encode,
)

texts = st.text(max_size=50)
ids = st.text(min_size=1, max_size=200)
counts = st.integers(0, COUNT_MAX)
times = st.integers(0, 2**53)
message_ids = st.integers(0, 2**63 - 1)
balances = st.integers(-(2**63), 2**63 - 1)

tokens = st.builds(Tokens, **dict.fromkeys(Tokens.__struct_fields__, counts))
usage_records = st.builds(
    UsageRecord,
    id=ids,
    account_id=ids,
    session_id=texts,
    provider=texts,
    model=texts,
    kind=st.sampled_from(UsageKind),
    response_id=texts,
    tokens=tokens,
    reseed_input=counts,
    duration_ms=counts,
    fees=counts,
    certainty=st.sampled_from(Certainty),
    born_us=times,
)


def passages_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Passage]:
    return st.builds(Passage, id=ids, account_id=ids, session_id=ids, text=text, born_us=times)


def saved_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[SavedConfig]:
    return st.builds(SavedConfig, id=ids, account_id=ids, session_id=ids, config=text, born_us=times)


switches = st.builds(
    Switched,
    id=ids,
    account_id=ids,
    session_id=ids,
    from_provider=texts,
    from_model=texts,
    to_provider=texts,
    to_model=texts,
    cause=st.sampled_from(SwitchCause),
    silent_us=counts,
    attempts=counts,
    born_us=times,
)
grants = st.builds(
    Grant,
    account_id=texts,
    session_id=texts,
    credits=balances,
    config=st.none() | texts,
    history=texts,
)
posted = st.builds(
    Posted,
    balances=st.lists(st.builds(Balance, account_id=texts, credits=balances), max_size=3).map(tuple),
    unknown=st.lists(texts, max_size=3).map(tuple),
)

questions_asked = st.one_of(
    st.just(AboutAccount()),
    st.builds(
        AboutUsage,
        by=st.lists(st.sampled_from(Group), max_size=3).map(tuple),
        since_us=times,
        limit=st.just(7),
    ),
    st.builds(AboutSessions, search=texts, after=st.none() | st.tuples(balances, texts), limit=st.just(7)),
    st.builds(AboutSession, session_id=texts, after=st.none() | st.tuples(balances, balances)),
    st.builds(DeleteSession, session_id=texts),
    st.builds(UseToken, token_id=ids, call_id=ids, uses=st.just(3), until_us=times, goes_on=st.booleans()),
)


def whole(kind: type[Any], **more: Any) -> st.SearchStrategy[Any]:
    """Its numbers as a database has them, the rest by its types."""
    numbers = {field.name: balances for field in msgspec.structs.fields(kind) if field.type is int}
    return st.builds(kind, **numbers, **more)


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=2).map(tuple)


maybe = st.none() | balances
totals = whole(UsageTotals, groups=some(texts))
sessions = whole(SessionFacts)
answers = st.one_of(
    whole(AccountFacts, key=whole(KeyFacts, expires_us=maybe, last_used_us=maybe)),
    st.builds(UsageFacts, whole=totals, rows=some(totals)),
    st.builds(SessionsFacts, sessions=some(sessions)),
    st.builds(
        SessionWhole,
        session=sessions,
        config=st.none() | texts,
        usage=totals,
        usage_by_provider=some(totals),
        switches=some(switches),
        said=some(whole(Said)),
    ),
    st.builds(SessionDeleted, session_id=texts),
    st.builds(TokenUsed, token_id=texts),
)
requests = st.one_of(
    st.builds(Ask, id=message_ids, key_hash=texts, question=questions_asked),
    st.builds(Hello, id=message_ids, version=st.integers(0, 2**31), boot=texts),
    st.builds(ValidateAndLoad, id=message_ids, key_hash=texts, session_id=texts),
    st.builds(GetCredits, id=message_ids, account_id=texts),
    st.builds(UpdateUsage, id=message_ids, records=st.lists(usage_records, max_size=3).map(tuple)),
    st.builds(SaveSession, id=message_ids, saved=saved_of(texts)),
    st.builds(
        AppendConversation,
        id=message_ids,
        passages=st.lists(passages_of(texts), max_size=3).map(tuple),
        switches=st.lists(switches, max_size=3).map(tuple),
    ),
)
replies = st.one_of(
    st.builds(Answered, id=message_ids, answer=answers),
    st.builds(Welcome, id=message_ids, version=st.integers(0, 2**31), boot=texts),
    st.builds(Granted, id=message_ids, grant=grants),
    st.builds(
        Refused,
        id=message_ids,
        refusal=st.builds(Refusal, code=st.sampled_from(ErrorCode), message=texts),
    ),
    st.builds(Credits, id=message_ids, credits=balances),
    st.builds(UsagePosted, id=message_ids, posted=posted),
    st.builds(Kept, id=message_ids),
    st.builds(Failure, id=message_ids, code=st.sampled_from(ErrorCode), message=texts),
)


@given(requests)
def test_every_request_arrives_as_it_was_sent(request: envelope.Request) -> None:
    assert decode_request(encode(request)) == request


@given(replies)
def test_every_reply_arrives_as_it_was_sent(reply: envelope.Reply) -> None:
    assert decode_reply(encode(reply)) == reply


@given(st.text(st.characters(exclude_categories=()), max_size=50))
@example("a\ud800b")
@example("\ud83d\ude00")
@example("\udc00\ud800")
def test_a_text_that_utf8_cannot_carry_arrives_with_only_that_replaced(text: str) -> None:
    sent = AppendConversation(
        id=1, passages=(Passage(id="p1", account_id="a1", session_id="s1", text=text, born_us=5),)
    )
    arrived = decode_request(encode(sent))
    # UTF-16 joins what belongs together and marks what does not.
    expected = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    assert arrived == AppendConversation(
        id=1, passages=(Passage(id="p1", account_id="a1", session_id="s1", text=expected, born_us=5),)
    )


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("x\ud800", "x\ufffd"),
        ("\udc00y", "\ufffdy"),
        ("\ud800\ud800z", "\ufffd\ufffdz"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_lone_surrogates_are_marked_and_pairs_are_joined(sent: str, arrives: str) -> None:
    request = GetCredits(id=1, account_id=sent)
    assert decode_request(encode(request)) == GetCredits(id=1, account_id=arrives)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x81\xa1z" + b"\x91" * 100_000)
def test_any_bytes_are_a_message_or_a_named_error(data: bytes) -> None:
    for decode in (decode_request, decode_reply):
        try:
            decode(data)
        except Unreadable:
            pass  # the one error that both ends expect


@given(requests, st.data())
def test_a_damaged_message_is_a_message_or_a_named_error(
    request: envelope.Request, data: st.DataObject
) -> None:
    damaged = bytearray(encode(request))
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    for piece in (bytes(damaged), bytes(damaged[:cut])):
        try:
            decode_request(piece)
        except Unreadable:
            pass  # the one error that both ends expect


def test_an_unknown_verb_tells_whom_to_answer() -> None:
    with pytest.raises(Unreadable) as caught:
        decode_request(msgspec.msgpack.encode({"type": "dance", "id": 7}))
    assert caught.value.id == 7
    assert (
        caught.value.message == "A request of the link cannot be read: Invalid value 'dance' - at `$.type`."
    )


def test_a_count_beyond_what_a_ledger_holds_is_refused_where_it_is_read() -> None:
    record = UsageRecord(
        id="r1", account_id="a1", session_id="s1", provider="openai", tokens=Tokens(input=COUNT_MAX + 1)
    )
    with pytest.raises(Unreadable, match=r"records\[0\]\.tokens\.input") as caught:
        decode_request(encode(UpdateUsage(id=3, records=(record,))))
    assert caught.value.id == 3


def test_a_member_that_a_later_release_adds_is_passed_over() -> None:
    data = msgspec.msgpack.encode({"type": "get_credits", "id": 1, "account_id": "a1", "colour": "blue"})
    assert decode_request(data) == GetCredits(id=1, account_id="a1")


def test_a_message_too_long_for_the_link_is_not_encoded() -> None:
    saved = SavedConfig(id="c1", account_id="a1", session_id="s1", config="x" * MESSAGE_BYTES_MAX)
    with pytest.raises(LinkError, match="save_session is 8,388,") as caught:
        encode(SaveSession(id=1, saved=saved))
    assert caught.value.code is ErrorCode.INTERNAL_LINK_UNSUPPORTED


def test_a_number_that_msgpack_cannot_hold_is_a_named_error() -> None:
    with pytest.raises(LinkError, match="credits cannot be sent") as caught:
        encode(Credits(id=1, credits=2**64))
    assert caught.value.code is ErrorCode.INTERNAL_LINK_UNSUPPORTED
