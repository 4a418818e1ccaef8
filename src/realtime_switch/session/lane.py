"""The way of a frame between a client and a provider of one dialect.

Nearly every frame is audio, is proven to be nothing else, and passes unread:
the answer is PASS, and the conductor sends on what it holds. Anything else is
read, and the answer says in order what goes where and what was heard.

The order for a provider's frame: first the bills in it, so that they are kept
before the client can have the frame; then the frame, the very object that came;
then the rest. A client's frame meets the gate instead: it may ask for what it
did not pay for.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from ..dialects.acts import (
    BILLS,
    Act,
    AudioSent,
    ReplyDone,
    ReplyItemDone,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    TranscriptionUsage,
)
from ..dialects.dialect import (
    AskSwitch,
    ClientSide,
    Dialect,
    Edge,
    Gate,
    Hangup,
    Manner,
    ProviderSide,
    ToClient,
    ToProvider,
)
from .steps import PASS, _Pass
from .unread import Counted, Passes, Unread, nothing_passes


class Heard(Struct, frozen=True, gc=False):
    act: Act


Hop = ToClient | ToProvider | Heard | Hangup | AskSwitch
Hops = list[Hop]
Way = Literal[_Pass.PASS] | Hops


_SPEECH = (SpeechStarted, SpeechStopped)


class Relay:
    def __init__(self, dialect: Dialect, gate: Gate, provider_side: ProviderSide) -> None:
        self._unread = Unread(dialect)
        self.passes_from_client: Passes = dialect.only_audio_from_client
        self.passes_from_provider: Passes = self._unread
        self._gate = gate
        self._provider_side = provider_side

    @property
    def manner(self) -> Manner:
        return self._provider_side.manner

    def tell_of_audio(self, on_audio: Callable[[], None]) -> None:
        self._unread.on_audio = on_audio

    @property
    def last_word(self) -> bytes:
        return self._provider_side.last_word

    @property
    def stop_reply(self) -> bytes:
        return self._provider_side.stop_reply

    def opening(self, config: str | None, history: str, handle: str = "") -> Hops:
        return [ToProvider(payload) for payload in self._gate.opening(config, history, handle)]

    def told_before(self, calls: Sequence[ToolCall]) -> Hops:
        self._gate.told_before(calls)
        return []

    def from_client(self, payload: bytes) -> Way:
        if self.passes_from_client(payload):
            return PASS
        return [Heard(said) if isinstance(said, Act) else said for said in self._gate.admit(payload)]

    def from_provider(self, payload: bytes) -> Way:
        return PASS if self.passes_from_provider(payload) else self._look_at(payload)

    def beside(self, payload: bytes) -> Hops:
        """Of a connection that nobody is to hear of yet."""
        return [*map(Heard, self._read(payload))]

    def closed(self, code: int, reason: str) -> Hops:
        return [Heard(act) for act in self._provider_side.closed(code, reason)]

    def catch_up(self) -> Hops:
        """What has passed unread, heard now: for whoever must know all that was said so far."""
        words, ends = self._words_so_far()
        return [
            *map(Heard, words),
            *map(Heard, self._parts_so_far()),
            *self._audio_so_far(),
            *map(Heard, ends),
        ]

    def _words_so_far(self) -> tuple[list[Act], list[Act]]:
        """Up to the first item that has ended, and from there on: how long an item was is judged at its end,
        so its audio is heard in between."""
        acts = [act for payload in self._unread.take_words() for act in self._read(payload)]
        for number, act in enumerate(acts):
            if type(act) is ReplyItemDone:
                return acts[:number], acts[number:]
        return acts, []

    def _parts_so_far(self) -> list[Act]:
        return [act for payload in self._unread.take_parts() for act in self._read(payload)]

    def _parts_before(self, acts: Sequence[Act]) -> list[Act]:
        """What the end of its item or reply says as well need not be read."""
        for act in acts:
            if type(act) is ReplyItemDone:
                self._unread.item_done(act.item_id)
        return self._parts_so_far() if type(acts[-1]) is ReplyDone else []

    def _read(self, payload: bytes) -> list[Act]:
        return [said for said in self._provider_side.hear(payload) if not isinstance(said, bytes)]

    def _look_at(self, payload: bytes) -> Hops:
        # Before this frame is read: what passed unread came before it, and may have begun a reply.
        audio = self._audio_so_far()
        shown, acts = self._gate.shown(payload, self._read(payload))
        rest: Hops = [] if shown is None else self._to_client(shown)
        if not acts:
            return audio + rest if audio else rest
        first, ended = audio, acts
        if self._unread.put_by and not self._is_beside_words(acts):
            words, ends = self._words_so_far()
            first, ended = [*map(Heard, words), *audio, *map(Heard, ends)], [*ends, *acts]
        if self._unread.parts_put_by:
            first += map(Heard, self._parts_before(ended))
        for act in acts:
            (first if type(act) in BILLS else rest).append(Heard(act))
        return first + rest if first else rest

    def _is_beside_words(self, acts: Sequence[Act]) -> bool:
        """Whoever hears them has nothing to do with what the agent has said so far. The user's words come
        with what they cost and nothing else, whenever they are known (OPENAI-REALTIME.md 9.2). A line of the
        agent's that is over is kept before them."""
        first = type(acts[0])
        if first is TranscriptionUsage:
            return not self._unread.holds_end
        return len(acts) == 1 and first in _SPEECH

    def _to_client(self, payload: bytes) -> Hops:
        return [ToClient(payload)]

    def _audio_so_far(self) -> Hops:
        chars = self._unread.take_audio()
        return [] if chars is None else [Heard(act) for act in self._provider_side.passed(chars)]


class TimedRelay(Relay):
    """To a provider that bills by time, and whose clock is the client's audio: that is counted as well."""

    def __init__(
        self, dialect: Dialect, gate: Gate, provider_side: ProviderSide, measure: Callable[[bytes], int]
    ) -> None:
        super().__init__(dialect, gate, provider_side)
        self.passes_from_client = self.counted = Counted(dialect.only_audio_from_client, measure)

    def _audio_so_far(self) -> Hops:
        sent = self.counted.take()
        heard = super()._audio_so_far()
        return [Heard(AudioSent(sent)), *heard] if sent else heard


class EdgeRelay(Relay):
    """A client of an older spelling, a provider of the new one: the same way, renamed at the client's edge.
    What such a client says is renamed in the gate, where it is read; its audio is spelt alike in both."""

    def __init__(self, dialect: Dialect, gate: Gate, provider_side: ProviderSide, edge: Edge) -> None:
        super().__init__(dialect, gate, provider_side)
        self._edge = edge
        self.passes_from_provider = nothing_passes
        self._unread.idle = self._unread.parts = nothing_passes  # it may be named otherwise there

    def from_provider(self, payload: bytes) -> Hops:
        if not self._unread(payload):
            return self._look_at(payload)
        if self._unread.put_by and self._unread.put_by[-1] is payload:
            return self._to_client(payload)
        return [ToClient(self._edge.audio_shown(payload))]

    def _to_client(self, payload: bytes) -> Hops:
        shown = self._edge.shown(payload)
        return [] if shown is None else [ToClient(shown)]


def relay(dialect: Dialect, gate: Gate, provider_side: ProviderSide, client_side: ClientSide) -> Relay:
    if dialect.measure is not None:
        return TimedRelay(dialect, gate, provider_side, dialect.measure)
    if client_side.edge is None:
        return Relay(dialect, gate, provider_side)
    return EdgeRelay(dialect, gate, provider_side, client_side.edge)
