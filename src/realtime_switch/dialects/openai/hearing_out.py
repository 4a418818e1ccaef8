"""What the user's microphone and camera give, as an OpenAI-like provider takes it: audio in its own format,
and of a stream of pictures only those that belong to something said (TRANSLATION.md 9)."""

from ..dialect import NowUs
from ..sound import AudioFormat, Converter, audio_ms, duration_ms, silence
from ..wishes import Picture, UserAudio, UserImage
from . import requests_out as out

COMMIT_MS_MIN = 100  # less is no turn: input_audio_buffer_commit_empty
PAUSE_MS = 100  # over what ends a turn
PAUSE_MS_MAX = 10_000
PICTURE_AFTER_US = 1_000_000  # the other dialect looks at one a second (GEMINI-LIVE.md 3.3)


class Microphone:
    def __init__(self, told: AudioFormat, now_us: NowUs) -> None:
        self.speaking = False  # by the provider's ears
        self._told = told
        self._now_us = now_us
        self._source = told
        self._converter = Converter(told, told)
        self.open = False  # between the client's own marks
        self._turn_ms = 0.0  # of audio since it opened
        self._picture: Picture | None = None
        self._picture_us: int | None = None  # when the last one was told

    # -- Audio -------------------------------------------------------------------------------------------

    def heard(self, wish: UserAudio, manual: bool) -> list[bytes]:
        if manual and not self.open:
            return []  # outside of the client's marks nothing is meant for the model (GEMINI-LIVE.md 3.3)
        frames: list[bytes] = []
        if wish.format != self._source:
            frames += self._appended(self._converter.flush())
            self._source = wish.format
            self._converter = Converter(wish.format, self._told)
        return frames + self._appended(self._converter.convert(wish.base64))

    def takes(self, audio_format: AudioFormat, manual: bool) -> bool:
        """Frames of that format go on as they are."""
        return audio_format == self._source == self._told and (self.open or not manual)

    def heard_unread(self, audio_bytes: int) -> None:
        self._turn_ms += audio_ms(audio_bytes, self._told)

    def begins(self) -> list[bytes]:
        self._converter = Converter(self._source, self._told)
        self.open, self._turn_ms = True, 0.0
        return self.seen()

    def ends(self) -> list[bytes]:
        """The rest of the turn, and silence where it is too short."""
        self.open = False
        frames = [*self.seen(), *self._appended(self._converter.flush())]
        missing_ms = COMMIT_MS_MIN - self._turn_ms
        if missing_ms > 0:
            frames += self._appended(silence(self._told, int(missing_ms) + 1))
        return frames

    def pauses(self, silence_ms: int) -> list[bytes]:
        """The provider hears a turn's end by silence; nothing is owed to it where nobody speaks."""
        rest = self._appended(self._converter.flush())
        if not self.speaking:
            return rest
        ms = min(max(silence_ms, 0) + PAUSE_MS, PAUSE_MS_MAX)
        return rest + self._appended(silence(self._told, ms))

    def _appended(self, base64: str) -> list[bytes]:
        if not base64:
            return []
        self._turn_ms += duration_ms(base64, self._told)
        return [out.append(base64)]

    # -- Pictures ----------------------------------------------------------------------------------------

    def saw(self, wish: UserImage) -> list[bytes]:
        self._picture = Picture(wish.base64, wish.mime_type)
        now, last = self._now_us(), self._picture_us
        due = last is None or now - last >= PICTURE_AFTER_US
        return self.seen() if due and (self.speaking or self.open) else []

    def seen(self) -> list[bytes]:
        """The newest picture that was not told yet."""
        picture, self._picture = self._picture, None
        if picture is None:
            return []
        self._picture_us = self._now_us()
        return [out.pictured(picture)]
