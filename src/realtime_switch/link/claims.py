"""Which gateway has which session, as the business process is told it. Pure.

Kept in memory only: every gateway tells every business process, and tells it
again on each new connection. So nothing is written at a connect, and nothing
stays behind when a process dies.
"""

from ..accounts.records import Claim


class Claims:
    """`gateway` is the boot of a gateway process, which outlives its connections."""

    def __init__(self) -> None:
        self._of_session: dict[str, dict[Claim, str]] = {}

    def claim(self, claim: Claim, gateway: str) -> list[tuple[Claim, str]]:
        """Those that lose the session by this: an older claim of another gateway, or this one."""
        claims = self._of_session.setdefault(claim.session_id, {})
        claims[claim] = gateway
        rivals = [
            (one, whose)
            for one, whose in claims.items()
            if one.account_id == claim.account_id and (whose != gateway or one == claim)
        ]
        latest = max(rivals, key=lambda rival: (rival[0].since_us, rival[1]))
        return [rival for rival in rivals if rival != latest]

    def release(self, claim: Claim, gateway: str) -> None:
        claims = self._of_session.get(claim.session_id, {})
        if claims.get(claim) == gateway:
            del claims[claim]
            if not claims:
                del self._of_session[claim.session_id]

    def elsewhere(self, key_hash: str, session_id: str, gateway: str) -> list[tuple[Claim, str]]:
        """What other gateways have of a session that this one is about to ask for."""
        every = self._of_session.get(session_id, {}).items()
        return [(one, whose) for one, whose in every if one.key_hash == key_hash and whose != gateway]

    def accounts_elsewhere(self, session_id: str, gateway: str) -> set[str]:
        """Whose sessions of that id other gateways have."""
        every = self._of_session.get(session_id, {}).items()
        return {one.account_id for one, whose in every if whose != gateway}

    def of(self, gateway: str) -> list[Claim]:
        every = (one for claims in self._of_session.values() for one in claims.items())
        return [claim for claim, whose in every if whose == gateway]
