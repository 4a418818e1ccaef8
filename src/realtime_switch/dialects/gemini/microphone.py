"""The user's sound as Gemini takes it: PCM of any rate under its true name, because the service resamples by
itself (GEMINI-LIVE.md 7). G.711, which it does not know, becomes PCM of the same rate; what is finer than it
is said to hear becomes as coarse as that."""

from ..sound import AudioFormat, Converter
from ..wishes import UserAudio

Piece = tuple[str, AudioFormat]


class Microphone:
    def __init__(self, best: AudioFormat) -> None:
        self._rate_hz_max = best.rate_hz
        self._source: AudioFormat | None = None
        self._told = best
        self._converter = Converter(best, best)

    def heard(self, wish: UserAudio) -> list[Piece]:
        """Pieces of their own, because base64 cannot be joined."""
        pieces: list[Piece] = []
        if wish.format != self._source:
            pieces = self.rest()
            self._source = wish.format
            self._told = AudioFormat("pcm", min(wish.format.rate_hz, self._rate_hz_max))
            self._converter = Converter(self._source, self._told)
        if base64 := self._converter.convert(wish.base64):
            pieces.append((base64, self._told))
        return pieces

    def apart(self, wish: UserAudio) -> list[Piece]:
        """Of no stream, and whole."""
        told = AudioFormat("pcm", min(wish.format.rate_hz, self._rate_hz_max))
        converter = Converter(wish.format, told)
        return [(base64, told) for base64 in (converter.convert(wish.base64), converter.flush()) if base64]

    def takes(self, audio_format: AudioFormat) -> bool:
        """Frames of that format go on as they are."""
        return audio_format == self._source == self._told

    def rest(self) -> list[Piece]:
        """What the filter still holds at the end of a turn."""
        base64 = self._converter.flush()
        return [(base64, self._told)] if base64 else []
