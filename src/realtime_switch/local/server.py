"""The offline provider as a server: `async with LocalProvider() as provider: provider.url`.

It needs no key, no network and no other part of Realtime Switch. Everything it starts (port, connections,
timers, the processes of voice and ears) ends with it.
"""

import asyncio
import secrets
import socket
import ssl
from datetime import datetime
from importlib.util import find_spec
from typing import Self

import aiofastnet
import msgspec

from realtime_switch.local import brain
from realtime_switch.local.call import Call, Stats, now_us
from realtime_switch.local.door import Decision, Door, Hang, Request, Reset, Response, Upgrade
from realtime_switch.local.ears import Ears, ListeningEars, NoEars
from realtime_switch.local.faults import NONE, Faults
from realtime_switch.local.gemini.admission import PATH as GEMINI_PATH
from realtime_switch.local.gemini.admission import surface
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.reply import Tempo
from realtime_switch.local.gemini.service import Gemini
from realtime_switch.local.gemini.wire import WIRE as GEMINI
from realtime_switch.local.gpt_live.conversation import Conversation as LiveConversation
from realtime_switch.local.gpt_live.habits import FLAVOURS, LiveHabits
from realtime_switch.local.gpt_live.habits import PATHS as LIVE_PATHS
from realtime_switch.local.gpt_live.wire import WIRE as GPT_LIVE
from realtime_switch.local.openai.admission import (
    PATHS,
    SUBPROTOCOL,
    Admitted,
    TurnedAway,
    admission,
    keys,
)
from realtime_switch.local.openai.conversation import Conversation
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.openai.wire import WIRE as OPENAI
from realtime_switch.local.orders import Conversation as AnyConversation
from realtime_switch.local.script import NO_SCRIPT, Reading, Script
from realtime_switch.local.thought import Answer, Thought
from realtime_switch.local.voice import SpokenVoice, ToneVoice, Voice
from realtime_switch.local.wire import Wire

# How much faster than it will be played a reply is made: speech comes ahead of its playback, as with the
# real ones, and still slowly enough that a barge-in meets a running reply.
PACE = 5.0
LIFE_S = 3600.0
LIVE_LIFE_S = 7200.0  # GPT-LIVE.md 10
_CLOSE_WITHIN_S = 1.0
_SPEECH_LIBRARIES = ("espeakng_loader", "numpy", "pocketsphinx", "soxr")


class LocalProvider:
    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        faults: Faults = NONE,
        script: Script = NO_SCRIPT,
        voice: Voice | None = None,
        ears: Ears | None = None,
        key: str | None = None,
        pace: float = PACE,
        life_s: float = LIFE_S,
        tls: ssl.SSLContext | None = None,
        gemini: Habits | None = None,
        gemini_models: tuple[str, ...] = (),
        live: LiveHabits | None = None,
        live_models: tuple[str, ...] = (),
        live_life_s: float = LIVE_LIFE_S,
    ) -> None:
        """Without `voice` and `ears`: those of the extra `local` where it is installed, else a tone and
        none. Without `gemini` and `live`: as the service at that address talks. Without models: any.
        """
        self.faults = faults  # may be changed at any time, for the connections that come after
        self.stats = Stats()
        self._host = host
        self._port = port
        self._script = script
        self._voice = voice or (SpokenVoice() if speech_is_installed() else ToneVoice())
        self._ears = ears or (ListeningEars() if speech_is_installed() else NoEars())
        self._key = key
        self._pace = pace
        self._life_s = life_s
        self._tls = tls
        self._gemini = Gemini(
            habits=gemini,
            models=gemini_models,
            key=key,
            life_s=life_s,
            # A faster pace is a faster clock: at the usual one, speech plays in real time.
            tempo=Tempo(pace, max(pace / PACE, 1.0)),
            new_id=new_id,
            now_us=now_us,
        )
        self._live = live
        self._live_models = live_models
        self._live_life_s = live_life_s
        self._attempts = 0
        self._doors: set[Door] = set()
        self._calls: set[Call] = set()
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None

    async def start(self) -> None:
        self._socket = _bound(self._host, self._port)
        self._port = self._socket.getsockname()[1]
        if self.faults.refuse and self.faults.times is None:
            return  # bound and never listening is what a refusal is
        # Not the loop's own transports: docs/decisions/0010, large messages of picows break on uvloop's.
        loop = asyncio.get_running_loop()
        self._server = await aiofastnet.create_server(loop, self._door, sock=self._socket, ssl=self._tls)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        elif self._socket is not None:
            self._socket.close()
        for call in list(self._calls):
            call.end(1001, "The server is going away.")
        if self._calls:
            gone = [asyncio.create_task(call.gone()) for call in self._calls]
            await asyncio.wait(gone, timeout=_CLOSE_WITHIN_S)
            for call in list(self._calls):
                call.abort()  # it does not answer a close
            await asyncio.wait(gone)
        for door in list(self._doors):
            door.abort()
        await self._voice.close()
        await self._ears.close()
        if self._server is not None:
            await self._server.wait_closed()

    def strike(self, faults: Faults) -> None:
        """The connections that are there meet these at once: events and seconds are counted from now."""
        for call in list(self._calls):
            call.strike(faults)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Where the OpenAI dialect is spoken; a client adds ?model=."""
        return f"{self._origin('ws')}/v1/realtime"

    @property
    def gemini_url(self) -> str:
        """Where the Gemini dialect is spoken."""
        return f"{self._origin('ws')}{GEMINI_PATH}"

    @property
    def live_url(self) -> str:
        """Where GPT-Live is spoken."""
        return f"{self._origin('ws')}/v1/live/sessions"

    @property
    def base_url(self) -> str:
        """For OpenAI's SDKs, and for GET /stats beside its /v1."""
        return f"{self.gemini_base_url}/v1"

    @property
    def gemini_base_url(self) -> str:
        """For Google's SDKs; the one for Python insists on TLS."""
        return self._origin("http")

    def _origin(self, scheme: str) -> str:
        return f"{scheme}{'s' if self._tls else ''}://{_in_url(self._host)}:{self._port}"

    def _door(self) -> Door:
        return Door(self._decide, self._doors)

    def _decide(self, request: Request) -> Decision:
        if not request.wants_websocket:
            return self._page(request)
        where = surface(request.path)
        flavour = LIVE_PATHS.get(request.path)
        if where is None and flavour is None and request.path not in PATHS:
            return _NOT_FOUND
        self._attempts += 1
        faults = self.faults if self.faults.hit(self._attempts) else NONE
        if faults.refuse:
            return Reset()
        if faults.hang:
            return Hang()
        if faults.status is not None:
            return Response(faults.status, b"A fault was asked for.\n")
        reading = Reading(self._script, _think)
        if where is not None:
            conversation = self._gemini.conversation(request, where, reading.think, faults)
            return Upgrade(self._call(conversation, GEMINI, reading, faults))
        offered = [one.strip() for one in request.headers.get("sec-websocket-protocol", "").split(",")]
        if flavour is not None:
            if self._key is not None and self._key not in keys(request.query, request.headers, offered):
                return _WRONG_KEY
            live = self._gpt_live(self._live or FLAVOURS[flavour], reading, faults)
            return Upgrade(
                self._call(live, GPT_LIVE, reading, faults), SUBPROTOCOL if SUBPROTOCOL in offered else None
            )
        call = self._call(self._openai(request, offered, reading, faults), OPENAI, reading, faults)
        return Upgrade(call, SUBPROTOCOL if SUBPROTOCOL in offered else None)

    def _page(self, request: Request) -> Response:
        if (page := self._gemini.page(request)) is not None:
            return page
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"Only GET.\n")
        if request.path == "/stats":
            return Response(200, msgspec.json.encode(self.stats), "application/json")
        if request.path == "/healthz":
            return Response(200, b"ok\n")
        if request.path in (*PATHS, *LIVE_PATHS) or surface(request.path) is not None:
            return Response(426, b"This address is for WebSockets.\n")
        return _NOT_FOUND

    def _call(self, conversation: AnyConversation, wire: Wire, reading: Reading, faults: Faults) -> Call:
        return Call(
            conversation,
            wire=wire,
            voice=self._voice,
            ears=self._ears,
            reading=reading,
            faults=faults,
            stats=self.stats,
            calls=self._calls,
        )

    def _gpt_live(self, habits: LiveHabits, reading: Reading, faults: Faults) -> AnyConversation:
        return LiveConversation(
            habits=habits,
            models=self._live_models,
            start_error=faults.start_error,
            life_s=self._live_life_s if faults.expire_after_s is None else faults.expire_after_s,
            think=reading.think,
            new_id=new_id,
            now_us=now_us,
        )

    def _openai(
        self, request: Request, offered: list[str], reading: Reading, faults: Faults
    ) -> AnyConversation:
        admitted = admission(request.query, request.headers, offered, self._key)
        if not isinstance(admitted, Admitted):
            return TurnedAway(admitted, Outbox(new_id))
        return Conversation(
            model=admitted.model,
            kind=admitted.kind,
            think=reading.think,
            new_id=new_id,
            now_us=now_us,
            pace=self._pace,
            life_s=self._life_s if faults.expire_after_s is None else faults.expire_after_s,
        )


_NOT_FOUND = Response(
    404,
    "Not found. OpenAI Realtime is at /v1/realtime, GPT-Live at /v1/live/sessions, "
    f"Gemini Live at {GEMINI_PATH}.\n".encode(),
)
_ERROR = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key."}
_WRONG_KEY = Response(401, msgspec.json.encode({"error": _ERROR}), "application/json")


def speech_is_installed() -> bool:
    return all(find_spec(name) is not None for name in _SPEECH_LIBRARIES)


def new_id(kind: str) -> str:
    """As OpenAI's look (5): `item_` and twenty letters and digits."""
    return f"{kind}_{secrets.token_hex(10)}"


def _think(thought: Thought) -> Answer:
    return brain.answer(thought, datetime.now())


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
