"""A browser with a microphone that speaks a file, before the page of a gateway whose providers are here.

The microphone's file holds sound of our own making, at known moments; the providers' ears understand whatever
a test says. What goes over the wire is written down, and what the loudspeaker gets, where a test taps it.
"""

import asyncio
import base64
import contextlib
import os
import random
import tempfile
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, field
from playwright.async_api import Browser, Page, WebSocket, async_playwright, expect

from realtime_switch.cli.wav import write_wav

RATE_HZ = 24_000
PATIENCE_MS = 20_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)

# Sample for sample: what the browser does to a voice is not ours to test.
_RAW_MICROPHONE = """
const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = ({ audio }) => ask({
  audio: { ...audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
"""
_TAP = """
window.heard = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    this.context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(TAP)}`).then(() => {
      const tap = new AudioWorkletNode(this.context, 'tap', { numberOfOutputs: 0 });
      tap.port.onmessage = ({ data }) => window.heard.push(data);
      connect.call(this, tap);
    });
  }
  return connect.call(this, to, ...rest);
};
"""
_TAP_WORKLET = """
registerProcessor('tap', class extends AudioWorkletProcessor {
  process([[samples]]) {
    this.begun ||= samples?.some((one) => one !== 0);
    if (this.begun) this.port.postMessage(samples.slice());
    return true;
  }
});
"""
_HEARD = """() => {
  const all = window.heard.flatMap((piece) => [...piece]);
  const pcm = Int16Array.from(all, (one) => Math.round(one * 32768));
  return btoa(Array.from(new Uint8Array(pcm.buffer), (byte) => String.fromCharCode(byte)).join(''));
}"""


def voice(seconds: float, seed: int = 7) -> bytes:
    """Noise in syllables: loud enough for any ears, and like nothing but itself."""
    dice = random.Random(seed)
    count = int(seconds * RATE_HZ)
    noise = np.array([dice.uniform(-1, 1) for _ in range(count)])
    smooth = np.convolve(noise, np.ones(8) / 8, "same")
    syllables = 0.4 + 0.6 * np.abs(np.sin(np.arange(count) * 2 * np.pi * 3 / RATE_HZ))
    return (smooth * syllables * 30_000).astype("<i2").tobytes()


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * RATE_HZ) * 2)


class Wire(Struct):
    """What went over the calls' WebSockets."""

    sent: list[Any] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def watch(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framesent", lambda data: self.sent.append(msgspec.json.decode(data)))
        socket.on("framereceived", lambda data: self.received.append(msgspec.json.decode(data)))

    def said(self, kind: str) -> list[Any]:
        return [one for one in (*self.sent, *self.received) if one.get("type") == kind]

    def speech(self) -> bytes:
        """What the provider sent to be played, OpenAI's."""
        kinds = ("response.output_audio.delta", "response.audio.delta")
        return b"".join(base64.b64decode(one["delta"]) for one in self.received if one.get("type") in kinds)


class Visit(Struct):
    page: Page
    wire: Wire
    complaints: list[str]

    def at(self, name: str) -> Any:
        return self.page.get_by_test_id(name)

    async def enter(self, url: str, key: str) -> None:
        await self.page.goto(url)
        await self.page.get_by_label("API key").fill(key)
        await self.page.get_by_role("button", name="Enter").click()

    async def start(self) -> None:
        await self.at("orb").click()
        await expect(self.at("phase")).to_have_text("Live")

    async def write(self, text: str) -> None:
        await self.page.get_by_label("Write instead of speaking").fill(text)
        await self.page.keyboard.press("Enter")

    async def shows(self, name: str, text: str) -> None:
        await expect(self.at(name).filter(has_text=text).first).to_be_visible()

    async def heard(self) -> np.ndarray:
        """What the loudspeaker got, from the first sound to the last."""
        pcm = base64.b64decode(await self.page.evaluate(_HEARD))
        return np.trim_zeros(np.frombuffer(pcm, "<i2"))


@contextlib.asynccontextmanager
async def visiting(
    microphone: bytes = b"",
    *flags: str,
    allowed: bool = True,
    tapped: bool = False,
    script: str = "",
    **context: Any,
) -> AsyncIterator[Visit]:
    """`tapped`: what the loudspeaker gets is kept. The tap is a script, so the page's policy is off then."""
    expect.set_options(timeout=PATIENCE_MS)
    context.setdefault("viewport", {"width": 1240, "height": 820})
    with tempfile.TemporaryDirectory(prefix="microphone-") as folder:
        file = Path(folder) / "microphone.wav"
        write_wav(file, microphone or silence(60))
        devices = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={file}%noloop")
        async with async_playwright() as playwright:
            browser: Browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=[*FLAGS, *devices, *flags], headless=True
            )
            playwright.selectors.set_test_id_attribute("data-test")
            opened = await browser.new_context(bypass_csp=tapped, **context)
            opened.set_default_timeout(PATIENCE_MS)
            if allowed:
                await opened.grant_permissions(["microphone"])
            listening = f"const TAP = {msgspec.json.encode(_TAP_WORKLET).decode()};{_TAP}" if tapped else ""
            await opened.add_init_script(_RAW_MICROPHONE + listening + script)
            page = await opened.new_page()
            visit = Visit(page, Wire(), [])
            page.on("websocket", lambda socket: visit.wire.watch(socket))
            page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            page.on("console", lambda said: _note(visit, said))
            yield visit
            await browser.close()


def _note(visit: Visit, said: Any) -> None:
    # A status that is no success, and a socket that breaks, are written down by the browser itself.
    own = ("Failed to load resource", "WebSocket connection to")
    if said.type == "error" and not said.text.startswith(own):
        visit.complaints.append(said.text)


def likeness(one: bytes, other: bytes) -> float:
    """The correlation of two sounds where they fit best; 1.0 for the same."""
    a, b = (np.frombuffer(sound, "<i2").astype(float) for sound in (one, other))
    size = 1 << (len(a) + len(b)).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    return float(product.max() / (np.linalg.norm(a) * np.linalg.norm(b)))


class Cable:
    """A way to the gateway that can be pulled out: what runs breaks, and nothing new comes through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._plugged = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.pull()
        self._server.close()

    def pull(self) -> None:
        self._plugged = False
        for writer in self._writers:
            writer.transport.abort()

    def plug(self) -> None:
        self._plugged = True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._plugged:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, back}
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        self._writers -= {writer, back}


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not condition():
            await asyncio.sleep(0.05)


async def picture(visit: Visit, name: str) -> None:
    """The documentation's pictures are made anew by: PICTURES=docs/images pytest tests/page"""
    if folder := os.environ.get("PICTURES"):
        await visit.page.screenshot(path=Path(folder) / f"page-{name}.png")


def samples(sound: bytes) -> np.ndarray:
    return np.array(array("h", sound))
