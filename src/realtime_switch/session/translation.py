"""The way of a frame between a client of one dialect and a provider of another.

Each side answers what it is told with frames for its own socket and with acts or wishes for the other
side; here they are carried across until nothing is left to say. Bills are heard first, as in a relay: kept
before the client can have what they are for.
"""

from collections.abc import Callable, Sequence

from ..dialects.acts import Act, AudioPassed, Bill, ReplyAudio, ToolCall
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
from ..dialects.wishes import Configure, SayCall, Wish
from .lane import Heard, Hop, Hops
from .unread import Passes, nothing_passes


class Translation:
    def __init__(self, client_side: ClientSide, provider_side: ProviderSide) -> None:
        self._client_side = client_side
        self._provider_side = provider_side
        self.briefed = False  # the client's first word is in what `opening` and `ready` say
        self.passes_from_client: Passes = nothing_passes
        self.passes_from_provider: Passes = nothing_passes
        self._on_audio: Callable[[], None] | None = None
        self._base64_chars = 0  # of the reply's audio that went by since somebody was told
        self._held: list[Wish] = []  # what the client's first word asks besides how to hold the call

    @property
    def manner(self) -> Manner:
        return self._provider_side.manner

    def tell_of_audio(self, on_audio: Callable[[], None]) -> None:
        self._on_audio = on_audio

    @property
    def last_word(self) -> bytes:
        return self._provider_side.last_word

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
        said = self._client_side.hear_audio(payload)
        return None if said is None else self._asked(said)

    def from_client(self, payload: bytes) -> Hops:
        return self._asked(self._client_side.hear(payload))

    def _asked(self, said: ClientSaid) -> Hops:
        hops: Hops = []
        for one in said:
            hops += self._carried(one) if isinstance(one, Wish) else [_to_client(one)]
        return hops

    def from_provider(self, payload: bytes) -> Hops:
        said = self._provider_side.hear_audio(payload)
        if said is None:
            said = self._provider_side.hear(payload)
        elif len(said) == 1 and isinstance(audio := said[0], ReplyAudio):
            # It is only counted; whoever wants to know how much there was is told before anything else.
            if not self._base64_chars and self._on_audio is not None:
                self._on_audio()
            self._base64_chars += len(audio.base64)
            return [_to_client(one) for one in self._client_side.tell(audio) if not isinstance(one, Wish)]
        return self._bills_first([*self.catch_up(), *self._carry(said)])

    def beside(self, payload: bytes) -> Hops:
        """Of a connection that nobody is to hear of yet."""
        said = self._provider_side.hear(payload)
        return [ToProvider(one) if isinstance(one, bytes) else Heard(one) for one in said]

    def woke(self) -> Hops:
        return self._bills_first([*self.catch_up(), *self._carry(self._provider_side.woke())])

    @property
    def due_us(self) -> int | None:
        return self._provider_side.due_us

    def closed(self, code: int, reason: str) -> Hops:
        return [Heard(act) for act in self._provider_side.closed(code, reason)]

    def catch_up(self) -> Hops:
        chars, self._base64_chars = self._base64_chars, 0
        return [Heard(AudioPassed(chars))] if chars else []

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


def _is_no_bill(hop: Hop) -> bool:
    return not (isinstance(hop, Heard) and isinstance(hop.act, Bill))


def _to_client(said: bytes | Hangup | AskSwitch) -> ToClient | Hangup | AskSwitch:
    return ToClient(said) if isinstance(said, bytes) else said
