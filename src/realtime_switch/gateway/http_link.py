"""Who comes with the code of the link that `serve` printed: from this machine, once (page_link.py)."""

from pathlib import Path

from starlette.requests import Request

from . import page_link
from .http_answers import Refused
from .ids import now_us

_LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
# Somebody else's request, that a proxy on this machine passes on.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def accept(request: Request, code: str, data: Path | None) -> str:
    """The hash of the key that the link stands for. `data`: where `serve` leaves codes; None: nowhere."""
    here = request.client is not None and request.client.host in _LOOPBACK
    if not here or any(name in request.headers for name in _FORWARDED):
        message = "The link that `serve` printed works on the machine it was printed on. Show an API key."
        raise Refused(403, "link_from_elsewhere", message)
    key_hash = page_link.accept(data, code, now_us() / 1e6) if data is not None else None
    if key_hash is None:
        message = (
            "This link was used before, or is older than ten minutes. Show an API key, or start "
            "`realtime-switch serve` again for a new link."
        )
        raise Refused(401, "link_used", message)
    return key_hash
