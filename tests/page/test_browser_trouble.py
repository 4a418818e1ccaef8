"""Whatever is missing, the page says what to do, and gets on where it can."""

import re

from playwright.async_api import expect

from failover_rig import failing, impatient
from page_rig import Chromium, home, visiting


async def test_a_wrong_key(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), "rslive_v1_" + "0" * 48)
        await expect(visit.page.get_by_role("alert")).to_contain_text("API key is not valid")
        await visit.page.get_by_label("API key").fill(rig.key)
        await visit.page.get_by_role("button", name="Enter").click()
        await expect(visit.at("orb")).to_be_visible()
        assert visit.complaints == []


async def test_a_key_that_is_revoked_while_the_page_is_open(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        await visit.enter(home(rig), rig.key)
        await expect(visit.at("orb")).to_be_visible()
        await rig.admin.revoke_key(rig.key)
        await visit.at("orb").click()
        await expect(visit.page.get_by_role("alert")).to_contain_text(
            re.compile("Enter (it|your API key) again")
        )


async def test_no_credits(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        spend = rig.accounts._database
        await spend.write(lambda repos: repos.accounts.spend(rig.account_id, 10_000_000, "usage", 1))
        await visit.enter(home(rig), rig.key)
        await visit.at("orb").click()
        await visit.shows("notice", "No credits are left")
        await expect(visit.at("credits")).to_contain_text("0 credits")
        await visit.page.get_by_role("link", name="Account").click()
        await expect(visit.page.get_by_text("Calls are refused until")).to_be_visible()
        assert visit.complaints == []


async def test_no_permission_and_then_by_writing(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, allowed=False) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.at("orb").click()
        await visit.shows("notice", "The microphone is not allowed")
        await visit.page.get_by_role("button", name="Write instead").click()
        await expect(visit.at("phase")).to_have_text("Live")
        await visit.write("My name is Ada.")
        await visit.shows("agent", "Nice to meet you, Ada!")
        assert visit.complaints == []


async def test_no_microphone_and_no_secure_address(browser: Chromium) -> None:
    missing = (
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') };"
    )
    async with failing("openai", hears="Hello.") as rig, visiting(browser, script=missing) as visit:
        await visit.enter(home(rig), rig.key)
        await visit.at("orb").click()
        await visit.shows("notice", "No microphone was found")
        await visit.page.evaluate(
            "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"
        )  # as browsers have it at http:// addresses of other machines
        await visit.at("orb").click()
        await visit.shows("notice", "needs a secure address")
        assert visit.complaints == []


async def test_the_provider_is_down(browser: Chromium) -> None:
    with impatient():
        async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
            await rig.providers[0].close()
            await visit.enter(home(rig), rig.key)
            await visit.at("orb").click()
            await visit.shows("notice", "The provider cannot be reached")
            await expect(visit.at("orb")).to_have_attribute("aria-label", "Start talking")
