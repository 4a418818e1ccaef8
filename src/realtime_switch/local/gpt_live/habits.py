"""How a GPT-Live server talks, where OpenAI and Azure differ or a test wants it (GPT-LIVE.md 2, 8)."""

import msgspec

PATHS = {"/v1/live/sessions": "openai", "/live/sessions": "openai", "/openai/v1/live/sessions": "azure"}


class LiveHabits(msgspec.Struct, frozen=True):
    usage_every_ms: int | None = 15_000  # of the session's clock; None: never
    echoes_ids: bool = True  # answers name the command that they answer
    times_sound: bool = False  # each piece of sound says when it is
    start_after_ms: int = 0
    drain_ms: int = 0  # between session.close and session.closed
    deaf_after_ms: int = 30_000  # without any sound the session expires


OPENAI = LiveHabits()
AZURE = LiveHabits(usage_every_ms=60_000, echoes_ids=False, times_sound=True)
FLAVOURS = {"openai": OPENAI, "azure": AZURE}
