"""The six verbs. The gateway knows the business side by these, and by nothing else."""

from collections.abc import Sequence
from typing import Protocol

from .questions import Answer, Question
from .records import Grant, Passage, Posted, Refusal, SavedConfig, Switched, UsageRecord


class AccountService(Protocol):
    """Implemented by the service itself, by the link's client, and by a fake in tests.

    All are safe to repeat: the first two and most questions read, of the others the same id twice, or the
    same session, changes nothing.
    Each returns when what it was given is committed, or raises
    RealtimeSwitchError and has changed nothing.
    """

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        """All that a connect needs, in one question (A5). Keys travel as their hash, see keys.py."""
        ...

    async def get_credits(self, account_id: str) -> int:
        """What is left now (A16). 0 for an account nobody knows."""
        ...

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        """Post bills, each once (A13, A14)."""
        ...

    async def save_session(self, saved: SavedConfig) -> None:
        """Keep the configuration to replay (A8). A later one replaces an earlier one."""
        ...

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        """Add what was said (A9), in the order given, and where the call went on."""
        ...

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        """What the holder of a key wants to know of his own account, or have deleted; see questions.py."""
        ...
