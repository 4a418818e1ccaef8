"""What a token lets a Gemini client say in its first message. Pure.

The token's maker may have fixed the whole setup or some fields of it (GEMINI-LIVE.md 1, "Ephemeral
tokens"): then the client's own are overwritten before anybody reads them. A token opens one session, so a
handle of another one is refused, be it one of ours or one that some provider gave to somebody.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ..accounts.questions import UseToken
from ..dialects.dialect import Farewell, FirstWord, Hangup
from ..dialects.gemini.casing import camel, camel_keys
from ..dialects.unambiguous import read_object
from ..providers.routes import bare_model
from .arrival import Mistake, gemini
from .client_secrets import Bound, Lock

FirstWordOf = Callable[[bytes], FirstWord | Farewell | Hangup]

# Which connection is to go on is the client's to say: the token's maker cannot have had the handle.
_THE_CLIENTS = "sessionResumption"

# As the service says it of whatever comes instead of a setup (GEMINI-LIVE.md 9).
_NO_SETUP = Hangup(1007, "Request contains an invalid argument.")


class Locked:
    """`read`, as far as the token allows."""

    def __init__(self, read: FirstWordOf, bound: Bound, now_s: Callable[[], float]) -> None:
        self._read = read
        self._bound = bound
        self._now_s = now_s
        self._goes_on = False  # the client has a handle of the token's session

    def __call__(self, payload: bytes) -> FirstWord | Farewell | Hangup:
        bound = self._bound
        said = payload if bound.lock is None else overwritten(payload, bound.lock)
        if isinstance(said, Hangup):
            return said
        word = self._read(said)
        if not isinstance(word, FirstWord):
            return word
        if word.session_id != bound.session_id and (word.session_id or _names_a_handle(said)):
            return _hangup(Mistake.ANOTHER_SESSION)
        if bound.begins_until and not word.session_id and self._now_s() >= bound.begins_until:
            return _hangup(Mistake.TOKEN)
        if bound.model and bare_model(word.model) not in ("", bare_model(bound.model)):
            return _hangup(Mistake.ANOTHER_MODEL)
        self._goes_on = bool(word.session_id)
        return word

    def use(self, call_id: str) -> UseToken | None:
        """What is to be asked before the call may begin. None: nobody counts."""
        bound = self._bound
        if not bound.uses:
            return None
        return UseToken(
            token_id=bound.token_id,
            call_id=call_id,
            uses=bound.uses,
            until_us=bound.expires_at * 1_000_000,
            goes_on=self._goes_on,
        )


def overwritten(payload: bytes, lock: Lock) -> bytes | Hangup:
    """The client's setup with what is the token's put over it. What cannot be overwritten does not pass."""
    message = read_object(payload)
    if isinstance(message, str) or message.keys() != {"setup"} or not isinstance(message["setup"], dict):
        return _NO_SETUP
    setup, given = camel_keys(message["setup"]), camel_keys(lock.setup or {})
    if lock.fields:
        for path in lock.fields:
            setup = _with(setup, given, [camel(name) for name in path.split(".")])
    elif _THE_CLIENTS in setup:
        setup = {_THE_CLIENTS: setup[_THE_CLIENTS], **given}
    else:
        setup = given
    return msgspec.json.encode({"setup": setup})


def _with(setup: Any, given: Any, path: list[str]) -> dict[str, Any]:
    """What stands at the path in `given` in the place of what the client says, be it nothing."""
    name, *rest = path
    theirs = setup if isinstance(setup, dict) else {}
    ours = given.get(name) if isinstance(given, dict) else None
    others = {key: value for key, value in theirs.items() if key != name}
    if not rest:
        return others if ours is None else {**others, name: ours}
    if ours is None and name not in theirs:
        return theirs
    return {**others, name: _with(theirs.get(name), ours, rest)}


def _names_a_handle(payload: bytes) -> bool:
    message = camel_keys(read_object(payload))
    for name in ("setup", _THE_CLIENTS, "handle"):
        message = message.get(name) if isinstance(message, dict) else None
    return bool(message)


def _hangup(mistake: Mistake) -> Hangup:
    complaint = gemini.COMPLAINTS[mistake]
    return Hangup(complaint.close_code, complaint.message)
