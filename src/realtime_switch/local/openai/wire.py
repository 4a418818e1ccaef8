"""OpenAI's frames: text, with pings (OPENAI-REALTIME.md 2.5); its failures are an error event and a close."""

from realtime_switch.local.wire import Wire

_SORRY = "The server had an error while processing your request."
_ERROR = {"type": "server_error", "code": None, "message": _SORRY, "param": None, "event_id": None}

WIRE = Wire(
    binary=False,
    pings=True,
    garbage='{"type":"response.output_audio.delta","delta":"AAAA',
    oversize=('{"type":"response.output_audio.delta","delta":"', '"}'),
    alarm=({"type": "error", "event_id": "event_fault", "error": _ERROR},),
    sorry=_SORRY,
)
