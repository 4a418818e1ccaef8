"""What an API key looks like, and how it is named without being told (A22).

A key is shown once, at birth. From then on it is its SHA-256: in the database,
over the link, in memory. The hash needs no salt and no slow function: the key
holds 192 random bits, so there is nothing to guess.
"""

import hashlib
import re

PREFIX = "rslive_v1_"
RANDOM_BYTES = 24
LABEL_CHARS_MAX = 30

_SHAPE = re.compile(rf"{PREFIX}[0-9a-f]{{{RANDOM_BYTES * 2}}}\Z")


def make_key(random: bytes) -> str:
    assert len(random) == RANDOM_BYTES
    return PREFIX + random.hex()


def is_key(text: str) -> bool:
    return _SHAPE.match(text) is not None


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def indicator(key: str) -> str:
    """How its owner recognises a key later: the first and last five characters."""
    return f"{key[:5]}...{key[-5:]}"
