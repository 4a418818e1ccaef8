"""The link that `serve` prints: it lets the page in without a key, once, soon, and on this machine only.

docs/decisions/0019 says why. A code is a file in the data directory, named by the
code's hash: whoever can delete it has used it, however many gateways look.
"""

import hashlib
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

PREFIX = "once_"
SECONDS = 600
_CODE_BYTES = 24
_FILES = "page-link-"


class Invitation(Struct, frozen=True, kw_only=True):
    key_hash: str  # whose key the page is given a secret of
    expires_at: int  # seconds since 1970


_invitation = msgspec.json.Decoder(Invitation)


def is_code(secret: str) -> bool:
    return secret.startswith(PREFIX)


def invite(data: Path, key_hash: str, now_s: float) -> str:
    """A code; those before it are worth nothing any more."""
    for former in data.glob(f"{_FILES}*"):
        former.unlink(missing_ok=True)
    code = PREFIX + secrets.token_urlsafe(_CODE_BYTES)
    file = _file(data, code)
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(Invitation(key_hash=key_hash, expires_at=int(now_s) + SECONDS)))
    return code


def accept(data: Path, code: str, now_s: float) -> str | None:
    """The hash of the key it stands for; None when it is used, too old, or none at all."""
    file = _file(data, code)
    try:
        invitation = _invitation.decode(file.read_bytes())
        file.unlink()  # for one of us only
    except (OSError, msgspec.DecodeError):
        return None
    return invitation.key_hash if now_s < invitation.expires_at else None


def _file(data: Path, code: str) -> Path:
    return data / (_FILES + hashlib.sha256(code.encode()).hexdigest())
