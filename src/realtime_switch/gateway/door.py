"""Who may come in, answered at once from what is known here: a seat, a credential of its shape, an origin.

Whether the credential is good only the business process knows; that is asked when the client is already
connected, while its first frames wait (A5, A17).
"""

from collections.abc import Callable
from math import ceil

import msgspec

from ..accounts.errors import ErrorCode
from ..accounts.keys import hash_key, is_key
from ..dialects import gpt_live
from ..outbox.outbox import Outbox
from ..outbox.room import Room
from ..providers.routes import bare_model
from ..settings.shape import LimitSettings
from .arrival import (
    NO_SUCH_SESSION,
    SESSION_HEADER,
    Arrival,
    Attaching,
    Complaint,
    Mistake,
    TurnedAway,
    complain,
    read_arrival,
)
from .books import Who
from .calls import Calls
from .client_secrets import Bound, is_token, unseal
from .complaint import Complained, farewell
from .conductor import Conductor
from .ids import new_id, now_us
from .metrics import Metrics
from .rates import Rates, client_address, is_allowed
from .upgrade import Knock, Welcome
from .watcher import WATCHERS_MAX, Watcher

RETRY_AFTER_S = 5

OpenCall = Callable[[Who, Arrival, Bound, Knock], Conductor]


class Door:
    def __init__(
        self,
        calls: Calls,
        outbox: Outbox,
        metrics: Metrics,
        signing_key: bytes,
        chosen: LimitSettings,
        rates: Rates,
        open_call: OpenCall,
    ) -> None:
        self.stopping = False
        self._chosen = chosen
        self._rates = rates
        self._calls = calls
        self._outbox = outbox
        self._metrics = metrics
        self._signing_key = signing_key
        self._open_call = open_call

    def reload(self, chosen: LimitSettings, rates: Rates) -> None:
        self._chosen = chosen
        self._rates = rates

    def admit(self, knock: Knock) -> Welcome | TurnedAway:
        outcome = self._admit(knock)
        if isinstance(outcome, TurnedAway):
            self._metrics.refusals.add(outcome.code)
        return outcome

    def _admit(self, knock: Knock) -> Welcome | TurnedAway:
        arrival = read_arrival(knock.method, knock.target, knock.headers)
        if isinstance(arrival, TurnedAway):
            return arrival
        if not is_allowed(knock.headers, self._chosen.origins):
            message = "Pages of this origin may not open calls here."
            return TurnedAway(status=403, code="origin_not_allowed", message=message)
        if isinstance(arrival, Attaching):
            return self._attached(arrival)
        chosen = (("sec-websocket-protocol", arrival.subprotocol),) if arrival.subprotocol else ()
        if arrival.complaint is not None:
            return self._told_why(arrival, arrival.complaint, chosen)
        bound = self._who_is(arrival)
        if isinstance(bound, Mistake):
            return self._told_why(arrival, complain(arrival, bound), chosen)
        if (turned_away := self._no_seat(bound)) is not None:
            return turned_away
        peer = client_address(knock.peer, knock.headers, self._chosen.trusted_proxies)
        is_new = not arrival.session_id and not bound.expires_at  # a token may have been used before
        who = Who(key_hash=bound.key_hash, session_id=bound.session_id, is_new=is_new, peer=peer)
        headers = (*chosen, (SESSION_HEADER, bound.session_id))
        return Welcome(self._open_call(who, arrival, bound, knock), headers)

    def _attached(self, arrival: Attaching) -> Welcome | TurnedAway:
        """Beside a call of the same key; whose another's is, and whether there is one, is not told."""
        key_hash = hash_key(arrival.secret.reveal())
        for call in self._calls:
            greeting = call.session.greeting if call.who.key_hash == key_hash else b""
            if greeting and gpt_live.session_id_of(greeting) == arrival.live_id:
                if len(call.watchers) >= WATCHERS_MAX:
                    return TurnedAway(
                        status=429,
                        code="rate_limit_exceeded",
                        message=f"At most {WATCHERS_MAX} may be attached to one session.",
                    )
                return Welcome(Watcher(call, greeting, arrival.graceful))
        return NO_SUCH_SESSION

    def _told_why(self, arrival: Arrival, said: Complaint, chosen: tuple[tuple[str, str], ...]) -> Welcome:
        self._metrics.refusals.add(said.code or str(said.close_code))
        return Welcome(Complained(farewell(arrival, said)), chosen)

    def _who_is(self, arrival: Arrival) -> Bound | Mistake:
        """The key's hash and the session: from a token that names both, or from the client's own words."""
        secret = arrival.secret.reveal()
        if not is_token(secret):
            if not is_key(secret):
                return Mistake.KEY
            session_id = arrival.session_id or new_id("sess")
            return Bound(key_hash=hash_key(secret), session_id=session_id, expires_at=0)
        bound = unseal(secret, self._signing_key, now_us() / 1e6)
        if bound is None:
            return Mistake.TOKEN
        if bound.dialect not in ("", arrival.dialect):
            return Mistake.ANOTHER_DIALECT
        if bound.opens == "account":
            bound = msgspec.structs.replace(bound, session_id=arrival.session_id or bound.session_id)
        if arrival.session_id not in ("", bound.session_id):
            return Mistake.ANOTHER_SESSION
        if bound.model and bare_model(arrival.model) not in ("", bare_model(bound.model)):
            return Mistake.ANOTHER_MODEL
        return bound

    def _no_seat(self, bound: Bound) -> TurnedAway | None:
        retry = (("retry-after", str(RETRY_AFTER_S)),)
        if self.stopping:
            message = "The gateway is stopping. Try again shortly."
            return TurnedAway(status=503, code="server_error", message=message, headers=retry)
        if self._outbox.room is not Room.ENOUGH:
            message = (
                f"The gateway cannot reach its ledger. Try again shortly. ({ErrorCode.INTERNAL_OUTBOX_FULL})"
            )
            return TurnedAway(status=503, code="server_error", message=message, headers=retry)
        if self._calls.full or self._calls.too_many(bound.key_hash):
            whose = "The gateway" if self._calls.full else "This API key"
            return TurnedAway(
                status=429,
                code="rate_limit_exceeded",
                message=f"{whose} has as many calls as it may have at once. End one, or try again later.",
                headers=retry,
            )
        if wait_s := self._rates.knock(bound.key_hash):
            return TurnedAway(
                status=429,
                code="rate_limit_exceeded",
                message="This API key opens calls too fast.",
                headers=(("retry-after", str(ceil(wait_s))),),
            )
        if self._calls.is_contended(bound.key_hash, bound.session_id):
            return TurnedAway(
                status=429,
                code="rate_limit_exceeded",
                message="Clients take this session from each other. Give each a session id of its own.",
                headers=retry,
            )
        return None
