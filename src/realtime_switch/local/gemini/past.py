"""What was said so far in a session, over all of its connections, and which calls still wait."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from realtime_switch.local.billing import Line, text_tokens
from realtime_switch.local.gemini.billing import IMAGE_TOKENS, audio_tokens
from realtime_switch.local.gemini.proto import Json, invalid
from realtime_switch.local.thought import Called, Returned, Said, Turn, unintelligible


class Entry:
    """`turn` is None until what was said aloud is understood."""

    def __init__(self, turn: Turn | None, *, text: int = 0, audio: int = 0, image: int = 0) -> None:
        self.turn = turn
        self.text = text
        self.audio = audio
        self.image = image


class Past:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        # By id: the names of the calls that were made and not answered, and whether all waits for them.
        self.calls: dict[str, str] = {}
        self.blocking: set[str] = set()
        # Calls that were taken back: their results may still be on their way.
        self.cancelled: set[str] = set()

    def add(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        return entry

    def turns(self) -> tuple[Turn, ...]:
        return tuple(entry.turn for entry in self.entries if entry.turn is not None)

    def lines(self) -> list[Line]:
        return [Line(str(at), one.text, one.audio, one.image) for at, one in enumerate(self.entries)]

    def call(self, call_id: str, name: str, arguments: str, *, blocking: bool) -> None:
        self.add(Entry(Called(name, arguments, call_id), text=text_tokens(name + arguments)))
        self.calls[call_id] = name
        if blocking:
            self.blocking.add(call_id)

    def answered(self, call_id: str, output: str, *, more: bool) -> None:
        self.add(Entry(Returned(call_id, output), text=text_tokens(output)))
        if not more:
            del self.calls[call_id]
            self.blocking.discard(call_id)

    def cancel_blocking(self) -> list[str]:
        taken_back = [call_id for call_id in self.calls if call_id in self.blocking]
        for call_id in taken_back:
            del self.calls[call_id]
        self.cancelled.update(taken_back)
        self.blocking.clear()
        return taken_back


def written(text: str) -> Entry:
    return Entry(Said("user", text), text=text_tokens(text))


def given(content: Json) -> Iterator[Entry]:
    """A Content as history (3.2): a role unsaid is the user's."""
    role = content.get("role") or "user"
    if role not in ("user", "model"):
        raise invalid()
    for part in content.get("parts", ()):
        yield from _entry(part, role)


def _entry(part: Json, role: str) -> Iterator[Entry]:
    who: Literal["user", "agent"] = "user" if role == "user" else "agent"
    if part.get("text") and not part.get("thought"):
        yield Entry(Said(who, part["text"]), text=text_tokens(part["text"]))
    if (call := part.get("functionCall")) is not None:
        arguments = msgspec.json.encode(call.get("args", {})).decode()
        called = Called(call.get("name", ""), arguments, call.get("id") or call.get("name", ""))
        yield Entry(called, text=text_tokens(called.name + arguments))
    if (result := part.get("functionResponse")) is not None:
        output = result_text(result)
        yield Entry(Returned(result.get("id") or result.get("name", ""), output), text=text_tokens(output))
    if (blob := part.get("inlineData")) is not None:
        kind, data = blob.get("mimeType", ""), blob.get("data", b"")
        if kind.startswith("audio/"):
            ms = len(data) * 1000 // 32_000
            yield Entry(Said(who, unintelligible(ms / 1000)), audio=audio_tokens(ms))
        elif kind.startswith("image/"):
            yield Entry(None, image=IMAGE_TOKENS)
        else:
            raise invalid()


def result_text(result: Json) -> str:
    """3.4: `output` or `error` where there is one, else the whole object."""
    response = result.get("response", {})
    chosen = next((response[key] for key in ("output", "error") if key in response), response)
    return chosen if isinstance(chosen, str) else msgspec.json.encode(chosen).decode()
