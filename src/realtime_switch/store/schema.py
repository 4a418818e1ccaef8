"""The tables as queries know them. What they promise (keys, checks) stands in the migrations."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, MetaData, String, Table, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite

from .text import keepable


class Text(TypeDecorator[str]):
    """Text that every engine keeps as it is; see text.py."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keepable(value)


def _table(name: str, **columns: type[Any]) -> Table:
    return Table(name, MetaData(), *(Column(column, type_) for column, type_ in columns.items()))


accounts = _table(
    "accounts",
    id=Text,
    email=Text,
    plan_name=Text,
    token_remaining=BigInteger,
    topup_remaining=BigInteger,
    status=Text,
    created_at=BigInteger,
    updated_at=BigInteger,
    entry_count=BigInteger,
    last_plan_change=BigInteger,
    last_topup_change=BigInteger,
)

api_keys = _table(
    "api_keys",
    key_hash=Text,
    account_id=Text,
    key_indicator=Text,
    label=Text,
    created_at=BigInteger,
    expires_at=BigInteger,
    last_used_at=BigInteger,
)

entries = _table(
    "entries",
    account_id=Text,
    number=BigInteger,
    kind=Text,
    plan_change=BigInteger,
    topup_change=BigInteger,
    token_remaining=BigInteger,
    topup_remaining=BigInteger,
    reason=Text,
    created_at=BigInteger,
)

usage_metrics = _table(
    "usage_metrics",
    id=Text,
    account_id=Text,
    session_id=Text,
    provider=Text,
    model=Text,
    kind=Text,
    response_id=Text,
    input_tokens=BigInteger,
    output_tokens=BigInteger,
    total_tokens=BigInteger,
    input_text_tokens=BigInteger,
    input_audio_tokens=BigInteger,
    input_image_tokens=BigInteger,
    cached_text_tokens=BigInteger,
    cached_audio_tokens=BigInteger,
    cached_image_tokens=BigInteger,
    output_text_tokens=BigInteger,
    output_audio_tokens=BigInteger,
    reseed_tokens=BigInteger,
    duration_ms=BigInteger,
    fees=BigInteger,
    certainty=Text,
    credits=BigInteger,
    rates=Text,
    created_at=BigInteger,
    posted_at=BigInteger,
)

session_configs = _table(
    "session_configs",
    account_id=Text,
    session_id=Text,
    id=Text,
    data=Text,
    born_at=BigInteger,
    created_at=BigInteger,
    updated_at=BigInteger,
)

passages = _table(
    "passages",
    account_id=Text,
    session_id=Text,
    number=BigInteger,
    id=Text,
    text=Text,
    born_at=BigInteger,
    created_at=BigInteger,
)

summaries = _table(
    "summaries",
    account_id=Text,
    session_id=Text,
    upto=BigInteger,
    data=Text,
    created_at=BigInteger,
)

switches = _table(
    "switches",
    id=Text,
    account_id=Text,
    session_id=Text,
    from_provider=Text,
    from_model=Text,
    to_provider=Text,
    to_model=Text,
    cause=Text,
    silent_us=BigInteger,
    attempts=BigInteger,
    born_at=BigInteger,
    created_at=BigInteger,
)

forgotten = _table(
    "forgotten",
    account_id=Text,
    session_id=Text,
    until_at=BigInteger,
    number=BigInteger,
)

retentions = _table(
    "retentions",
    account_id=Text,
    transcripts_days=BigInteger,
    usage_days=BigInteger,
)

token_uses = _table(
    "token_uses",
    account_id=Text,
    token_id=Text,
    call_id=Text,
    until_at=BigInteger,
)

# ON CONFLICT is one grammar in both engines and two classes in SQLAlchemy.
insert_into: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
