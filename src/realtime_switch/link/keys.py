"""The keys of a link over tcp: CURVE (RFC 26), a secret for each end and the other end's public key.

One pair of files for an installation, made by `realtime-switch link keys`:

    link-business.key    stays where the business process runs
    link-gateway.key     goes to every machine that runs gateways

Who has the gateways' file can grant and bill calls, and cannot pretend to be the
business process. A file is two lines, `secret KEY` and `peer KEY`, in Z85.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import zmq
from msgspec import Struct

from .address import wrong

BUSINESS_FILE = "link-business.key"
GATEWAY_FILE = "link-gateway.key"

_SHAPE = re.compile(rb"secret (?P<secret>\S{40})\npeer (?P<peer>\S{40})\n\Z")


class Keys(Struct, frozen=True):
    """One end's. Its secret has no place in a log, so it has no repr either."""

    secret: bytes
    peer: bytes  # the other end's public key

    def __repr__(self) -> str:
        return "Keys(...)"

    @property
    def public(self) -> bytes:
        public: bytes = zmq.curve_public(self.secret)
        return public


def make_keys() -> tuple[Keys, Keys]:
    """The business process' and the gateways'."""
    business_public, business_secret = zmq.curve_keypair()
    gateway_public, gateway_secret = zmq.curve_keypair()
    return Keys(business_secret, gateway_public), Keys(gateway_secret, business_public)


def spell(keys: Keys) -> bytes:
    return b"secret %s\npeer %s\n" % (keys.secret, keys.peer)


def keys_for(addresses: Sequence[str], path: Path) -> Keys | None:
    """None where no address is a port: a socket file needs no keys."""
    return read_keys(path) if any(address.startswith("tcp://") for address in addresses) else None


def read_keys(path: Path) -> Keys:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except FileNotFoundError:
        raise wrong(
            f"A link over tcp needs keys on both ends, and {path} is not there: make them with "
            "`realtime-switch link keys` where the business process runs, and copy this one here."
        ) from None
    except OSError as error:
        raise wrong(f"The link's key file {path} cannot be read: {error.strerror}.") from None
    if mode & 0o077:
        raise wrong(f"The link's key file {path} can be read by others: `chmod 600 {path}`.")
    found = _SHAPE.match(data)
    if found is None:
        raise wrong(f"{path} is not a key file of the link: make new ones with `realtime-switch link keys`.")
    keys = Keys(found["secret"], found["peer"])
    try:
        keys.public  # noqa: B018  # whether it is Z85 is found out by using it
    except (ValueError, zmq.ZMQError):
        raise wrong(
            f"{path} holds a key that is none: make new ones with `realtime-switch link keys`."
        ) from None
    return keys
