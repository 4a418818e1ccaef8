"""Gemini's frames: binary, no pings (GEMINI-LIVE.md 1, 2); its failures are a close and nothing else."""

from realtime_switch.local.gemini import closes
from realtime_switch.local.wire import Wire

AUDIO_OUT = "audio/pcm;rate=24000"
_HEAD = f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{{"mimeType":"{AUDIO_OUT}","data":"'

WIRE = Wire(
    binary=True,
    pings=False,
    garbage=f"{_HEAD}AAAA",
    oversize=(_HEAD, '"}}]}}}'),
    alarm=(),
    sorry=closes.INTERNAL.reason,
)
