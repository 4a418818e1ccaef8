"""A19: some thousand calls, ended in every way a call can end, leave nothing behind."""

import asyncio
import base64
import contextlib
import gc
import os
import random
import struct
from collections import Counter
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import picows
import pytest
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from gateway_rig import KEY, OTHER_KEY, POOR_KEY, Books, Rig, begun, done, rig, text, until
from realtime_switch.gateway import closing
from realtime_switch.gateway.complaint import Complained
from realtime_switch.gateway.conductor import Conductor
from realtime_switch.gateway.line import Line as ProviderLine
from realtime_switch.gateway.sockets import WSProtocol
from realtime_switch.session.session import Session

CALLS = 1500
AT_ONCE = 25
CREATED = text({"type": "session.created", "session": {"type": "realtime", "id": "s"}}).encode()
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\n"
    f"sec-websocket-key: {base64.b64encode(bytes(16)).decode()}\r\nauthorization: Bearer {{key}}\r\n\r\n"
)


class Fickle(WSListener):
    """A provider that does with each call whatever it feels like."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        mood = random.random()
        if mood < 0.1:
            transport.disconnect(False)
        elif mood < 0.15:
            transport.send_close(1011, b"no")
            transport.disconnect()
        elif mood > 0.2:  # else: it never says a word
            transport.send(WSMsgType.TEXT, CREATED)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        mood = random.random()
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        elif mood < 0.1:
            transport.disconnect(False)
        else:
            reply = f"r{random.getrandbits(60)}"
            transport.send(WSMsgType.TEXT, text(begun(reply)).encode())
            if mood > 0.3:
                transport.send(WSMsgType.TEXT, text(done(reply)).encode())


def _provider(request: picows.WSUpgradeRequest) -> object:
    if random.random() < 0.1:
        response = picows.WSUpgradeResponse.create_error_response(random.choice([401, 429, 500]), b"no")
        return picows.WSUpgradeResponseWithListener(response, None)
    return Fickle()


def masked(opcode: int, payload: bytes) -> bytes:
    head = (
        struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload))
        if len(payload) < 126
        else struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(payload))
    )
    return head + bytes(4) + payload


APPEND = masked(1, b'{"type":"input_audio_buffer.append","audio":"AAAA"}')
ASK = masked(1, b'{"type":"response.create"}')


async def one(here: Rig, number: int) -> None:
    key = random.choice([KEY, KEY, KEY, OTHER_KEY, POOR_KEY, "nonsense", "rslive_v1_" + "ee" * 24])
    session = random.choice(["", "&session_id=s1", f"&session_id=n{number}"])
    model = random.choice(["m", "m", "m", "m", "other"])
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    try:
        path = f"/v1/realtime?model={model}{session}"
        writer.write(HANDSHAKE.format(path=random.choice([path, path, path, "/nowhere"]), key=key).encode())
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        for _ in range(random.randrange(4)):
            if writer.is_closing():  # the gateway was first; uvloop raises RuntimeError for a write now
                return
            writer.write(random.choice([APPEND, APPEND, ASK, masked(9, b"ping"), masked(1, b"{")]))
            if random.random() < 0.7:
                await asyncio.wait_for(reader.read(65_536), 0.3)
        await _leave(writer, reader)
    except (OSError, asyncio.IncompleteReadError):  # a TimeoutError is an OSError
        pass
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _leave(writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    if writer.is_closing():
        return
    match random.randrange(7):
        case 0:
            writer.write(masked(8, b"\x03\xe8"))  # a close, as it should be
            await asyncio.wait_for(reader.read(), 0.3)
        case 1:
            writer.write(masked(8, b""))
        case 2:  # gone with a reset
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        case 3:
            writer.write(b"\xff\xff\xff\xff")
        case 4:
            writer.write(masked(8, b"\x00\x01"))  # a close code that is none
        case 5:
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 0.3)
        case _:
            pass


def census() -> Counter[str]:
    gc.collect()
    ours = (
        Conductor,
        ProviderLine,
        Complained,
        Session,
        WSProtocol,
        WSTransport,
        asyncio.Task,
        asyncio.TimerHandle,
    )
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, ours))


def descriptors() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


async def run(here: Rig, calls: int) -> None:
    seats = asyncio.Semaphore(AT_ONCE)

    async def seated(number: int) -> None:
        async with seats:
            await one(here, number)

    await asyncio.gather(*(seated(number) for number in range(calls)))
    for call in here.gateway.switchboard.calls:  # whoever waits for a provider that never spoke
        call.stop()
    await until(
        lambda: not len(here.gateway.switchboard.calls) and here.gateway.switchboard.outbox.depth == 0
    )
    await asyncio.sleep(closing.CLOSING_S + 0.2)


async def test_a_thousand_ends_leave_no_object_task_or_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "CLOSING_S", 0.3)
    provider = await picows.ws_create_server(_provider, "127.0.0.1", 0, logger_name="fickle")
    port = provider.sockets[0].getsockname()[1]
    books = Books()
    books.credits["a1"] = 10**12
    async with provider, rig(url=f"ws://127.0.0.1:{port}/", books=books) as here:
        await run(here, 100)
        before, open_before, tasks_before = census(), descriptors(), len(asyncio.all_tasks())
        objects_before = len(gc.get_objects())
        await run(here, CALLS)
        after = census()
        assert len(here.gateway.switchboard.calls) == 0
        assert {name: after[name] - before[name] for name in after if after[name] > before[name]} == {}
        assert descriptors() <= open_before
        assert len(asyncio.all_tasks()) <= tasks_before
        # Bills are kept by the fake ledger; nothing else may grow with the calls.
        grown = len(gc.get_objects()) - objects_before - 3 * len(books.bills)
        assert grown < CALLS // 2
        assert len(books.bills) > CALLS // 20, "otherwise hardly a call got anywhere"
