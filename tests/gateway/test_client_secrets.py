"""Tokens: what goes in comes out, nobody else can make one, and they end."""

import base64
import hashlib
import os
import stat
import string
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from realtime_switch.gateway.client_secrets import (
    TOKEN_CHARS_MAX,
    Bound,
    Lock,
    is_token,
    seal,
    signing_key,
    unseal,
)
from steps import steps_of

KEY = b"k" * 32
locks = st.builds(
    Lock,
    setup=st.none() | st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5),
    fields=st.lists(st.text(max_size=20), max_size=5).map(tuple),
)
bounds = st.builds(
    Bound,
    key_hash=st.text(string.hexdigits, min_size=64, max_size=64),
    session_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200),
    expires_at=st.integers(1, 2**40),
    model=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=100),
    dialect=st.sampled_from(["", "openai", "gemini"]),
    begins_until=st.integers(0, 2**40),
    lock=st.none() | locks,
)


@given(bound=bounds)
def test_what_is_sealed_is_found_again_until_it_expires(bound: Bound) -> None:
    token = seal(bound, KEY)
    assert unseal(token, KEY, bound.expires_at - 1) == bound
    assert unseal(token, KEY, bound.expires_at) is None


@given(bound=bounds)
def test_a_token_fits_into_a_subprotocol(bound: Bound) -> None:
    assert set(seal(bound, KEY)) <= set(string.ascii_letters + string.digits + "-_.")


@given(bound=bounds, data=st.data())
def test_a_token_that_was_changed_is_nobodys(bound: Bound, data: st.DataObject) -> None:
    token = seal(bound, KEY)
    place = data.draw(st.integers(0, len(token) - 2))  # the last character holds bits that say nothing
    sign = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_."))
    changed = token[:place] + sign + token[place + 1 :]
    assert unseal(changed, KEY, 0) == (bound if changed == token else None)


@given(text=st.text(max_size=300))
def test_no_text_opens_anything(text: str) -> None:
    assert unseal(text, KEY, 0) is None
    assert unseal(f"ek_{text}", KEY, 0) is None


def test_what_a_token_locks_cannot_be_read_in_it() -> None:
    lock = Lock(setup={"systemInstruction": {"parts": [{"text": "PRIVATE"}]}})
    bound = Bound(key_hash="h", session_id="s", expires_at=10, lock=lock)
    token = seal(bound, KEY)
    parts = [base64.urlsafe_b64decode(part + "===") for part in token.removeprefix("ek_").split(".")]
    assert parts[0] == b'{"key_hash":"h","session_id":"s","expires_at":10}'
    assert not any(b"PRIVATE" in _inflated(part) for part in parts)
    assert seal(bound, KEY) != token, "each has a nonce of its own, so two tell nothing about each other"


def test_a_token_cannot_be_freed_of_its_lock_or_given_another() -> None:
    bound = Bound(key_hash="h", session_id="s", expires_at=10)
    locked = [seal(replace(bound, lock=Lock(setup={"model": model})), KEY) for model in "ab"]
    (told, lock, signature), (_, other, _) = (token.split(".") for token in locked)
    assert unseal(f"{told}.{lock}.{signature}", KEY, 0) == replace(bound, lock=Lock(setup={"model": "a"}))
    for parts in (
        (told, signature),
        (told, "", signature),
        (told, other, signature),
        (told, lock, lock, signature),
    ):
        assert unseal(".".join(parts), KEY, 0) is None


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data


def test_the_instructions_of_an_assistant_fit_into_a_token() -> None:
    words = " ".join(hashlib.sha256(bytes([n])).hexdigest()[:6] for n in range(200))  # hardly compressible
    lock = Lock(setup={"model": "models/m", "systemInstruction": {"parts": [{"text": words}]}})
    assert (
        len(seal(Bound(key_hash="h" * 64, session_id="s", expires_at=10, lock=lock), KEY)) < TOKEN_CHARS_MAX
    )


def test_another_installations_token_is_nobodys() -> None:
    assert unseal(seal(Bound(key_hash="h", session_id="s", expires_at=10), b"x" * 32), KEY, 0) is None


def test_a_token_is_told_from_a_key() -> None:
    assert is_token(seal(Bound(key_hash="h", session_id="s", expires_at=10), KEY))
    assert not is_token("rslive_v1_" + "0" * 48)


def test_the_signing_key_is_made_once_and_for_our_eyes(tmp_path: Path) -> None:
    path = tmp_path / "client-secret.key"
    first = signing_key(path)
    assert (signing_key(path), len(first)) == (first, 32)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_gateways_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    path = tmp_path / "client-secret.key"
    made: list[bytes] = []
    for _ in range(8):
        if (child := os.fork()) == 0:
            (tmp_path / f"out{os.getpid()}").write_bytes(signing_key(path))
            os._exit(0)
        os.waitpid(child, 0)
    made = [file.read_bytes() for file in tmp_path.glob("out*")]
    assert set(made) == {signing_key(path)}


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_signing_key_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "client-secret.key"
    signing_key(path)
    path.chmod(mode)
    with pytest.raises(PermissionError, match="chmod 600"):
        signing_key(path)


def test_a_key_that_is_too_short_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "client-secret.key"
    path.write_text("abcd\n")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="shorter"):
        signing_key(path)


def test_a_forged_secret_takes_as_many_steps_wherever_it_is_wrong() -> None:
    """The comparison itself is hmac's, which takes as long for any two signatures."""
    token = seal(Bound(key_hash="a" * 64, session_id="s", expires_at=1), KEY)
    payload, _, signature = token.rpartition(".")

    def wrong_at(place: int) -> str:
        changed = bytearray(signature.encode())
        changed[place] = ord("A") if changed[place] != ord("A") else ord("B")
        return f"{payload}.{changed.decode()}"

    steps = {steps_of(lambda at=at: unseal(wrong_at(at), KEY, 0)) for at in range(0, len(signature) - 1, 7)}
    assert len(steps) == 1
