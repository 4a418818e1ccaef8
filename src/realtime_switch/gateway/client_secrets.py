"""Short-lived tokens for browsers, so that a page never holds an API key (B7).

A token names the hash of the key it was made with, one session, the model, and
when it expires; it is signed, and every gateway that shares the signing key can
read it. Whoever holds it can read no more than that. The configuration of an
OpenAI client is saved under the session, where a connect finds it like that of a
client that comes back; so that token is short enough for a subprotocol. A Gemini
client says its own configuration first, and what a token locks of it travels in
the token, encrypted.

A token opens its own session and no other. The account's sessions are the
memory of different people, and a page is in the hands of one of them. Unless it
was made for a page in the hands of the account's owner: then it stands for the key.
"""

import base64
import binascii
import errno
import hashlib
import hmac
import os
import zlib
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

PREFIX = "ek_"
SIGNING_KEY_BYTES = 32
# The Python SDK sends a token twice in one head (GEMINI-LIVE.md 1), and a head may have 16 KiB (upgrade.py).
TOKEN_CHARS_MAX = 6_000
SECONDS_MIN, SECONDS_MAX, SECONDS_DEFAULT = 10, 7_200, 600  # OPENAI-REALTIME.md 3.1
_NONCE_BYTES = 16


class Lock(Struct, frozen=True, kw_only=True):
    """What a Gemini client may not choose (GEMINI-LIVE.md 1, "Ephemeral tokens")."""

    setup: dict[str, Any] | None = None  # None: nothing
    fields: tuple[str, ...] = ()  # of its setup, paths; (): all of it


class Bound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token stands for."""

    key_hash: str
    session_id: str
    expires_at: int  # seconds since 1970; starting a call after it is refused, a running one goes on
    model: str = ""  # "": the client may name one
    dialect: Literal["", "openai", "gemini", "gpt-live"] = ""  # of clients that may use it; "": any
    begins_until: int = 0  # after that only a call that goes on may be started; 0: no such limit
    lock: Lock | None = None
    uses: int = 0  # so many calls it may begin; 0: any number
    token_id: str = ""  # by which they are counted
    # "account": it stands for its key wherever a holder asks, and opens any session.
    opens: Literal["call", "account"] = "call"


_bound = msgspec.json.Decoder(Bound)
_lock = msgspec.json.Decoder(Lock)
_encoder = msgspec.json.Encoder()


def is_token(secret: str) -> bool:
    return secret.startswith(PREFIX)


def seal(bound: Bound, signing_key: bytes) -> str:
    """Only letters, digits, `-`, `_` and `.`: it must fit into a subprotocol (RFC 6455 4.1)."""
    payload = _text(_encoder.encode(replace(bound, lock=None)))
    if bound.lock is not None:
        payload += "." + _text(_encrypt(zlib.compress(_encoder.encode(bound.lock), 9), signing_key))
    return f"{PREFIX}{payload}.{_text(_sign(payload, signing_key))}"


def unseal(token: str, signing_key: bytes, now_s: float) -> Bound | None:
    """None for whatever is not ours, was changed, or has expired."""
    payload, dot, signature = token.removeprefix(PREFIX).rpartition(".")
    if not (is_token(token) and dot and len(token) <= TOKEN_CHARS_MAX and token.isascii()):
        return None
    try:
        if not hmac.compare_digest(_bytes(signature), _sign(payload, signing_key)):
            return None
        told, _, locked = payload.partition(".")
        bound = _bound.decode(_bytes(told))
        if locked:
            bound = replace(bound, lock=_lock.decode(zlib.decompress(_decrypt(_bytes(locked), signing_key))))
    except (binascii.Error, ValueError, zlib.error, msgspec.DecodeError):
        return None
    return bound if now_s < bound.expires_at else None


def signing_key(path: Path) -> bytes:
    """The key of this installation, made when first needed; several gateways may start at once."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(SIGNING_KEY_BYTES).hex().encode() + b"\n")
        try:
            os.link(draft, path)  # whole or not at all, and only for the first
        except FileExistsError:
            pass
        draft.unlink()
    if path.stat().st_mode & 0o077:
        raise PermissionError(errno.EACCES, f"others can read it (`chmod 600 {path}`)")
    key = bytes.fromhex(path.read_text().strip())
    if len(key) < SIGNING_KEY_BYTES:
        raise ValueError(f"{path} is shorter than {SIGNING_KEY_BYTES} bytes")
    return key


def _sign(payload: str, signing_key: bytes) -> bytes:
    return hmac.new(
        signing_key, b"realtime-switch client secret 1\0" + payload.encode(), hashlib.sha256
    ).digest()


def _encrypt(data: bytes, signing_key: bytes) -> bytes:
    """Under a stream of SHAKE-256 over a key of its own and a nonce; the signature covers the outcome. A
    cipher from a library would be one more dependency for these few lines."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _crossed(data, nonce, signing_key)


def _decrypt(data: bytes, signing_key: bytes) -> bytes:
    return _crossed(data[_NONCE_BYTES:], data[:_NONCE_BYTES], signing_key)


def _crossed(data: bytes, nonce: bytes, signing_key: bytes) -> bytes:
    key = hmac.new(signing_key, b"realtime-switch client secret 1 lock", hashlib.sha256).digest()
    stream = hashlib.shake_256(key + nonce).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
