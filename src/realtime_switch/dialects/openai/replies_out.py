"""Which reply runs at an OpenAI-like provider, and which is to be asked for when it is over.

One runs at a time (OPENAI-REALTIME.md 6.1). What the user had not heard of a reply that is cut short is taken
back (truncate), by the clock of playback.py.
"""

from ..acts import Interrupted, Trouble
from ..dialect import NewId, NowUs, ProviderSaid
from ..playback import Playback
from ..sound import AudioFormat, audio_ms
from ..wishes import AskReply
from . import requests_out as out
from .hearing_out import Microphone

# `response.create` while another reply runs. The server may have begun one by itself meanwhile.
REPLY_RUNS = "conversation_already_has_active_response"


class Replies:
    def __init__(self, microphone: Microphone, new_id: NewId, now_us: NowUs) -> None:
        self._microphone = microphone
        self._new_id = new_id
        self._playback = Playback(now_us)
        self.left_ms: dict[str, float] = {}  # of each item's audio, as the provider remembers it
        self._running = ""
        self._stopping = False
        self._asked_id = ""  # our name for the newest request
        self._asked = AskReply()
        self._awaiting = False  # that one is neither begun nor refused
        self._wanted: AskReply | None = None  # once nothing runs

    @property
    def heard_us(self) -> int:
        """When all that was said will have been heard."""
        return self._playback.ends_us

    @property
    def busy(self) -> bool:
        return bool(self._running) or self._awaiting

    def ask(self, asked: AskReply) -> list[bytes]:
        if self.busy:
            self._wanted = asked
            return []
        self._asked_id = self._new_id("event")
        self._asked, self._awaiting = asked, True
        return [*self._microphone.seen(), out.create(self._asked_id, asked)]

    def forget_wanted(self) -> None:
        """Something newer is being said, and will be answered."""
        self._wanted = None

    def cut_short(self) -> ProviderSaid:
        """Stop the reply that runs, and what is still played of it or of the last one."""
        stops = self.busy and not self._stopping
        if not stops and not self._playback.running:
            return []
        self._stopping = self.busy
        return [*([out.cancel(self._running)] if stops else []), *self._hushed()]

    def spoken_over(self) -> ProviderSaid:
        """The provider has heard the user, and stops its reply itself (interrupt_response)."""
        runs = self._running and not self._stopping
        return self._hushed() if runs or self._playback.running else []

    def _hushed(self) -> ProviderSaid:
        cut = self._playback.cut()
        self.left_ms |= cut
        return [*(out.truncate(item_id, ms) for item_id, ms in cut), Interrupted()]

    def begun(self, reply_id: str) -> None:
        self._running = reply_id
        self._awaiting = False

    def heard(self, item_id: str, audio_bytes: int, audio_format: AudioFormat) -> None:
        ms = audio_ms(audio_bytes, audio_format)
        self.left_ms[item_id] = self.left_ms.get(item_id, 0.0) + ms
        self._playback.add(item_id, ms)

    def done(self, reply_id: str) -> list[bytes]:
        if reply_id == self._running:
            self._running = ""
            self._stopping = False
        wanted, self._wanted = self._wanted, None
        return self.ask(wanted) if wanted is not None else []

    def troubled(self, act: Trouble) -> Trouble:
        """Its `request_id` is told on only where the client waits for what was refused."""
        plain = Trouble(act.code, act.message)
        if act.request_id != self._asked_id:
            # It may have been the reply's refusal all the same, so nobody waits for that for ever.
            self._awaiting = self._awaiting and bool(act.request_id)
            return plain
        self._awaiting = False
        if act.code != REPLY_RUNS or not self._running:
            return act
        self._wanted = self._wanted or self._asked
        return plain
