"""Every error a person or a program may meet, by name.

INTERNAL_ is ours to mend (the operator's, mostly), EXTERNAL_ is the caller's.

    RealtimeSwitchError          carries a code and one sentence: what, where, what to do
        StorageError             the database, or the outbox; raised by store/ and outbox/
        LinkError                the other process is away, late or not to be trusted; raised by link/
        ConfigurationError       a setting is missing or wrong; raised by settings
"""

import enum


class ErrorCode(enum.StrEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name  # auto() would write it small; codes are spelt as they are named

    # The caller's (A5-A7, A15, A17).
    EXTERNAL_INVALID_AUTH = enum.auto()
    EXTERNAL_NO_CREDITS = enum.auto()
    EXTERNAL_ACCOUNT_CLOSED = enum.auto()
    EXTERNAL_TOKEN_SPENT = enum.auto()
    EXTERNAL_BUFFER_OVERFLOW = enum.auto()
    EXTERNAL_NOT_FOUND = enum.auto()
    EXTERNAL_ALREADY_EXISTS = enum.auto()
    EXTERNAL_INVALID_VALUE = enum.auto()
    EXTERNAL_MODEL_NOT_FOUND = enum.auto()
    EXTERNAL_TOO_MANY_CALLS = enum.auto()
    EXTERNAL_RATE_LIMITED = enum.auto()
    EXTERNAL_CALL_CAPPED = enum.auto()
    EXTERNAL_TAKEN_OVER = enum.auto()
    EXTERNAL_SESSION_IN_USE = enum.auto()
    EXTERNAL_CLIENT_TOO_SLOW = enum.auto()
    EXTERNAL_IDLE = enum.auto()

    # Settings (A26).
    INTERNAL_ENV_KEY_NOT_FOUND = enum.auto()
    INTERNAL_CONFIG_INVALID = enum.auto()

    # The database (A24, A25).
    INTERNAL_DATABASE_KEY_WRONG = enum.auto()
    INTERNAL_DATABASE_NOT_ENCRYPTED = enum.auto()
    INTERNAL_DATABASE_DAMAGED = enum.auto()
    INTERNAL_DATABASE_TOO_NEW = enum.auto()
    INTERNAL_DATABASE_BUSY = enum.auto()
    INTERNAL_DATABASE_UNAVAILABLE = enum.auto()
    INTERNAL_MIGRATION_FAILED = enum.auto()

    # The gateway's outbox.
    INTERNAL_OUTBOX_FULL = enum.auto()
    INTERNAL_OUTBOX_UNAVAILABLE = enum.auto()

    # The link and the provider.
    INTERNAL_LINK_TIMEOUT = enum.auto()
    INTERNAL_LINK_CLOSED = enum.auto()
    INTERNAL_LINK_UNSUPPORTED = enum.auto()
    INTERNAL_PROVIDER_UNAVAILABLE = enum.auto()
    INTERNAL_UNEXPECTED = enum.auto()


class RealtimeSwitchError(Exception):
    """Something a user may read: the sentence is shown as it is, so it never holds a secret."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class StorageError(RealtimeSwitchError):
    pass


class LinkError(RealtimeSwitchError):
    pass


class ConfigurationError(RealtimeSwitchError):
    pass
