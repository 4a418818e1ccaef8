"""How a Gemini server talks where models and surfaces differ (GEMINI-LIVE.md 5, 8): one Struct, three
presets.
"""

from typing import Literal

import msgspec

ShapeName = Literal["3.8", "2.5", "vertex"]


class Habits(msgspec.Struct, frozen=True):
    """As gemini-3.8-live on the Developer API; every field may be changed for a test."""

    # Audio and its words in one frame, or one field a frame.
    bundled: bool = True
    # `{}` between audio frames and `{"serverContent":{}}` before an answer.
    heartbeats: bool = True
    # What was heard as a whole, or word by word with leading blanks.
    whole_transcripts: bool = True
    # `role` on modelTurn.
    role: bool = True
    # `voiceActivity` unasked; without it, where the client asked for it (explicitVadSignal).
    voice_activity: bool = True
    # Thought text unasked; without it, where the client asked for it (includeThoughts).
    thoughts: bool = False
    # A turnComplete of its own between a tool's call and its result.
    bare_turn_complete: bool = False
    call_ids: bool = True
    # Handles unasked, the first one right after setupComplete; without it, where the client asked.
    handles_unasked: bool = True
    # What an unset `behavior` of a function means.
    blocking: bool = False
    context_update: bool = True
    video_outside_activity: bool = True
    # A turn that ends in the middle of what is said (a known fault of the service, 5.12).
    premature_end: bool = False
    # Vertex: its own names of usage, `sessionId`, explicitVadSignal, transparent, labels; no historyConfig.
    vertex: bool = False


SHAPES: dict[ShapeName, Habits] = {
    "3.8": Habits(),
    "2.5": Habits(
        bundled=False,
        heartbeats=False,
        whole_transcripts=False,
        role=False,
        voice_activity=False,
        thoughts=True,
        handles_unasked=False,
        blocking=True,
        context_update=False,
        video_outside_activity=False,
    ),
    "vertex": Habits(
        voice_activity=False,
        bare_turn_complete=True,
        call_ids=False,
        handles_unasked=False,
        blocking=True,
        context_update=False,
        vertex=True,
    ),
}


class KnobMistake(ValueError):
    """One sentence for the person who turned the knob."""


KNOBS = Habits.__struct_fields__
_POSITIONS = {"yes": True, "no": False}


def named_habits(shape: ShapeName | None, turned: tuple[str, ...]) -> Habits | None:
    """From how a person names them: a shape, and "heartbeats=no". None is as the address says."""
    if shape is None and not turned:
        return None
    positions: dict[str, bool] = {}
    for one in turned:
        knob, _, position = one.partition("=")
        if knob not in KNOBS or position not in _POSITIONS:
            raise KnobMistake(f"'{one}' is not a knob with =yes or =no. There are: {', '.join(KNOBS)}.")
        positions[knob] = _POSITIONS[position]
    return msgspec.structs.replace(SHAPES[shape or "3.8"], **positions)
