"""What a newcomer does: start it, click the printed link, press one button, speak, and be answered."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from playwright.async_api import expect

from page_rig import Chromium, picture, silence, visiting
from realtime_switch.local.voice import SpokenVoice

START_S = 60


async def test_one_link_and_one_button_and_the_local_provider_answers(
    browser: Chromium, tmp_path: Path
) -> None:
    speaker = SpokenVoice()
    words = await speaker.say("my name is Ada", voice="marin", speed=1.0, rate_hz=24_000)
    await speaker.close()
    out = tmp_path / "out"
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    command = [
        sys.executable,
        "-m",
        "realtime_switch",
        "serve",
        "--port",
        "0",
        "--data",
        str(tmp_path / "data"),
    ]
    with out.open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, env=env)
    try:
        link = _printed(out, running)
        async with visiting(browser, silence(0.3) + words + silence(60)) as visit:
            await visit.page.goto(link)
            await expect(visit.at("orb")).to_be_visible()
            assert visit.page.url == link.partition("#")[0]
            await picture(visit, "first")
            await visit.at("orb").click()
            await visit.shows("user", "ada")
            await visit.shows("agent", "Nice to meet you, Ada!")

            await visit.page.reload()
            await expect(visit.at("orb")).to_be_visible()
            await visit.page.get_by_role("button", name="Leave").click()
            await visit.page.goto(link)  # a second time it opens nothing
            await visit.page.reload()
            await expect(visit.page.get_by_label("API key")).to_be_visible()
            assert visit.complaints == []
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(START_S) == 0


def _printed(out: Path, running: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if found := re.search(r"http://\S+/#once_\S+", out.read_text()):
            return found[0]
        assert running.poll() is None, out.read_text()
        time.sleep(0.05)
    raise AssertionError(out.read_text())
