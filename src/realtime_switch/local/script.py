"""Replies and words written down beforehand, so that a test knows what it will hear.

A file of TOML (`[[reply]]` and `[[hear]]` tables) or of JSON lines (`{"reply": {...}}`, `{"hear": {...}}`).
Each connection begins at the top; where the replies are spent the brain goes on, where the words are spent
the ears do. docs/local-provider.md shows every field.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from realtime_switch.local.thought import Answer, Call, Say, Think, Thought, Tokens, Trouble


class ScriptMistake(ValueError):
    """One sentence for the person who wrote the script."""


class ScriptedCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, Any] = {}


class ScriptedReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str | None = None
    calls: tuple[ScriptedCall, ...] = ()
    delay_ms: int = 0
    usage: Tokens | None = None
    error: Trouble | None = None
    delegate: bool = False
    hosted: tuple[str, ...] = ()

    def answer(self) -> Answer:
        said = () if self.text is None else (Say(self.text),)
        calls = tuple(Call(call.name, msgspec.json.encode(call.arguments).decode()) for call in self.calls)
        steps = (*said, *calls)
        return Answer(steps, self.delay_ms, self.usage, self.error, self.delegate, self.hosted)


class ScriptedWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reply: tuple[ScriptedReply, ...] = ()
    hear: tuple[ScriptedWords, ...] = ()


NO_SCRIPT = Script()


class Reading:
    """One connection's place in the script."""

    def __init__(self, script: Script, otherwise: Think) -> None:
        self._replies = iter(script.reply)
        self._words = iter(script.hear)
        self._otherwise = otherwise

    def think(self, thought: Thought) -> Answer:
        reply = next(self._replies, None)
        return self._otherwise(thought) if reply is None else reply.answer()

    def hear(self) -> str | None:
        words = next(self._words, None)
        return None if words is None else words.text


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reply: ScriptedReply | None = None
    hear: ScriptedWords | None = None


def read_script(path: Path) -> Script:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ScriptMistake(f"The script {path} cannot be read: {reason}.") from None
    try:
        if path.suffix == ".toml":
            return msgspec.convert(tomllib.loads(text), Script)
        return _read_lines(text)
    except (msgspec.ValidationError, msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        raise ScriptMistake(f"The script {path} is not right: {error}.") from None


def _read_lines(text: str) -> Script:
    lines = [_decoded(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return Script(
        reply=tuple(line.reply for line in lines if line.reply is not None),
        hear=tuple(line.hear for line in lines if line.hear is not None),
    )


def _decoded(line: str, number: int) -> _Line:
    try:
        return msgspec.json.decode(line.encode(), type=_Line)
    except msgspec.DecodeError as error:
        raise msgspec.ValidationError(f"line {number}: {error}") from None
