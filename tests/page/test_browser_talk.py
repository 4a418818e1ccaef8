"""Calls held in a browser: a microphone speaks, a gateway carries, a provider answers."""

import asyncio
import base64
import re

import numpy as np
import pytest
from playwright.async_api import Route, expect

from failover_rig import failing
from page_rig import (
    Cable,
    Chromium,
    Visit,
    breaks,
    home,
    picture,
    samples,
    share_of,
    silence,
    until,
    visiting,
    voice,
)
from realtime_switch.local.gpt_live.habits import LiveHabits
from realtime_switch.providers.endpoint import DialectName

SPOKEN = voice(0.8)
MICROPHONE = silence(0.3) + SPOKEN + silence(60)
TALKS_ON = voice(60)  # for a user who talks when the test says so
ADA = "My name is Ada."
NICE = "Nice to meet you, Ada!"


async def number(visit: Visit, name: str) -> int:
    return int(re.sub(r"\D", "", await visit.at(name).inner_text()))


def sent_audio(visit: Visit) -> bytes:
    """Of OpenAI's dialects."""
    return b"".join(base64.b64decode(one["audio"]) for one in visit.wire.said("input_audio_buffer.append"))


async def test_a_whole_call(browser: Chromium, capsys: pytest.CaptureFixture[str]) -> None:
    async with failing("openai", hears=ADA) as rig, visiting(browser, MICROPHONE, tapped=True) as visit:
        await visit.enter(home(rig), rig.key)
        await expect(visit.at("credits")).to_contain_text("10,000,000")
        await visit.start()
        await visit.shows("user", ADA)
        await visit.shows("agent", NICE)
        await expect(visit.at("target")).to_have_text("p0/model-p0")
        await visit.has_said("Listening …", "Speaking. Talk to interrupt.", "Say something")
        await until(lambda: rig.billed()[0] == 1)
        await expect(visit.at("spent")).to_have_text(re.compile(r"^[1-9]\d* credits, 1 reply$"))
        await expect(visit.at("first-audio")).to_have_text(re.compile(r"^\d+ ms|^\d+\.\d s"))
        await expect(visit.at("round-trip")).to_have_text(re.compile(r"^\d+ ms|^\d+\.\d s"))
        _, read, written = rig.billed()
        assert read + written == sum(
            int(cell) for cell in await visit.at("tokens").locator("td").all_inner_texts() if cell
        ) - await cached(visit)
        for meter in ("Microphone", "Speech"):
            await visit.meter_reached(meter, 50)
            await expect(visit.page.get_by_label(f"{meter} level")).to_have_attribute("aria-valuenow", "0")

        # What the browser had of the microphone went out whole, in frames of 20 ms, and was heard.
        frames = visit.wire.said("input_audio_buffer.append")
        assert {len(frame["audio"]) for frame in frames} == {1280}, "20 ms of 24 kHz, 16 bit, in base64"
        sent, spoken = np.trim_zeros(samples(sent_audio(visit)), "f"), await visit.spoken()
        assert share_of(SPOKEN, spoken) >= 0.5
        assert np.array_equal(sent[: len(spoken)], spoken[: len(sent)])
        ((pcm, rate_hz),) = rig.ears[0].heard
        assert rate_hz == 24_000
        assert pcm in sent_audio(visit)

        # What the provider said is what the loudspeaker got: each sample, in order, without a break untold.
        said, heard = np.trim_zeros(samples(visit.wire.speech())), await visit.heard()
        assert breaks(said, heard) == 0 or await number(visit, "gaps") > 0
        assert len(heard) >= len(said) - 200

        await visit.at("orb").click()
        await expect(visit.at("phase")).to_have_text("Ended")
        (totals,) = await rig.admin.usage()
        assert await number(visit, "credits") == 10_000_000 - totals.credits

        # The key is in no address, no storage and no log.
        everywhere = await visit.page.evaluate(
            "JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.cookie,"
            " performance.getEntries().map((one) => one.name)])"
        )
        logged = capsys.readouterr()
        assert "call ended" in logged.out
        assert rig.key not in everywhere + "".join(visit.wire.urls + visit.asked) + logged.out + logged.err
        assert visit.complaints == []


async def cached(visit: Visit) -> int:
    return int(await visit.at("tokens").locator("tr").nth(1).locator("td").nth(2).inner_text())


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_a_barge_in_silences_at_once_and_truncates_to_what_was_heard(
    browser: Chromium, dialect: DialectName
) -> None:
    async with (
        failing("openai", hears="Stop.") as rig,
        visiting(browser, TALKS_ON, silent=True, tapped=True) as visit,
    ):
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect=dialect)
        await visit.write("Count to forty.")
        await visit.has_said("Speaking. Talk to interrupt.")
        await visit.talks(True)
        await visit.shows("agent", "interrupted")
        await visit.talks(False)
        await visit.has_said("Speaking. Talk to interrupt.", "Listening …")
        if dialect == "gemini":
            return  # which has no message for it, and no sound of ours to compare with
        await until(lambda: bool(visit.wire.said("conversation.item.truncated")))
        asked = visit.wire.said("conversation.item.truncate")[0]
        done = visit.wire.said("conversation.item.truncated")[0]
        assert (done["item_id"], done["audio_end_ms"]) == (asked["item_id"], asked["audio_end_ms"])

        # The loudspeaker got the beginning of the reply, as far as it was told as heard, a fade, and silence.
        said = np.trim_zeros(samples(visit.wire.speech(asked["item_id"])))
        heard = (await visit.heard())[: len(said)]
        end = silent_from(heard)
        assert breaks(said, heard[:end]) == 0 or await number(visit, "gaps") > 0
        assert 0 < asked["audio_end_ms"] <= end / 24 + 20
        assert end < len(said) / 2
        assert visit.complaints == []


def silent_from(heard: np.ndarray) -> int:
    """Where the first silence begins that is longer than any between words."""
    loud = np.append(np.flatnonzero(heard), len(heard) + 24_000)
    return int(loud[np.flatnonzero(np.diff(loud) > 12_000)[0]]) + 1


async def test_a_running_call_is_moved_and_the_seam_is_shown(browser: Chromium) -> None:
    async with failing("openai", "gemini", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.write(ADA)
        await visit.shows("agent", NICE)
        await expect(visit.at("target")).to_have_text("p0/model-p0")
        await visit.at("switch").click()
        await visit.shows("seam", "The call went on at p1/model-p1")
        await expect(visit.at("target")).to_have_text("p1/model-p1")
        await visit.write("What is my name?")
        await visit.shows("agent", "Your name is Ada.")
        assert len(visit.wire.urls) == 1, "one socket all the while"
        assert visit.complaints == []
        await picture(visit, "talk")


async def test_a_call_of_the_gemini_dialect_is_moved_too(browser: Chromium) -> None:
    async with failing("gemini", "openai", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect="gemini")
        await visit.write(ADA)
        await visit.shows("agent", NICE)
        await visit.at("switch").click()
        await visit.shows("seam", "The call went on at p1/model-p1")
        assert visit.complaints == []


@pytest.mark.parametrize("turns", ["free", "push"])
async def test_the_network_goes_and_comes_back_and_what_was_said_meanwhile_is_heard(
    browser: Chromium, turns: str
) -> None:
    async with (
        failing("openai", hears="What is my name?") as rig,
        Cable(int(rig.url.rpartition(":")[2])) as cable,
        visiting(browser, TALKS_ON, silent=turns == "free", tapped=True) as visit,
    ):
        await visit.enter(f"http://127.0.0.1:{cable.port}/", rig.key)
        await visit.start(turns=turns)
        await visit.write(ADA)
        await visit.shows("agent", NICE)
        cable.pull()
        await expect(visit.at("phase")).to_have_text("Reconnecting")
        await visit.shows("seam", "The connection was lost")
        await expect(visit.at("state")).to_have_text("Connection lost. What you say is kept.")
        before = len(sent_audio(visit))
        await talks(visit, turns)
        cable.plug()
        await visit.shows("seam", "Connected again")
        await visit.shows("user", "What is my name?")
        await visit.shows("agent", "Your name is Ada.")
        meanwhile = sent_audio(visit)[before:]
        assert rig.ears[0].loud_ms[-1] >= 200
        assert rig.ears[0].heard[-1][0] in meanwhile
        assert len({url.partition("session_id=")[2] for url in visit.wire.urls}) == 1
        assert visit.complaints == []


async def talks(visit: Visit, turns: str) -> None:
    """For a moment, whoever listens."""
    if turns == "free":
        await visit.talks(True)
        await frames(visit, 20)
        await visit.talks(False)
    else:
        await visit.at("orb").focus()
        await visit.page.keyboard.down("Space")
        await frames(visit, 20)
        await visit.page.keyboard.up("Space")


async def frames(visit: Visit, count: int) -> None:
    """So many of the microphone's go by: there is nothing else to wait for."""
    begun = await visit.page.evaluate("window.spoken.length")
    await visit.page.wait_for_function("(end) => window.spoken.length > end", arg=begun + count * 480 // 128)


@pytest.mark.parametrize("provider", ["openai", "gemini"])
@pytest.mark.parametrize("dialect", ["openai-beta", "gemini"])
async def test_every_dialect_on_every_provider(
    browser: Chromium, dialect: str, provider: DialectName
) -> None:
    async with (
        failing(provider, hears="Say: Yes.") as rig,
        visiting(browser, MICROPHONE, tapped=True) as visit,
    ):
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect=dialect)
        await visit.shows("user", "Say: Yes.")
        await visit.shows("agent", "Yes.")
        await visit.has_said("Speaking. Talk to interrupt.", "Say something")
        assert len(await visit.heard()) > 2_400
        kinds = {one.get("type", next(iter(one), "")) for one in visit.wire.received}
        assert ("response.audio.delta" in kinds) == (dialect == "openai-beta")
        assert ("serverContent" in kinds) == (dialect == "gemini")
        if dialect == "gemini":
            said = [one["realtimeInput"]["audio"] for one in visit.wire.sent if "realtimeInput" in one]
            assert {(one["mimeType"], len(one["data"])) for one in said} == {("audio/pcm;rate=16000", 856)}
        assert visit.complaints == []


@pytest.mark.parametrize("provider", ["gpt-live", "openai", "gemini"])
async def test_gpt_live_is_spoken_without_turns(browser: Chromium, provider: DialectName) -> None:
    async with failing(provider, hears="Say: Yes.") as rig, visiting(browser, TALKS_ON, tapped=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect="gpt-live", turns="push")
        await talks(visit, "push")
        await visit.shows("user", "Say: Yes.")
        await visit.shows("agent", "Yes.")
        await expect(visit.at("target")).to_have_text("p0/model-p0")
        await visit.has_said("Speaking", "Hold the button or the space bar, and talk")
        said = np.trim_zeros(samples(visit.wire.speech()))
        assert breaks(said, await visit.heard()) == 0 or await number(visit, "gaps") > 0
        await visit.press("End the call")
        await expect(visit.at("phase")).to_have_text("Ended")
        assert len(visit.wire.urls) == 1
        assert visit.complaints == []


async def test_gpt_live_is_written_to_calls_a_tool_and_tells_its_time(browser: Chromium) -> None:
    often = LiveHabits(usage_every_ms=500)
    async with (
        failing("gpt-live", hears="Hello.", live=often) as rig,
        visiting(browser, allowed=False) as visit,
    ):
        await visit.enter(home(rig), rig.key)
        await visit.page.get_by_label("Dialect").select_option("gpt-live")
        await visit.at("orb").click()
        await visit.press("Write instead")
        await expect(visit.at("phase")).to_have_text("Live")
        await visit.write("Use set theme for dark.")
        await visit.shows("tool", '{"theme":"dark"}')
        await visit.shows("agent", "theme is dark")
        await expect(visit.at("seconds")).to_have_text(re.compile(r"^0:0[1-9]"))
        assert visit.complaints == []


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_push_to_talk(browser: Chromium, dialect: str) -> None:
    async with failing("openai", hears=ADA) as rig, visiting(browser, TALKS_ON, tapped=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect=dialect, turns="push")
        await talks(visit, "push")
        await visit.has_said("Listening …")
        await visit.shows("agent", NICE)
        assert len(rig.ears[0].heard) == 1
        assert visit.complaints == []


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_muted_nothing_is_heard_and_text_and_tools_work(browser: Chromium, dialect: str) -> None:
    microphone = silence(2) + TALKS_ON
    async with failing("openai", hears="Hello.") as rig, visiting(browser, microphone) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect=dialect)
        await visit.press("Mute")
        await visit.write("Use set theme for dark.")
        await visit.shows("tool", '{"theme":"dark"}')
        await visit.shows("agent", "theme is dark")
        assert await visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
        await visit.has_said("Muted")
        assert rig.ears[0].heard == []
        assert visit.complaints == []


async def test_the_microphone_is_chosen(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(microphone="Fake Audio Input 2")
        await visit.at("orb").click()
        await visit.start(microphone="System default")
        assert await visit.page.evaluate("window.opened") == [
            "Fake Audio Input 2",
            "Fake Default Audio Input",
        ]
        assert visit.complaints == []


async def test_writing_interrupts_too(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.write("Count to forty.")
        await visit.has_said("Speaking. Talk to interrupt.")
        await visit.write("Thank you.")
        await visit.shows("agent", "interrupted")
        await visit.shows("agent", "You are welcome.")
        assert visit.complaints == []


@pytest.mark.parametrize("provider", ["gpt-live", "openai"])
async def test_gpt_live_is_hung_up_in_peace_and_its_last_seconds_are_shown(
    browser: Chromium, provider: DialectName
) -> None:
    at_the_end_only = LiveHabits(usage_every_ms=None, drain_ms=300)
    async with failing(provider, hears="Hello.", live=at_the_end_only) as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect="gpt-live")
        await visit.write("Say: Yes.")
        await visit.shows("agent", "Yes.")
        await expect(visit.at("seconds")).to_have_count(0)
        await visit.at("orb").click()
        await expect(visit.at("phase")).to_have_text("Ended")
        ((closed,), (asked,)) = visit.wire.said("session.closed"), visit.wire.said("session.close")
        assert (asked, closed["reason"]) == ({"type": "session.close"}, "close_requested")
        if provider == "gpt-live":
            total = closed["usage"]["seconds"]
            await expect(visit.at("seconds")).to_contain_text(f"0:{total:05.2f}")
        assert len(visit.wire.urls) == 1
        assert visit.complaints == []


async def test_who_ends_a_gpt_live_call_twice_does_not_wait_for_its_last_words(browser: Chromium) -> None:
    slow = LiveHabits(drain_ms=600_000)
    async with failing("gpt-live", hears="Hello.", live=slow) as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(dialect="gpt-live")
        await visit.at("orb").click()
        await expect(visit.at("state")).to_have_text("Ending …")
        await visit.at("orb").click()
        await expect(visit.at("phase")).to_have_text("Ended")
        assert visit.complaints == []


async def test_a_page_that_is_read_elsewhere_does_not_jump_to_what_is_said(browser: Chromium) -> None:
    small = {"width": 390, "height": 500}
    async with (
        failing("openai", hears="Count to forty.") as rig,
        visiting(browser, TALKS_ON, silent=True, viewport=small) as visit,
    ):
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await expect(visit.at("switch").or_(visit.page.get_by_text("one target"))).to_be_visible()
        await visit.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        events = visit.page.get_by_role("heading", name="Events")
        seen = "(one) => Math.round(one.getBoundingClientRect().top)"
        before = await events.evaluate(seen)
        await visit.talks(True)
        await until(lambda: bool(visit.wire.said("input_audio_buffer.speech_started")))
        await visit.talks(False)
        await visit.shows("agent", "forty")
        assert abs(await events.evaluate(seen) - before) < 100, "a line of it may come or go"
        below = "(one) => one.scrollHeight - one.scrollTop - one.clientHeight"
        assert await visit.at("transcript").evaluate(below) < 2


async def test_who_is_quicker_than_the_list_of_models_is_connected_as_well(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        pressed = asyncio.Event()

        async def late(route: Route) -> None:
            await pressed.wait()
            await route.continue_()

        await visit.page.route("**/v1/models", late)
        await visit.enter(home(rig), rig.key)
        await visit.at("orb").click()
        await expect(visit.at("phase")).to_have_text("Connecting")
        pressed.set()
        await expect(visit.at("phase")).to_have_text("Live")
        assert visit.complaints == []
