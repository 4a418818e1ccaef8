"""GPT-Live's frames: text; its failures are an error event (GPT-LIVE.md 5.1)."""

from realtime_switch.local.wire import Wire

_SORRY = "The server had an error while processing your request."
_ERROR = {"type": "server_error", "code": "server_error", "message": _SORRY, "param": None}

WIRE = Wire(
    binary=False,
    pings=True,
    garbage='{"type":"session.output_audio.delta","delta":"AAAA',
    oversize=('{"type":"session.output_audio.delta","delta":"', '"}'),
    alarm=({"type": "error", "event_id": "event_fault", "error": _ERROR},),
    sorry=_SORRY,
)
