"""Sessions that may be resumed (GEMINI-LIVE.md 9): a handle leads to its session as it was left.

A handle is good for two hours after the last connection of its session ended, and a session has one
connection at a time.
"""

from collections.abc import Callable

from realtime_switch.local.gemini.past import Past

GOOD_FOR_US = 2 * 60 * 60 * 1_000_000
# Of a provider that runs for weeks: the oldest handles go first.
HANDLES_MAX = 10_000


class Session:
    def __init__(self, model: str) -> None:
        self.model = model
        self.past = Past()
        self.held = True
        self.left_us = 0


class Handles:
    def __init__(self, now_us: Callable[[], int], new_handle: Callable[[], str]) -> None:
        self._now_us = now_us
        self._new_handle = new_handle
        self._sessions: dict[str, Session] = {}

    def handle(self, session: Session) -> str:
        """A new one; those before stay good."""
        self._forget_old()
        made = self._new_handle()
        self._sessions[made] = session
        while len(self._sessions) > HANDLES_MAX:
            del self._sessions[next(iter(self._sessions))]
        return made

    def find(self, handle: str) -> Session | None:
        self._forget_old()
        return self._sessions.get(handle)

    def hold(self, session: Session) -> None:
        assert not session.held
        session.held = True

    def leave(self, session: Session) -> None:
        session.held, session.left_us = False, self._now_us()

    def _forget_old(self) -> None:
        oldest_us = self._now_us() - GOOD_FOR_US
        self._sessions = {
            handle: session
            for handle, session in self._sessions.items()
            if session.held or session.left_us >= oldest_us
        }
