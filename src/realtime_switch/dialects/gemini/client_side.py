"""Towards a client that was written for Gemini Live, in the service's place.

Such a client speaks first, is told of mistakes by closes alone, and hears of turns instead of messages with
ids. What it asks becomes wishes in listening.py; what it is told is written in telling.py.
"""

from collections.abc import Sequence
from typing import Any

from ..acts import (
    Act,
    Configured,
    Ready,
    Refused,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyTranscript,
    ToolCall,
    Trouble,
)
from ..dialect import ClientSaid, Edge, Farewell, FirstWord, Hangup, NewId
from ..envelopes import Alike, Crossed, Envelope
from ..members import object_of
from ..terms import Target, Terms
from ..wishes import Config, UserAudio
from . import setup_in
from .casing import duration
from .endings import FAULT, POLICY, ending, hangup, refused
from .gate import Gate
from .listening import Listener, read
from .refusals import reason
from .setup_in import OUR_HANDLE, Setup, read_setup
from .shape import INVALID
from .telling import Teller, frame


class ClientSide:
    greeting = b""

    def __init__(self, new_id: NewId) -> None:
        self.edge: Edge | None = None
        # Of the call, once it is granted: a client that asked for handles is given ones that lead back to it.
        self.session_id = ""
        self._new_id = new_id
        self._teller = Teller()
        self._listener = Listener(self._teller, new_id)
        self._translates = False  # we tell the client what happens, not the provider
        self.complete = False  # it has seen its setupComplete

    # -- Of any call -------------------------------------------------------------------------------------

    def first_word(self, payload: bytes) -> FirstWord | Hangup:
        message = read(payload)
        if isinstance(message, Hangup):
            return message
        name, members = message
        if name != "setup":
            return refused(INVALID)
        setup = read_setup(members)
        self._listener.take(setup)
        return FirstWord(model=setup.model, session_id=setup.session_id, config=self._saved(setup.handle))

    @property
    def _setup(self) -> Setup:
        return self._listener.setup

    def follow(self, act: Act) -> None:
        if self._translates:
            return
        if isinstance(act, Ready):
            self.complete = True  # the provider's own setupComplete is shown to it
        elif isinstance(act, ReplyBegun):
            self._teller.begun(act)
            self._teller.shown = True
        elif isinstance(act, ReplyDone):
            self._teller.done(act)

    @property
    def reply_open(self) -> bool:
        return self._teller.open and not self._teller.waits

    def close_replies(self) -> list[bytes]:
        return self._teller.close()

    def credits_low(self, credits: int) -> list[bytes]:
        return []  # no SDK takes a message that the service does not know (GEMINI-LIVE.md 2)

    def cap_near(self, what: str, left: int) -> list[bytes]:
        return []

    def going_away(self, left_ms: int) -> list[bytes]:
        return [frame(goAway={"timeLeft": duration(left_ms)})]

    def farewell(self, code: str, message: str) -> Farewell:
        return Farewell([], ending(code, self._setup.model))

    def is_relayed(self) -> None:
        """From now on the client hears of the call from a provider, until something is told here."""
        self._translates = False

    @property
    def answered_unasked(self) -> bool:
        return not self.config.manual_turns

    def ask_again(self) -> bytes:
        """What clients send to have the model begin (CLIENTS-GEMINI.md 5)."""
        return frame(realtimeInput={"text": " "})

    def switched(self, provider: str, model: str, request_id: str) -> list[bytes]:
        return []  # no SDK takes a message that the service does not know (GEMINI-LIVE.md 2)

    def refuse_switch(self, message: str, request_id: str) -> list[bytes]:
        return []

    def gate(self, target: Target, terms: Terms) -> Gate:
        return Gate(target, terms, self, self._new_id)

    def config_to_save(self, act: Ready | Configured) -> str | None:
        """What the client asked for is known from its own words; the provider says only that it took it."""
        if not self._setup.members or (self._translates and isinstance(act, Ready)):
            return None
        return self._saved()

    def _saved(self, handle: str = "") -> str:
        members = self._setup.members
        if handle:  # of the provider's own: it goes to it as it came
            resumption = {**object_of(members.get("sessionResumption")), "handle": handle}
            members = {**members, "sessionResumption": resumption}
        return setup_in.saved(members)

    def change(self, update: dict[str, Any]) -> None:
        """By a contextUpdate that passed the gate, canonically spelt."""
        self._listener.change(update)

    # -- Of a translation: what the client says ----------------------------------------------------------

    @property
    def config(self) -> Config:
        return self._setup.config

    def restore(self, config: str) -> None:
        """Its first message says anew how the call is to be held; before that, this counts."""
        message = read(config.encode("utf-8", "replace"))
        if not isinstance(message, Hangup) and message[0] == "setup":
            self._listener.take(read_setup(message[1]))

    def greet(self, model: str) -> list[bytes]:
        return []

    def hears_again(self, calls: Sequence[ToolCall]) -> None:
        self._teller.awaited |= {call.call_id: call.name for call in calls}

    def hear(self, payload: bytes) -> ClientSaid:
        return self._listener.hear(payload)

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        return self._listener.hear_audio(payload)

    def alike(self, payload: bytes, wish: UserAudio) -> list[Alike]:
        return self._listener.alike(payload, wish)

    def heard_unread(self, crossed: Crossed) -> None: ...

    # -- Of a translation: what the client is told -------------------------------------------------------

    def tell(self, act: Act) -> ClientSaid:
        self._translates = True
        if isinstance(act, Configured):
            if self._setup.handle:  # of somebody else's: what it leads to is not here
                return [hangup(POLICY, "BidiGenerateContent session not found")]
            return [*self._completed()]
        if isinstance(act, Refused):
            return [refused(reason(act.field, act.message))]
        if isinstance(act, Trouble):
            # What nobody waits for is in the log; a call goes on without it (TRANSLATION.md 8).
            return [hangup(FAULT, f"{act.code}: {act.message}")] if act.request_id else []
        was_open = self._teller.open
        frames = self._teller.tell(act)
        if was_open and not self._teller.open:
            frames += self._handle()
        return [*(self._completed() if frames else []), *frames]

    def envelope(self, act: ReplyAudio | ReplyTranscript) -> Envelope | None:
        return self._teller.envelope(act) if self.complete else None

    def told_unread(self, crossed: Crossed) -> None: ...

    def _completed(self) -> list[bytes]:
        """Before anything else, and once: a provider's later connections are not the client's to see."""
        if self.complete:
            return []
        self.complete = True
        return [frame(setupComplete={}), *self._handle()]

    def _handle(self) -> list[bytes]:
        if not (self._setup.wants_handles and self.session_id):
            return []
        return [frame(sessionResumptionUpdate={"newHandle": OUR_HANDLE + self.session_id, "resumable": True})]
