"""The way of a frame between a client of one dialect and a provider of another.

Each side answers what it is told with frames for its own socket and with acts or wishes for the other
side; here they are carried across until nothing is left to say. Bills are heard first, as in a relay: kept
before the client can have what they are for.

Nearly every frame is audio, and need not be read once one like it was: it crosses (crossing.py). Each
direction is closed until such a frame was read, and is closed again by whatever else is heard, after the two
sides have been told what crossed.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from ..dialects.acts import Act, AudioPassed, Bill, ReplyAudio, ReplyTranscript, ToolCall
from ..dialects.dialect import (
    AskSwitch,
    ClientSaid,
    ClientSide,
    Hangup,
    Manner,
    ProviderSide,
    ToClient,
    ToProvider,
)
from ..dialects.envelopes import Alike, Envelope
from ..dialects.wishes import Configure, SayCall, UserAudio, Wish
from .crossing import Crossing, Road
from .lane import Heard, Hop, Hops
from .unread import Proof, nothing_passes


class Translation:
    def __init__(
        self, client_side: ClientSide, provider_side: ProviderSide, idle: Proof = nothing_passes
    ) -> None:
        """`idle`: which of the provider's frames nobody listens for."""
        self._client_side = client_side
        self._provider_side = provider_side
        self.briefed = False  # the client's first word is in what `opening` and `ready` say
        self.passes_from_client = Crossing()
        self.passes_from_provider = Crossing(idle)
        self._on_audio: Callable[[], None] | None = None
        # Of the reply, what went by since somebody was told.
        self._base64_chars = 0
        self._words: list[ReplyTranscript] = []
        self._held: list[Wish] = []  # what the client's first word asks besides how to hold the call

    @property
    def manner(self) -> Manner:
        return self._provider_side.manner

    def tell_of_audio(self, on_audio: Callable[[], None]) -> None:
        self._on_audio = on_audio

    @property
    def last_word(self) -> bytes:
        return self._provider_side.last_word

    @property
    def stop_reply(self) -> bytes:
        return self._provider_side.stop_reply

    # -- The beginning ------------------------------------------------------------------------------------

    def first_word(self, payload: bytes) -> tuple[Hops, bool]:
        """A client's message before the provider is dialled, and whether that is to be done now: the call is
        to be held as the client wishes from the first on. What it asks besides waits."""
        hops: Hops = []
        asked = False
        for said in self._client_side.hear(payload):
            if isinstance(said, Wish):
                asked = True
                if not isinstance(said, Configure):  # `opening` says it, and Ready answers it
                    self._held.append(said)
            else:
                hops.append(_to_client(said))
        self.briefed = asked
        return hops, asked

    def opening(self, config: str | None, history: str, handle: str = "") -> Hops:
        frames = self._provider_side.opening(self._client_side.config, history, handle)
        return [ToProvider(frame) for frame in frames]

    def ready(self) -> Hops:
        """The provider listens: what was held is said."""
        held, self._held = self._held, []
        return self._carry(held)

    def told_before(self, calls: Sequence[ToolCall]) -> Hops:
        """Calls that another provider has made, and that are still to be answered."""
        hops: Hops = []
        for call in calls:
            said = SayCall(
                item_id=call.item_id,
                call_id=call.call_id,
                name=call.name,
                arguments=call.arguments,
                awaited=True,
            )
            hops += self._carried(said)
        # The client has seen them long ago.
        return [hop for hop in hops if isinstance(hop, ToProvider)]

    # -- Frames -------------------------------------------------------------------------------------------

    def audio_from_client(self, payload: bytes) -> Hops | None:
        """Most of what a client says, on the way that is short. None: it is something else."""
        self._close_to_provider()
        said = self._client_side.hear_audio(payload)
        if said is None:
            return None
        hops = self._asked(said)
        if len(said) == 1 and isinstance(wish := said[0], UserAudio):
            self._open_to_provider(payload, wish)
        return hops

    def from_client(self, payload: bytes) -> Hops:
        self._close()
        return [*self.catch_up(), *self._asked(self._client_side.hear(payload))]

    def _asked(self, said: ClientSaid) -> Hops:
        hops: Hops = []
        for one in said:
            hops += self._carried(one) if isinstance(one, Wish) else [_to_client(one)]
        return hops

    def from_provider(self, payload: bytes) -> Hops:
        crossed = self.passes_from_provider(payload)
        if crossed is not False:
            return [ToClient(crossed)] if crossed else []
        self._close()
        said = self._provider_side.hear_audio(payload)
        if said is None:
            said = self._provider_side.hear(payload)
        act = said[-1] if said else None
        if len(said) == 1 and isinstance(act, ReplyAudio):
            # It is only counted; whoever wants to know how much there was is told before anything else.
            if not self._base64_chars and self._on_audio is not None:
                self._on_audio()
            self._base64_chars += len(act.base64)
            hops: Hops = [_to_client(one) for one in self._client_side.tell(act) if not isinstance(one, Wish)]
        else:
            hops = [*self.catch_up(), *self._bills_first(self._carry(said))]
        if isinstance(act, ReplyAudio) or (isinstance(act, ReplyTranscript) and not act.final):
            self._open_to_client(payload, act)
        return hops

    def beside(self, payload: bytes) -> Hops:
        """Of a connection that nobody is to hear of yet."""
        said = self._provider_side.hear(payload)
        return [ToProvider(one) if isinstance(one, bytes) else Heard(one) for one in said]

    def woke(self) -> Hops:
        self._close()
        return [*self.catch_up(), *self._bills_first(self._carry(self._provider_side.woke()))]

    @property
    def due_us(self) -> int | None:
        return self._provider_side.due_us

    def closed(self, code: int, reason: str) -> Hops:
        return [Heard(act) for act in self._provider_side.closed(code, reason)]

    def catch_up(self) -> Hops:
        self._settle()
        words, self._words = self._words, []
        chars, self._base64_chars = self._base64_chars, 0
        return [*map(Heard, words), *([Heard(AudioPassed(chars))] if chars else [])]

    # -- Unread ---------------------------------------------------------------------------------------------

    def _open_to_client(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> None:
        alike = self._provider_side.alike(payload, act)
        self.passes_from_provider.roads = _roads(alike, self._client_side.envelope)

    def _open_to_provider(self, payload: bytes, wish: UserAudio) -> None:
        alike = self._client_side.alike(payload, wish)
        self.passes_from_client.roads = _roads(alike, self._provider_side.envelope)

    def _close(self) -> None:
        """Before anything is heard or told that may change what a frame means."""
        self._settle()
        self.passes_from_client.roads = self.passes_from_provider.roads = ()

    def _close_to_provider(self) -> None:
        """Before more of the user's audio, which changes nothing of what the provider says."""
        self._settle()
        self.passes_from_client.roads = ()

    def _settle(self) -> None:
        """Tell both sides what has crossed."""
        for crossed in self.passes_from_client.take():
            self._client_side.heard_unread(crossed)
            self._provider_side.told_unread(crossed)
        for crossed in self.passes_from_provider.take():
            self._provider_side.heard_unread(crossed)
            self._client_side.told_unread(crossed)
            self._base64_chars += crossed.base64_chars
            if isinstance(crossed.said, ReplyTranscript):
                self._words.append(replace(crossed.said, text=crossed.text))

    # -- Across ---------------------------------------------------------------------------------------------

    def _carry(self, said: Sequence[bytes | Act | Wish]) -> Hops:
        hops: Hops = []
        for one in said:
            hops += [ToProvider(one)] if isinstance(one, bytes) else self._carried(one)
        return hops

    def _carried(self, message: Act | Wish) -> Hops:
        """A message to the side that it is for, and whatever that leads to."""
        if isinstance(message, Wish):
            return self._carry(self._provider_side.tell(message))
        hops: Hops = []
        for said in self._client_side.tell(message):
            hops += self._carried(said) if isinstance(said, Wish) else [_to_client(said)]
        return [*hops, Heard(message)]

    def _bills_first(self, hops: Hops) -> Hops:
        return sorted(hops, key=_is_no_bill)


def _roads(alikes: list[Alike], envelope: Callable[[Any], Envelope | None]) -> tuple[Road, ...]:
    around = [(alike, envelope(alike.said)) for alike in alikes]
    return tuple(Road(alike, found) for alike, found in around if found is not None)


def _is_no_bill(hop: Hop) -> bool:
    return not (isinstance(hop, Heard) and isinstance(hop.act, Bill))


def _to_client(said: bytes | Hangup | AskSwitch) -> ToClient | Hangup | AskSwitch:
    return ToClient(said) if isinstance(said, bytes) else said
