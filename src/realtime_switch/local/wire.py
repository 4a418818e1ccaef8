"""How a dialect's frames leave, and what the faults of call.py look like in it."""

import msgspec

from realtime_switch.local.orders import Event


class Wire(msgspec.Struct, frozen=True):
    # Frames that carry JSON: binary with Gemini, text with OpenAI.
    binary: bool
    # Whether the server pings an idle client.
    pings: bool
    # A frame that is no JSON, and one that is, around as much base64 as is wanted.
    garbage: str
    oversize: tuple[str, str]
    # What is said and how the call is closed where the server itself fails.
    alarm: tuple[Event, ...]
    sorry: str
