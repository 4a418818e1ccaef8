"""That everybody can: axe looks at every view in every look of it, and so does who has a keyboard alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from failover_rig import Rig, failing, impatient
from page_rig import Cable, Chromium, Visit, home, visiting

AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [(colours, width) for colours in ("light", "dark") for width in (1240, 390)]
with_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (make check brings it)")


async def serious(visit: Visit, place: str) -> list[tuple[str, ...]]:
    """In every look. By evaluate, not as a script of the page: its policy would let none in."""
    await visit.page.evaluate(AXE.read_text())
    found: list[tuple[str, ...]] = []
    for colours, width in LOOKS:
        await visit.page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        await visit.page.set_viewport_size({"width": width, "height": 844})
        result = await visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        look = f"{place}, {colours}, {width}"
        found += [
            (look, one["id"], node["html"][:200])
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        if sideways := await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth"):
            found.append((look, "overflow", str(sideways)))
    return found


async def go(visit: Visit, place: str) -> None:
    await visit.page.get_by_role("link", name=place).click()
    await expect(visit.page.get_by_role("heading", name=place, exact=True)).to_be_visible()


@with_axe
async def test_axe_finds_nothing_serious_in_what_is_empty(browser: Chromium) -> None:
    async with failing("openai", "gemini", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.page.goto(home(rig))
        found = await serious(visit, "gate")
        await visit.enter(home(rig), "rslive_v1_" + "0" * 48)
        await expect(visit.page.get_by_role("alert")).to_contain_text("API key is not valid")
        found += await serious(visit, "wrong key")
        await visit.enter(home(rig), rig.key)
        await expect(visit.at("credits")).to_be_visible()
        found += await serious(visit, "talk")
        await go(visit, "Account")
        await expect(visit.page.get_by_text("Nothing was used")).to_be_visible()
        found += await serious(visit, "account")
        await go(visit, "Sessions")
        await expect(visit.page.get_by_text("Nothing is remembered yet.")).to_be_visible()
        found += await serious(visit, "sessions")
        await visit.page.get_by_label("Search in what was said").fill("nobody said this")
        await expect(visit.page.get_by_text("Nobody said")).to_be_visible()
        found += await serious(visit, "nothing found")
        assert found == []


@with_axe
async def test_axe_finds_nothing_serious_in_what_is_full(browser: Chromium) -> None:
    async with failing("openai", "gemini", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        found = await serious(visit, "live")
        await visit.write("Use set theme for dark.")
        await visit.shows("agent", "theme is dark")
        await visit.page.evaluate("delete document.documentElement.dataset.theme")
        await visit.at("switch").click()
        await visit.shows("seam", "The call went on")
        await expect(visit.at("spent")).to_contain_text("repl")
        await visit.page.get_by_text("Devices").click()
        await visit.page.locator(".event").first.click()
        found += await serious(visit, "talk")
        for place in ("Account", "Sessions"):
            await go(visit, place)
            await expect(visit.page.locator(".bars, .sessions li").first).to_be_visible()
            if place == "Account":
                await visit.page.get_by_text("The numbers").click()
            found += await serious(visit, place)
        await visit.at("sessions").get_by_role("link").first.click()
        await expect(visit.at("whole-transcript")).to_be_visible()
        found += await serious(visit, "session")
        await visit.press("Delete")
        found += await serious(visit, "dialog")
        assert found == []


@with_axe
async def test_axe_finds_nothing_serious_in_what_went_wrong(browser: Chromium) -> None:
    with impatient():
        async with (
            failing("openai", hears="Hello.") as rig,
            Cable(int(rig.url.rpartition(":")[2])) as cable,
            visiting(browser, script=REFUSED) as visit,
        ):
            await visit.enter(f"http://127.0.0.1:{cable.port}/", rig.key)
            await visit.at("orb").click()
            await visit.shows("notice", "The microphone is not allowed")
            found = await serious(visit, "not allowed")
            await visit.page.evaluate("window.refused = false")
            await visit.press("Try again")
            await expect(visit.at("phase")).to_have_text("Live")
            await visit.unplug("Fake Default Audio Input", "Fake Audio Input 1", "Fake Audio Input 2")
            await visit.shows("notice", "The microphone is gone")
            found += await serious(visit, "unplugged")
            cable.pull()
            await expect(visit.at("phase")).to_have_text("Reconnecting")
            found += await serious(visit, "away")
            await go(visit, "Account")
            await expect(visit.page.get_by_role("alert").first).to_contain_text("does not answer")
            found += await serious(visit, "account away")
            cable.plug()
            await visit.page.goto(f"http://127.0.0.1:{cable.port}/#sessions/nobody")
            await visit.page.reload()
            await expect(visit.page.get_by_role("alert")).to_contain_text("no session")
            found += await serious(visit, "no session")
            await rig.providers[0].close()
            await visit.page.get_by_role("link", name="Talk").click()
            await visit.press("Begin by writing")
            await visit.shows("notice", "The provider cannot be reached")
            found += await serious(visit, "provider down")
            await spend_all(rig)
            await visit.press("Start again")
            await visit.shows("notice", "No credits are left")
            found += await serious(visit, "no credits")
            await go(visit, "Account")
            await expect(visit.page.get_by_text("Calls are refused until")).to_be_visible()
            found += await serious(visit, "account without credits")
            assert found == []


REFUSED = """
window.refused = true;
const given = navigator.mediaDevices.getUserMedia;
navigator.mediaDevices.getUserMedia = async (how) => {
  if (window.refused) throw new DOMException('', 'NotAllowedError');
  return given(how);
};
"""


async def spend_all(rig: Rig) -> None:
    spend = rig.accounts._database
    await spend.write(lambda repos: repos.accounts.spend(rig.account_id, 10_000_000, "usage", 1))


# -- By keyboard alone -------------------------------------------------------------------------------------


async def focused(visit: Visit) -> str:
    """Its name, short."""
    script = "(({ ariaLabel, labels, textContent }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)"
    return str(await visit.page.evaluate(f"{script}(document.activeElement)")).strip()


async def stops(visit: Visit) -> AsyncIterator[str]:
    """Where the tab key leads, up to the end of the page; each is seen to have the focus."""
    seen = """() => {
      const one = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      const { width, right } = one.getBoundingClientRect();
      return one.matches(':focus-visible') && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
        && width > 0 && right > 0;
    }"""
    while True:
        await visit.page.keyboard.press("Tab")
        if await visit.page.evaluate("document.activeElement === document.body"):
            return
        assert await visit.page.evaluate(seen), await focused(visit)
        await visit.page.evaluate("document.activeElement.dataset.reached = ''")
        yield await focused(visit)


async def out_of_reach(visit: Visit) -> Any:
    """What can be done here, but not by the keyboard."""
    for _ in ("from where it was to the end", "from the beginning"):
        [name async for name in stops(visit)]
    return await visit.page.evaluate(
        """[...document.querySelectorAll('a, button, input, select, summary')]
        .filter((one) => one.checkVisibility() && !one.disabled && !('reached' in one.dataset))
        .map((one) => one.outerHTML)"""
    )


async def test_everything_is_reached_by_keyboard_and_seen_to_be(browser: Chromium) -> None:
    async with failing("openai", "gemini", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.page.goto(home(rig))
        left = await out_of_reach(visit)
        await visit.enter(home(rig), rig.key)
        await expect(visit.at("credits")).to_be_visible()
        left += await out_of_reach(visit)
        await visit.start()
        await visit.page.get_by_text("Devices").click()
        await visit.write("My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        await visit.page.locator(".event").first.click()
        await expect(visit.at("switch")).to_be_visible()
        left += await out_of_reach(visit)
        for place in ("Account", "Sessions"):
            await go(visit, place)
            await expect(visit.page.locator(".bars, .sessions li").first).to_be_visible()
            left += await out_of_reach(visit)
        await visit.at("sessions").get_by_role("link").first.click()
        await expect(visit.at("whole-transcript")).to_be_visible()
        left += await out_of_reach(visit)
        assert left == []


async def test_focus_is_not_lost_when_what_had_it_goes(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.page.goto(home(rig))
        await visit.page.get_by_label("API key").fill(rig.key)
        await visit.page.keyboard.press("Enter")
        await has_focus(visit, "Start talking")
        await by_keyboard(visit, "Begin by writing")
        await has_focus(visit, "Write instead of speaking")
        await expect(visit.at("phase")).to_have_text("Live")
        await visit.page.keyboard.type("My name is Ada.")
        await visit.page.keyboard.press("Enter")
        await visit.shows("agent", "Nice to meet you, Ada!")
        await by_keyboard(visit, "Use the microphone")
        await has_focus(visit, "End the call")
        await visit.unplug("Fake Default Audio Input", "Fake Audio Input 1", "Fake Audio Input 2")
        await visit.shows("notice", "The microphone is gone")
        await visit.plug("Fake Default Audio Input")
        await expect(visit.at("notice")).to_have_count(0)
        await by_keyboard(visit, "End the call")
        await has_focus(visit, "Start talking")
        await visit.page.get_by_role("link", name="Sessions").press("Enter")
        await has_focus(visit, "Sessions")
        await visit.at("sessions").get_by_role("link").first.press("Enter")
        await until_focused(visit, "Session of")
        await by_keyboard(visit, "Delete")
        await has_focus(visit, "Delete for good")
        await visit.page.keyboard.press("Escape")
        await has_focus(visit, "Delete")
        await by_keyboard(visit, "Go on with it")
        await has_focus(visit, "Start talking")
        await visit.page.go_back()
        await by_keyboard(visit, "Delete")
        await by_keyboard(visit, "Delete for good")
        await expect(visit.page.get_by_text("Nothing is remembered yet.")).to_be_visible()
        await has_focus(visit, "Sessions")
        assert visit.complaints == []


async def by_keyboard(visit: Visit, name: str) -> None:
    await visit.page.get_by_role("button", name=name, exact=True).press("Enter")


async def has_focus(visit: Visit, name: str) -> None:
    await expect(visit.page.locator(":focus")).to_have_accessible_name(name)


async def until_focused(visit: Visit, begins: str) -> None:
    begun = "(begins) => document.activeElement.textContent.startsWith(begins)"
    await visit.page.wait_for_function(begun, arg=begins)


async def test_a_screen_reader_is_told_what_happens_and_not_what_is_heard(browser: Chromium) -> None:
    async with failing("openai", "gemini", hears="Hello.") as rig, visiting(browser, script=TOLD) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.start()
        await visit.write("Count to forty.")
        await visit.has_said("Speaking. Talk to interrupt.")
        await visit.page.keyboard.press("Escape")
        await visit.shows("agent", "interrupted")
        await visit.at("switch").click()
        await visit.shows("seam", "The call went on at p1/model-p1")
        await until_told(visit, "The call went on at p1/model-p1")
        await visit.press("End the call")
        await until_told(visit, "Press to talk again")
        assert await visit.page.evaluate("window.told") == [
            "Press to start talking",
            "Allow the microphone …",
            "Connecting …",
            "Say something",
            "The call went on at p1/model-p1",
            "Press to talk again",
        ]


TOLD = """
window.told = [];
new MutationObserver(() => {
  for (const one of document.querySelectorAll('[role=status], [aria-live]')) {
    if (one.textContent && one.textContent !== one.told) window.told.push(one.told = one.textContent);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


async def until_told(visit: Visit, text: str) -> None:
    await visit.page.wait_for_function("(text) => window.told.at(-1) === text", arg=text)


async def test_a_call_by_keyboard_alone(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        keyboard = visit.page.keyboard

        async def reach(name: str, key: str = "Tab") -> None:
            """By the key that goes from one control to the next, or back."""
            while await focused(visit) != name:
                await keyboard.press(key)

        await visit.page.goto(home(rig))
        await reach("API key")
        await keyboard.type(rig.key)
        await keyboard.press("Enter")
        await expect(visit.at("orb")).to_be_visible()
        await reach("Start talking")
        await keyboard.press("Enter")
        await expect(visit.at("phase")).to_have_text("Live")
        await reach("Write instead of speaking")
        await keyboard.type("Count to forty.")
        await keyboard.press("Enter")
        await visit.has_said("Speaking. Talk to interrupt.")
        await keyboard.press("Escape")
        await visit.shows("agent", "interrupted")
        await reach("End the call", "Shift+Tab")
        await keyboard.press("Enter")
        await expect(visit.at("phase")).to_have_text("Ended")
        assert visit.complaints == []
