"""One thing said, held until nothing can change it any more (transcript.py)."""

from msgspec import Struct

from . import limits

USER, AGENT, TOOL = "user", "agent", "tool"
BASE64_CHARS_PER_BYTE = 4 / 3


class HeldLine(Struct):
    """`sure` when nothing can change it any more."""

    speaker: str
    parts: dict[int, str] = {}
    sure: bool = False
    typed: bool = False
    base64_chars: int = 0
    born_us: int = 0
    played_us: int | None = None  # when its audio must have been heard; None while it is being said

    @property
    def text(self) -> str:
        return " ".join(text for _, text in sorted(self.parts.items()) if text)

    @property
    def due_us(self) -> int | None:
        """When it becomes sure by time alone."""
        if self.speaker != USER:
            return self.played_us
        # Once its first words are here the rest follows; written now, they would be written twice.
        return None if self.text else self.born_us + int(limits.TRANSCRIPT_AWAITED_S * 1e6)

    def is_sure(self, now_us: int) -> bool:
        return self.sure or ((due_us := self.due_us) is not None and due_us <= now_us)

    def audio_ms(self, bytes_per_ms: int) -> float:
        return self.base64_chars / BASE64_CHARS_PER_BYTE / bytes_per_ms

    def finish(self, bytes_per_ms: int) -> None:
        """It is said; audio is made faster than it is played, so it will be heard some time later."""
        self.played_us = self.born_us + int(self.audio_ms(bytes_per_ms) * 1000)
        if self.base64_chars:
            self.played_us += int(limits.PLAYBACK_SLACK_S * 1e6)

    def cut(self, share: float) -> None:
        """At the end of a word before that share of its text."""
        text = self.text
        end = int(len(text) * share)
        if end < len(text) and not text[end].isspace():
            end = max(text.rfind(" ", 0, end), 0)
        self.parts = {0: text[:end].rstrip()}
