"""SQLCipher 4's file format, as far as telling a wrong key from a damaged file takes.

SQLCipher says "file is not a database" to both. But every page carries a
code that only the right key could have made, so one page that proves the key
is enough to know that the key is right and something else is wrong.

The format (zetetic.net/sqlcipher/design, and verified by this module's tests
against sqlcipher3 4.19): pages of 4096 bytes; the first 16 bytes of the file
are the salt; the last 80 bytes of a page are 16 of IV and 64 of HMAC-SHA512
over what stands before them and the page's number. The HMAC's key is derived
from the page key with the salt xor 0x3a and 2 rounds.
"""

import hashlib
import hmac
import re
from pathlib import Path

PAGE_BYTES = 4096
SALT_BYTES = 16
PLAIN_HEADER = b"SQLite format 3\0"

_MAC_BYTES = 64
_PASSPHRASE_ROUNDS = 256_000
_RAW_KEY = re.compile(r"[0-9a-fA-F]{64}\Z")


def is_raw(key: str) -> bool:
    """64 hex digits are the key itself; anything else is a passphrase, which costs 0.2 s a connection."""
    return _RAW_KEY.match(key) is not None


def pragma_value(key: str) -> str:
    """The key as PRAGMA key and PRAGMA rekey take it: a string literal, for they take no parameters."""
    text = f"x'{key}'" if is_raw(key) else key
    return "'" + text.replace("'", "''") + "'"


def read_salt(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SALT_BYTES)


def proves(path: Path, key: str, salt: bytes) -> bool:
    """Whether any page of the file was written with this key and salt."""
    mac_key = _mac_key(key, salt)
    with path.open("rb") as file:
        number = 0
        while len(page := file.read(PAGE_BYTES)) == PAGE_BYTES:
            number += 1
            signed = page[SALT_BYTES if number == 1 else 0 : -_MAC_BYTES] + number.to_bytes(4, "little")
            if hmac.compare_digest(hmac.digest(mac_key, signed, "sha512"), page[-_MAC_BYTES:]):
                return True
    return False


def _mac_key(key: str, salt: bytes) -> bytes:
    if is_raw(key):
        page_key = bytes.fromhex(key)
    else:
        page_key = hashlib.pbkdf2_hmac("sha512", key.encode(), salt, _PASSPHRASE_ROUNDS, 32)
    return hashlib.pbkdf2_hmac("sha512", page_key, bytes(byte ^ 0x3A for byte in salt), 2, 32)
