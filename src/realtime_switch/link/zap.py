"""Who may connect: processes of our own user. Pure.

For each connection libzmq asks the socket at ENDPOINT of the same context, in
ZAP (https://rfc.zeromq.org/spec/27), as long as the server's socket names a
ZAP domain. Over ipc the address it tells is the kernel's word on the peer,
`localhost:uid:gid:pid` (LIBRARIES.md 5), so no key is needed. Over tcp it tells
the key that the peer has proven to hold.
"""

from collections.abc import Sequence

from zmq.utils import z85

ENDPOINT = "inproc://zeromq.zap.01"
DOMAIN = b"link"

_YES = (b"200", b"OK")
_NO = (b"400", b"another user")
_NO_KEY = (b"400", b"another key")


def decide(request: Sequence[bytes], uid: int) -> list[bytes]:
    """The answer to one question of libzmq."""
    version, request_id, _domain, address = request[:4]
    status, reason = _YES if _uid_in(address) == uid else _NO
    return [version, request_id, status, reason, b"", b""]


def decide_by_key(request: Sequence[bytes], key: bytes) -> list[bytes]:
    """As `decide`, by the public key (in Z85) that may connect."""
    version, request_id = request[:2]
    mechanism, credentials = request[5], request[6:]
    known = mechanism == b"CURVE" and len(credentials) == 1 and z85.encode(credentials[0]) == key
    status, reason = _YES if known else _NO_KEY
    return [version, request_id, status, reason, b"", b""]


def _uid_in(address: bytes) -> int | None:
    parts = address.split(b":")
    if len(parts) != 4 or parts[0] != b"localhost" or not parts[1].isdigit():
        return None
    return int(parts[1])
