"""Short-lived tokens for browsers, so that a page never holds an API key (B7).

A token names the hash of the key it was made with, one session, the model, and
when it expires; it is signed, and every gateway that shares the signing key can
read it. It holds nothing private: the configuration that it was asked for is
saved under its session, where a connect finds it like that of a client that
comes back. So a token is short enough for a subprotocol, and instructions are
not readable by whoever holds it.

A token opens its own session and no other. The account's sessions are the
memory of different people, and a page is in the hands of one of them.
"""

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

import msgspec
from msgspec import Struct

PREFIX = "ek_"
SIGNING_KEY_BYTES = 32
TOKEN_CHARS_MAX = 2_000
SECONDS_MIN, SECONDS_MAX, SECONDS_DEFAULT = 10, 7_200, 600  # OPENAI-REALTIME.md 3.1


class Bound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token stands for."""

    key_hash: str
    session_id: str
    expires_at: int  # seconds since 1970; starting a call after it is refused, a running one goes on
    model: str = ""  # "": the client may name one


_decoder = msgspec.json.Decoder(Bound)
_encoder = msgspec.json.Encoder()


def is_token(secret: str) -> bool:
    return secret.startswith(PREFIX)


def seal(bound: Bound, signing_key: bytes) -> str:
    """Only letters, digits, `-`, `_` and `.`: it must fit into a subprotocol (RFC 6455 4.1)."""
    payload = _text(_encoder.encode(bound))
    return f"{PREFIX}{payload}.{_text(_sign(payload, signing_key))}"


def unseal(token: str, signing_key: bytes, now_s: float) -> Bound | None:
    """None for whatever is not ours, was changed, or has expired."""
    payload, dot, signature = token.removeprefix(PREFIX).partition(".")
    if not (is_token(token) and dot and len(token) <= TOKEN_CHARS_MAX and token.isascii()):
        return None
    try:
        if not hmac.compare_digest(_bytes(signature), _sign(payload, signing_key)):
            return None
        bound = _decoder.decode(_bytes(payload))
    except (binascii.Error, ValueError, msgspec.DecodeError):
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
    key = bytes.fromhex(path.read_text().strip())
    if len(key) < SIGNING_KEY_BYTES:
        raise ValueError(f"{path} is shorter than {SIGNING_KEY_BYTES} bytes")
    return key


def _sign(payload: str, signing_key: bytes) -> bytes:
    return hmac.new(
        signing_key, b"realtime-switch client secret 1\0" + payload.encode(), hashlib.sha256
    ).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
