"""Calls held in a browser: a microphone speaks, a gateway carries, a provider answers."""

import asyncio
import re

import numpy as np
import pytest
from playwright.async_api import expect

from failover_rig import Rig, failing
from page_rig import Cable, Visit, likeness, picture, samples, silence, until, visiting, voice

SPOKEN = voice(1.2)
MICROPHONE = silence(1) + SPOKEN + silence(60)


def home(rig: Rig) -> str:
    return rig.url.replace("ws:", "http:") + "/"


async def credits(visit: Visit) -> int:
    return int(re.sub(r"\D", "", await visit.at("credits").inner_text()))


async def test_a_whole_call() -> None:
    async with failing("openai", hears="My name is Ada.") as rig, visiting(MICROPHONE, tapped=True) as visit:
        await visit.enter(home(rig), rig.key)
        await expect(visit.at("credits")).to_contain_text("10,000,000")
        await visit.start()
        await visit.shows("user", "My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        await expect(visit.at("target")).to_have_text("p0/model-p0")
        await expect(visit.at("state")).to_contain_text("Speaking")
        await expect(visit.at("state")).to_have_text("Say something")
        await expect(visit.at("spent")).not_to_contain_text("–")
        await until(lambda: rig.billed()[0] == 1)
        await expect(visit.at("spent")).not_to_have_text(re.compile(r"^0 "))

        # What the microphone heard is what the provider heard, at the dialect's rate.
        ((pcm, rate_hz),) = rig.ears[0].heard
        assert rate_hz == 24_000
        assert likeness(pcm, SPOKEN) > 0.95
        frames = visit.wire.said("input_audio_buffer.append")
        assert {len(frame["audio"]) for frame in frames} == {1280}, "20 ms of 24 kHz, 16 bit, in base64"

        # What the provider said is what the loudspeaker got: each sample, in order, without a gap.
        said, heard = samples(visit.wire.speech()), await visit.heard()
        middle = np.trim_zeros(said)[200:-200]  # but for the fades
        start = heard.tobytes().find(middle.tobytes())
        assert start >= 0, (len(said), len(heard))

        await visit.at("orb").click()
        await expect(visit.at("phase")).to_have_text("Ended")
        (totals,) = await rig.admin.usage()
        assert await credits(visit) == 10_000_000 - totals.credits

        everywhere = await visit.page.evaluate(
            "JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.cookie])"
        )
        assert rig.key not in everywhere + "".join(visit.wire.urls)
        assert visit.complaints == []


async def test_a_barge_in_silences_at_once_and_truncates_to_what_was_heard() -> None:
    microphone = silence(1) + SPOKEN + silence(2.5) + voice(0.8, seed=8) + silence(60)
    async with failing("openai", hears="Count to thirty.") as rig, visiting(microphone, tapped=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await until(lambda: bool(visit.wire.said("conversation.item.truncated")))
        await visit.shows("agent", "interrupted")
        (asked,) = visit.wire.said("conversation.item.truncate")
        (done,) = visit.wire.said("conversation.item.truncated")
        assert (done["item_id"], done["audio_end_ms"]) == (asked["item_id"], asked["audio_end_ms"])

        # The loudspeaker got the beginning of the reply, as far as it was told as heard, and went silent.
        said, heard = samples(visit.wire.speech()), await visit.heard()
        assert 500 < asked["audio_end_ms"] < len(said) / 24
        start = said.tobytes().find(heard[200:1_400].tobytes())  # of what was in hand when it began
        assert 0 <= start < 1_000, "from its beginning"
        assert len(heard) / 24 + 20 >= asked["audio_end_ms"]
        assert len(heard) < len(said)
        assert visit.complaints == []


async def test_a_running_call_is_moved_and_the_seam_is_shown() -> None:
    async with failing("openai", "gemini", hears="Hello.") as rig, visiting() as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.write("My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        await expect(visit.at("target")).to_have_text("p0/model-p0")
        await visit.at("switch").click()
        await visit.shows("seam", "The call went on at p1/model-p1")
        await expect(visit.at("target")).to_have_text("p1/model-p1")
        await visit.write("What is my name?")
        await visit.shows("agent", "Your name is Ada.")
        assert len(visit.wire.urls) == 1, "one socket all the while"
        assert visit.complaints == []
        await picture(visit, "talk")


async def test_a_call_of_the_gemini_dialect_is_moved_too() -> None:
    async with failing("gemini", "openai", hears="Hello.") as rig, visiting() as visit:
        await visit.enter(home(rig), rig.key)
        await visit.page.get_by_label("Dialect").select_option("gemini")
        await visit.start()
        await visit.write("My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        await visit.at("switch").click()
        await visit.shows("seam", "The call went on at p1/model-p1")
        assert visit.complaints == []


async def test_the_network_goes_and_comes_back_and_the_call_goes_on() -> None:
    async with (
        failing("openai", hears="Hello.") as rig,
        Cable(int(rig.url.rpartition(":")[2])) as cable,
        visiting() as visit,
    ):
        await visit.enter(f"http://127.0.0.1:{cable.port}/", rig.key)
        await visit.start()
        await visit.write("My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        cable.pull()
        await expect(visit.at("phase")).to_have_text("Reconnecting")
        await visit.shows("seam", "The connection was lost")
        cable.plug()
        await visit.shows("seam", "Connected again")
        await visit.write("What is my name?")
        await visit.shows("agent", "Your name is Ada.")
        assert len({url.partition("session_id=")[2] for url in visit.wire.urls}) == 1
        assert visit.complaints == []


@pytest.mark.parametrize("provider", ["openai", "gemini"])
@pytest.mark.parametrize("dialect", ["openai-beta", "gemini"])
async def test_every_dialect_on_every_provider(dialect: str, provider: str) -> None:
    async with failing(provider, hears="My name is Ada.") as rig, visiting(MICROPHONE, tapped=True) as visit:  # type: ignore[arg-type]
        await visit.enter(home(rig), rig.key)
        await visit.page.get_by_label("Dialect").select_option(dialect)
        await visit.start()
        await visit.shows("user", "My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        await expect(visit.at("state")).to_contain_text("Speaking")
        await expect(visit.at("state")).to_have_text("Say something")
        assert len(await visit.heard()) > 12_000
        kinds = {one.get("type", next(iter(one), "")) for one in visit.wire.received}
        assert ("response.audio.delta" in kinds) == (dialect == "openai-beta")
        assert ("serverContent" in kinds) == (dialect == "gemini")
        if dialect == "gemini":
            frames = [one["realtimeInput"]["audio"] for one in visit.wire.sent if "realtimeInput" in one]
            assert {(one["mimeType"], len(one["data"])) for one in frames} == {("audio/pcm;rate=16000", 856)}
        assert visit.complaints == []


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_push_to_talk(dialect: str) -> None:
    microphone = silence(0.5) + voice(30)
    async with failing("openai", hears="My name is Ada.") as rig, visiting(microphone) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.page.get_by_label("Dialect").select_option(dialect)
        await visit.page.get_by_label("Turns").select_option("push")
        await visit.start()
        await visit.page.locator("h1").first.focus()
        await visit.page.keyboard.down("Space")
        await expect(visit.at("state")).to_have_text("Listening …")
        await asyncio.sleep(1)  # a person speaks for a second: there is nothing else to wait for
        await visit.page.keyboard.up("Space")
        await visit.shows("agent", "Nice to meet you, Ada!")
        assert len(rig.ears[0].heard) == 1
        assert visit.complaints == []


async def test_muted_nothing_is_heard_and_text_and_tools_work() -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(silence(2) + voice(20)) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.page.get_by_role("button", name="Mute").click()
        await visit.write("Use set theme for dark.")
        await visit.shows("tool", '{"theme":"dark"}')
        await visit.shows("agent", "theme is dark")
        assert await visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
        await expect(visit.at("state")).to_have_text("Muted")
        assert rig.ears[0].heard == []
        assert visit.complaints == []
