"""Text that must not be seen: keys, passwords, addresses that hold a password.

A secret shows itself only when asked by name, so that it cannot slip into a
log line, an error or a repr on the way.
"""

from typing import Final


class Secret:
    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: Final = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
