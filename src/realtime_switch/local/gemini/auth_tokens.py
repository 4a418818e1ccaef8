"""Ephemeral tokens (GEMINI-LIVE.md 1): a server makes one with its key, a browser opens a call with it.

Pure but for what it keeps: a token is forgotten once it expired.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.messages import setup_reader
from realtime_switch.local.gemini.proto import Json, Refused, anything, camel, message, text, whole
from realtime_switch.local.orders import End

_S = 1_000_000
EXPIRES_AFTER_S, EXPIRES_AFTER_S_MAX = 30 * 60, 20 * 60 * 60
NEW_SESSIONS_FOR_S = 60
# The Developer API alone has tokens.
_BODY = message(
    {
        "name": text,
        "uses": whole(0),
        "expireTime": text,
        "newSessionExpireTime": text,
        "bidiGenerateContentSetup": setup_reader(Habits()),
        "fieldMask": anything,
    }
)


class NotMade(Exception):
    """What is wrong with the request, for its 400."""


class Grant:
    """What a token allows: which setup, how often, until when."""

    def __init__(
        self,
        setup: Json | None,
        mask: tuple[str, ...],
        uses: int | None,
        new_until_us: int,
        until_us: int,
        now_us: Callable[[], int],
    ) -> None:
        self.until_us = until_us
        self._setup = setup
        self._mask = mask
        self._uses = uses
        self._new_until_us = new_until_us
        self._now_us = now_us

    def constrained(self, setup: Json) -> Json:
        """The client's setup as the token has it: all of it, or the fields of its mask."""
        if self._setup is None:
            return setup
        if self._mask:
            for path in self._mask:
                setup = _overwritten(setup, self._setup, path.split("."))
            return setup
        # A handle is nothing that a token could know.
        kept: Json = {name: setup[name] for name in ("model", "sessionResumption") if name in setup}
        return {**kept, **self._setup}

    def use(self) -> None:
        """A new session; resuming is none."""
        if self._now_us() >= self._new_until_us or self._uses == 0:
            raise Refused(closes.KEY_IS_EXPIRED)
        if self._uses is not None:
            self._uses -= 1


class AuthTokens:
    def __init__(self, now_us: Callable[[], int], new_name: Callable[[], str]) -> None:
        self._now_us = now_us
        self._new_name = new_name
        self._grants: dict[str, Grant] = {}

    def make(self, body: bytes) -> Json:
        try:
            wanted = _BODY(msgspec.json.decode(body or b"{}"), "")
        except Refused as refused:
            raise NotMade(refused.end.reason) from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise NotMade("Invalid JSON payload received.") from None
        now = self._now_us()
        until_us = self._time(wanted, "expireTime", EXPIRES_AFTER_S)
        if not now < until_us < now + EXPIRES_AFTER_S_MAX * _S:
            raise NotMade("expire_time must be in the future and less than 20 hours away.")
        uses = wanted.get("uses", 1)
        grant = Grant(
            wanted.get("bidiGenerateContentSetup"),
            _mask(wanted.get("fieldMask")),
            uses or None,  # zero is no limit
            self._time(wanted, "newSessionExpireTime", NEW_SESSIONS_FOR_S),
            until_us,
            self._now_us,
        )
        self._grants = {name: one for name, one in self._grants.items() if one.until_us > now}
        name = f"auth_tokens/{self._new_name()}"
        self._grants[name] = grant
        return {"name": name}

    def find(self, name: str) -> Grant | End:
        grant = self._grants.get(name)
        if grant is None:
            return closes.KEY_IS_WRONG
        return grant if self._now_us() < grant.until_us else closes.KEY_IS_EXPIRED

    def _time(self, wanted: Json, field: str, otherwise_s: int) -> int:
        if field not in wanted:
            return self._now_us() + otherwise_s * _S
        try:
            time = datetime.fromisoformat(wanted[field])
            return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * _S)
        except (ValueError, OverflowError):
            raise NotMade(f"Invalid value at '{field}', not a time.") from None


def _mask(wire: object) -> tuple[str, ...]:
    paths = wire.get("paths", []) if isinstance(wire, dict) else wire
    named = paths.split(",") if isinstance(paths, str) else paths if isinstance(paths, list) else []
    return tuple(camel(path.strip()) for path in named if isinstance(path, str) and path.strip())


def _overwritten(setup: Json, own: Json, path: list[str]) -> Json:
    name, *inner = path
    changed = {key: value for key, value in setup.items() if key != name}
    if name not in own:
        return changed
    if not inner:
        return {**changed, name: own[name]}
    below, own_below = setup.get(name, {}), own[name]
    if not isinstance(below, dict) or not isinstance(own_below, dict):
        return {**changed, name: own_below}
    return {**changed, name: _overwritten(below, own_below, inner)}
