"""The file format, held against files that SQLCipher wrote."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlcipher3 import dbapi2

from ledger_facts import DB_KEY
from realtime_switch.store.cipher import (
    PAGE_BYTES,
    PLAIN_HEADER,
    SALT_BYTES,
    is_raw,
    pragma_value,
    proves,
    read_salt,
)


@pytest.mark.parametrize("key", [DB_KEY, DB_KEY.upper(), "a passphrase"])
def test_one_sound_page_proves_the_key(tmp_path: Path, key: str):
    path = tmp_path / "x.db"
    connection = dbapi2.connect(str(path))
    connection.execute(f"PRAGMA key = {pragma_value(key)}")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    content = path.read_bytes()
    salt = read_salt(path)
    assert len(content) == 2 * PAGE_BYTES
    assert proves(path, key, salt)
    assert not proves(path, "another", salt)

    def flipped(page: int) -> bytes:
        place = page * PAGE_BYTES + 99
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    for page in (0, 1):
        path.write_bytes(flipped(page))
        assert proves(path, key, salt)
    both = flipped(0)[:PAGE_BYTES] + flipped(1)[PAGE_BYTES:]
    path.write_bytes(both)
    assert not proves(path, key, salt)
    assert not content.startswith(PLAIN_HEADER)
    assert len(salt) == SALT_BYTES


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_law_any_key_can_be_written_into_a_pragma(key: str):
    [read] = dbapi2.connect(":memory:").execute(f"SELECT {pragma_value(key)}").fetchone()
    assert read == (f"x'{key}'" if is_raw(key) else key)
