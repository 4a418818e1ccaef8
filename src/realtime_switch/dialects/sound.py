"""How audio is written, and how it is written another way: rates, G.711, base64.

Streams are converted, not pieces: what does not make a whole sample yet, and what the filter still holds,
waits for the next piece, so it makes no difference how a stream is cut up (tests/laws). Most audio never
comes here: where both ends write it alike, the base64 goes from one message into the other.
"""

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    pass

Coding = Literal["pcm", "pcmu", "pcma"]  # 16-bit little-endian; G.711 mu-law; G.711 A-law


class AudioFormat(Struct, frozen=True):
    coding: Coding = "pcm"
    rate_hz: int = 24_000

    @property
    def bytes_per_ms(self) -> int:
        return max(1, self.rate_hz * (2 if self.coding == "pcm" else 1) // 1000)


PCM_24K = AudioFormat("pcm", 24_000)
PCM_16K = AudioFormat("pcm", 16_000)
G711_RATE_HZ = 8_000
