"""A microphone or a loudspeaker that goes away in mid-call: the page says so and what to do, the call goes
on, and another one is taken without a new call."""

import pytest
from playwright.async_api import expect

from failover_rig import failing
from page_rig import Chromium, Visit, home, until, visiting, voice

TALKS_ON = voice(60)
FIRST, SECOND = "Fake Audio Input 1", "Fake Audio Input 2"
SOUNDLESS = "window.soundless = true;"  # Firefox, where there is no loudspeaker
OUTPUTS = ("Fake Default Audio Output", "Fake Audio Output 1", "Fake Audio Output 2")


async def goes_on_by_text(visit: Visit) -> None:
    await visit.write("My name is Ada.")
    await visit.shows("agent", "Nice to meet you, Ada!")
    assert len(visit.wire.urls) == 1
    assert visit.complaints == []


async def is_heard(visit: Visit) -> None:
    """For half a second of frames: ears take less for no speech."""
    await visit.talks(True)
    await visit.meter_reached("Microphone", 50)
    begun = len(visit.wire.sent)
    await until(lambda: len(visit.wire.sent) >= begun + 25)
    await visit.talks(False)
    await visit.shows("user", "Hello.")


@pytest.mark.parametrize("dialect", ["openai", "gemini", "gpt-live"])
async def test_a_microphone_that_is_unplugged(browser: Chromium, dialect: str) -> None:
    provider = "gpt-live" if dialect == "gpt-live" else "openai"
    async with failing(provider, hears="Hello.") as rig, visiting(browser, TALKS_ON, silent=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(microphone=FIRST, dialect=dialect)
        await visit.unplug(FIRST)
        await visit.shows("notice", "The microphone is gone")
        await expect(visit.at("state")).to_have_text("Write something")
        await expect(visit.at("phase")).to_have_text("Live")
        await goes_on_by_text(visit)
        await visit.choose("Microphone", SECOND)
        await expect(visit.at("notice")).to_have_count(0)
        await is_heard(visit)
        assert await visit.page.evaluate("window.opened") == [FIRST, SECOND]
        assert len(visit.wire.urls) == 1


async def test_a_turn_that_the_unplugged_microphone_left_open_is_answered(browser: Chromium) -> None:
    async with failing("openai", hears="Say: Yes.") as rig, visiting(browser, TALKS_ON) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(microphone=FIRST)
        await until(lambda: bool(visit.wire.said("input_audio_buffer.speech_started")))
        await visit.unplug(FIRST)
        await visit.shows("agent", "Yes.")
        assert visit.complaints == []


async def test_a_microphone_that_is_plugged_in_again_is_taken_by_itself(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, TALKS_ON, silent=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(microphone=FIRST)
        await visit.unplug(FIRST)
        await visit.shows("notice", "The microphone is gone")
        await visit.plug(FIRST)
        await expect(visit.at("notice")).to_have_count(0)
        await visit.shows("seam", f"The microphone is now {FIRST}")
        await is_heard(visit)
        assert visit.complaints == []


async def test_the_key_to_talk_is_let_go_when_its_microphone_goes(browser: Chromium) -> None:
    async with failing("openai", hears="Say: Yes.") as rig, visiting(browser, TALKS_ON) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start(turns="push", microphone=FIRST)
        await visit.at("orb").focus()
        await visit.page.keyboard.down("Space")
        await until(lambda: len(visit.wire.said("input_audio_buffer.append")) > 20)
        await visit.unplug(FIRST)
        await visit.shows("notice", "The microphone is gone")
        await visit.shows("agent", "Yes.")
        await visit.page.keyboard.up("Space")
        await goes_on_by_text(visit)


async def test_a_permission_that_is_withdrawn(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, TALKS_ON, silent=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.page.context.clear_permissions()
        await visit.page.evaluate("window.end()")  # which a headless Chromium does not do itself
        await visit.shows("notice", "The microphone is not allowed any more")
        await goes_on_by_text(visit)
        await visit.press("Try again")
        await visit.shows("notice", "Allow it for this page")
        await visit.page.context.grant_permissions(["microphone"])
        await visit.press("Try again")
        await expect(visit.at("notice")).to_have_count(0)
        await is_heard(visit)
        assert len(visit.wire.urls) == 1


async def test_who_began_by_writing_may_speak(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, TALKS_ON, silent=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.press("Begin by writing")
        await expect(visit.at("phase")).to_have_text("Live")
        await goes_on_by_text(visit)
        await visit.press("Use the microphone")
        await is_heard(visit)
        assert len(visit.wire.urls) == 1


async def test_the_loudspeaker_is_chosen_and_goes(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, silent=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.page.get_by_text("Devices").click()
        await visit.choose("Loudspeaker", OUTPUTS[1])
        await until_sink(visit, OUTPUTS[1])
        await visit.unplug(OUTPUTS[1])
        await visit.shows("notice", "The loudspeaker you chose is gone")
        await until_sink(visit, "")
        await visit.choose("Loudspeaker", OUTPUTS[2])
        await expect(visit.at("notice")).to_have_count(0)
        await until_sink(visit, OUTPUTS[2])
        await visit.unplug(OUTPUTS[0], OUTPUTS[2])
        await visit.shows("notice", "There is no loudspeaker")
        await goes_on_by_text(visit)
        await visit.plug(OUTPUTS[0])
        await visit.shows("notice", "The loudspeaker you chose is gone")
        await until_sink(visit, "")
        await visit.press("Dismiss")
        await expect(visit.at("notice")).to_have_count(0)
        await visit.has_said("Speaking. Talk to interrupt.", "Say something")


async def until_sink(visit: Visit, name: str) -> None:
    """By the name of the device."""
    script = """async (name) => {
      const all = await navigator.mediaDevices.enumerateDevices();
      const id = all.find(({ kind, label }) => kind === 'audiooutput' && label === name)?.deviceId ?? '';
      return window.contexts.some((one) => one.state === 'running' && one.sinkId === id);
    }"""
    await visit.page.wait_for_function(script, arg=name)


async def test_sound_that_the_system_stops_is_played_again(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, silent=True) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.page.evaluate("Promise.all(window.contexts.map((one) => one.suspend()))")
        await visit.shows("notice", "The sound was stopped")
        await goes_on_by_text(visit)
        await visit.press("Play again")
        await expect(visit.at("notice")).to_have_count(0)
        await visit.write("Say: Yes.")
        await visit.has_said("Speaking. Talk to interrupt.", "Say something")
        assert visit.complaints == []


async def test_a_machine_without_sound_holds_its_calls_by_text(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, script=SOUNDLESS) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.shows("notice", "The sound was stopped")
        await goes_on_by_text(visit)
        await visit.page.evaluate("window.soundless = false")
        await visit.press("Play again")
        await expect(visit.at("notice")).to_have_count(0)
        await visit.write("Say: Yes.")
        await visit.has_said("Speaking. Talk to interrupt.", "Say something")
        assert visit.complaints == []
