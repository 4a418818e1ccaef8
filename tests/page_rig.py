"""A browser with a microphone that speaks a file, before the page of a gateway whose providers are here.

One browser for all tests, a context for each; the microphone's file is read anew whenever a page opens the
microphone. It holds sound of our own making; the providers' ears understand whatever a test says. What goes
over the wire is written down, and so is what the page shows only for a moment. A busy machine makes a browser
lose sound: so taps sit where the browser hands sound to the page, and where the page hands it to the browser,
and what the page does between is compared sample for sample.
"""

import asyncio
import base64
import contextlib
import os
import tempfile
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct, field
from playwright.async_api import Browser, Page, WebSocket, async_playwright, expect

from failover_rig import Rig
from realtime_switch.cli.wav import write_wav

RATE_HZ = 24_000
PATIENCE_MS = 30_000
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

# Sample for sample: what the browser does to a voice is not ours to test. Which one was opened is kept, and
# whether the user says anything into it is for the test to say. A device that is unplugged is as Media
# Capture and Streams has it: its tracks end, it is listed no more, it cannot be opened, and the page is told.
# Chromium's own made-up devices cannot be unplugged.
_RAW_MICROPHONE = """
window.opened = [];
window.tracks = [];
window.talk = (talks) => {
  window.silent = !talks; // also for a microphone that is still being opened
  window.tracks.forEach((track) => (track.enabled = talks));
};
const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async ({ audio }) => {
  const inputs = (await list()).filter(({ kind }) => kind === 'audioinput');
  const wished = inputs.find(({ deviceId }) => deviceId === audio.deviceId?.exact);
  if (wished && window.unplugged.has(wished.label)) throw new DOMException('', 'OverconstrainedError');
  if (inputs.length > 0 && inputs.every(({ label }) => window.unplugged.has(label)))
    throw new DOMException('', 'NotFoundError');
  const raw = { ...audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await ask({ audio: raw });
  window.opened.push(stream.getAudioTracks()[0].label);
  window.tracks.push(stream.getAudioTracks()[0]);
  window.talk(!window.silent);
  return stream;
};
const list = navigator.mediaDevices?.enumerateDevices.bind(navigator.mediaDevices);
window.unplugged = new Set();
if (list) navigator.mediaDevices.enumerateDevices = async () =>
  (await list()).filter(({ label }) => !window.unplugged.has(label));
const changed = () => navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
window.unplug = (...labels) => {
  for (const label of labels) window.unplugged.add(label);
  for (const track of window.tracks) if (labels.includes(track.label) && track.readyState === 'live') {
    track.stop();
    track.dispatchEvent(new Event('ended'));
  }
  changed();
};
window.end = () => window.tracks.forEach((track) => {
  track.stop();
  track.dispatchEvent(new Event('ended'));
});
window.contexts = [];
const made = window.AudioContext;
window.AudioContext = class extends made {
  constructor(...how) {
    super(...how);
    window.contexts.push(this);
    if (window.soundless) this.suspend();
  }
  resume() {
    return window.soundless ? new Promise(() => {}) : super.resume();
  }
};
window.plug = (label) => window.unplugged.delete(label) && changed();
"""
# What the page says of its state, each once it changes, and how far each meter went.
_WATCHED = """
window.states = [];
window.highest = {};
new MutationObserver(() => {
  const state = document.querySelector('[data-test=state]')?.textContent;
  if (state && state !== window.states.at(-1)) window.states.push(state);
  for (const meter of document.querySelectorAll('[role=meter]')) {
    const name = meter.ariaLabel;
    window.highest[name] = Math.max(window.highest[name] ?? 0, Number(meter.ariaValueNow));
  }
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""
_TAP = """
window.heard = [];
window.spoken = [];
const add = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url) {
  await add.call(this, `data:text/javascript,${encodeURIComponent(TAP)}`);
  return add.call(this, url);
};
const connect = AudioNode.prototype.connect;
const listen = (node, kept) => {
  const tap = new AudioWorkletNode(node.context, 'tap', { numberOfOutputs: 0 });
  tap.port.onmessage = ({ data }) => kept.push(data);
  connect.call(node, tap);
};
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) listen(this, window.heard);
  else if (this instanceof MediaStreamAudioSourceNode) listen(this, window.spoken);
  return connect.call(this, to, ...rest);
};
"""
_TAP_WORKLET = """
registerProcessor('tap', class extends AudioWorkletProcessor {
  process([[samples]]) {
    this.begun ||= samples?.some((one) => one !== 0);
    if (this.begun && samples) this.port.postMessage(samples.slice());
    return true;
  }
});
"""
_TAPPED = """(name) => {
  const all = window[name].flatMap((piece) => [...piece]);
  const bounded = (one) => Math.max(-1, Math.min(1, one));
  const pcm = Int16Array.from(all, (one) => Math.round(bounded(one) * (one < 0 ? 32768 : SCALE)));
  const bytes = new Uint8Array(pcm.buffer);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}"""


def home(rig: Rig) -> str:
    return rig.url.replace("ws:", "http:") + "/"


def voice(seconds: float, seed: int = 7) -> bytes:
    """Noise in syllables: loud enough for any ears, and like nothing but itself."""
    count = int(seconds * RATE_HZ)
    noise = np.random.default_rng(seed).uniform(-1, 1, count)
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

    def speech(self, item: str = "") -> bytes:
        """What the provider sent to be played, in all or of one item, but for Gemini's dialect."""
        kinds = ("response.output_audio.delta", "response.audio.delta", "session.output_audio.delta")
        pieces = (one for one in self.received if one.get("type") in kinds)
        return b"".join(base64.b64decode(one["delta"]) for one in pieces if item in ("", one.get("item_id")))


class Visit(Struct):
    page: Page
    wire: Wire
    complaints: list[str]
    asked: list[str]  # addresses

    def at(self, name: str) -> Any:
        return self.page.get_by_test_id(name)

    async def enter(self, url: str, key: str) -> None:
        await self.page.goto(url)
        await self.page.get_by_label("API key").fill(key)
        await self.page.get_by_role("button", name="Enter").click()

    async def start(self, **choices: str) -> None:
        """With these of the page's choices, by their labels."""
        for label, chosen in choices.items():
            # By its role: while a call ends, the level of the microphone is still shown as well.
            await self.page.get_by_role("combobox", name=label.capitalize()).select_option(chosen)
        await self.at("orb").click()
        await expect(self.at("phase")).to_have_text("Live")

    async def write(self, text: str) -> None:
        await self.page.get_by_label("Write instead of speaking").fill(text)
        await self.page.keyboard.press("Enter")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def shows(self, name: str, text: str) -> None:
        await expect(self.at(name).filter(has_text=text).first).to_be_visible()

    async def has_said(self, *states: str) -> None:
        """One after the other, whatever between."""
        wanted = "(wanted) => window.states.reduce((n, s) => n + (s === wanted[n]), 0) === wanted.length"
        await self.page.wait_for_function(wanted, arg=list(states))

    async def talks(self, talks: bool) -> None:
        """The user does, from now on, or is silent."""
        await self.page.evaluate("(talks) => window.talk(talks)", talks)

    async def unplug(self, *devices: str) -> None:
        await self.page.evaluate("(names) => window.unplug(...names)", list(devices))

    async def plug(self, device: str) -> None:
        await self.page.evaluate("(name) => window.plug(name)", device)

    async def choose(self, label: str, option: str) -> None:
        await self.page.get_by_role("combobox", name=label).select_option(option)

    async def meter_reached(self, name: str, level: int) -> None:
        reached = "([name, level]) => window.highest[name] >= level"
        await self.page.wait_for_function(reached, arg=[f"{name} level", level])

    async def heard(self) -> np.ndarray:
        """What the loudspeaker got, from the first sound to the last."""
        return np.trim_zeros(await self._tapped("heard", 32768))

    async def spoken(self) -> np.ndarray:
        """What the browser made of the microphone, from the first sound on, in the page's numbers."""
        return np.trim_zeros(await self._tapped("spoken", 32767), "f")

    async def _tapped(self, name: str, scale: int) -> np.ndarray:
        script = _TAPPED.replace("SCALE", str(scale))
        return np.frombuffer(base64.b64decode(await self.page.evaluate(script, name)), "<i2")


class Chromium(Struct):
    browser: Browser
    microphone: Path


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory(prefix="microphone-") as folder:
        file = Path(folder) / "microphone.wav"
        devices = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={file}%noloop")
        async with async_playwright() as playwright:
            playwright.selectors.set_test_id_attribute("data-test")
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=[*FLAGS, *devices], headless=True
            )
            yield Chromium(browser, file)
            await browser.close()


@contextlib.asynccontextmanager
async def visiting(
    browser: Chromium,
    microphone: bytes = b"",
    *,
    allowed: bool = True,
    silent: bool = False,
    tapped: bool = False,
    script: str = "",
    **context: Any,
) -> AsyncIterator[Visit]:
    """`silent`: the user says nothing until the test lets him. `tapped`: sound is kept. The taps are scripts,
    so the page's policy is off then."""
    context.setdefault("viewport", {"width": 1240, "height": 820})
    write_wav(browser.microphone, microphone or silence(60))
    opened = await browser.browser.new_context(bypass_csp=tapped, **context)
    try:
        opened.set_default_timeout(PATIENCE_MS)
        await opened.grant_permissions(["microphone"] if allowed else [])
        script = f"window.silent = {str(silent).lower()};{_RAW_MICROPHONE}{_WATCHED}{script}"
        listening = f"const TAP = {msgspec.json.encode(_TAP_WORKLET).decode()};{_TAP}" if tapped else ""
        await opened.add_init_script(script + listening)
        page = await opened.new_page()
        visit = Visit(page, Wire(), [], [])
        page.on("websocket", lambda socket: visit.wire.watch(socket))
        page.on("request", lambda request: visit.asked.append(request.url))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("console", lambda said: _note(visit, said))
        yield visit
    finally:
        await opened.close()


def _note(visit: Visit, said: Any) -> None:
    # A status that is no success, and a socket that breaks, are written down by the browser itself.
    own = ("Failed to load resource", "WebSocket connection to")
    if said.type == "error" and not said.text.startswith(own):
        visit.complaints.append(said.text)


FADE = 72  # samples: 3 ms


def breaks(said: np.ndarray, heard: np.ndarray) -> int:
    """How often what was heard breaks off and goes on where it was; it fails where that is not all that
    happened. A break is a fade, silence, and a fade."""
    found, at = 0, FADE
    start = _place(said[at : at + 200], heard)
    assert start is not None, "it does not begin as it should"
    heard = heard[start:]
    while True:
        length = min(len(said) - at, len(heard))
        differs = np.flatnonzero(said[at : at + length] != heard[:length])
        if not len(differs):
            return found
        at, heard = at + int(differs[0]), heard[differs[0] :]
        if not len(np.trim_zeros(heard[FADE:])):
            return found  # it was cut off there
        later = _place(said[at + FADE : at + FADE + 200], heard)
        assert later is not None, f"something else was heard at sample {at}"
        found, at, heard = found + 1, at + FADE, heard[later:]


def _place(piece: np.ndarray, heard: np.ndarray) -> int | None:
    begins = np.flatnonzero(heard[: len(heard) - len(piece) + 1] == piece[0])
    return next((int(at) for at in begins if np.array_equal(heard[at : at + len(piece)], piece)), None)


def share_of(original: bytes, recorded: np.ndarray) -> float:
    """How many tenths of a second of a sound are in a recording, one behind the other. A busy machine loses
    some on the way through the browser."""
    whole = np.frombuffer(original, "<i2").astype(float)
    recorded = recorded.astype(float)
    size = RATE_HZ // 10
    places = [_best(whole[at : at + size], recorded) for at in range(0, len(whole) - size + 1, size)]
    there = [place for place, likeness in places if likeness > 0.9]
    assert there == sorted(there), "in another order"
    return len(there) / len(places)


def _best(piece: np.ndarray, recorded: np.ndarray) -> tuple[int, float]:
    """Where it fits best, and how well: 1.0 is the same."""
    size = 1 << (len(piece) + len(recorded)).bit_length()
    spectrum = np.fft.rfft(recorded, size)
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)[: len(recorded)]
    energy = np.convolve(recorded**2, np.ones(len(piece)))[len(piece) - 1 :]
    likeness = product[: len(energy)] / (np.linalg.norm(piece) * np.sqrt(np.maximum(energy, 1.0)))
    place = int(np.argmax(likeness))
    return place, float(likeness[place])


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
