"""What the key holder sees."""

import random
import time
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import expect

from failover_rig import Rig, failing
from page_rig import Chromium, Visit, home, picture, visiting
from realtime_switch.accounts.records import Tokens, UsageRecord


async def talk_once(visit: Visit, rig: Rig) -> None:
    await visit.enter(home(rig), rig.key)
    await visit.start()
    await visit.write("My name is Ada.")
    await visit.shows("agent", "Nice to meet you, Ada!")
    await expect(visit.at("spent")).to_contain_text("1 reply")


async def used_before(rig: Rig) -> None:
    """Four weeks of two providers."""
    dice, now_us = random.Random(3), time.time_ns() // 1000
    bills = []
    for day in range(1, 28):
        for provider in ("openai", "gemini"):
            text, audio, said = (dice.randrange(50, 900) for _ in range(3))
            tokens = Tokens(
                input=text + audio, output=said, input_text=text, input_audio=audio, output_audio=said
            )
            bill = UsageRecord(
                id=f"{provider}-{day}",
                account_id=rig.account_id,
                session_id="earlier",
                provider=provider,
                tokens=tokens,
                born_us=now_us - day * 86_400_000_000,
            )
            bills += [bill] * (dice.random() < 0.8)
    await rig.accounts.update_usage(bills)


async def test_usage_and_sessions_are_found_taken_away_and_deleted(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser, accept_downloads=True) as visit:
        await talk_once(visit, rig)
        await visit.page.get_by_role("link", name="Account").click()
        await expect(visit.page.get_by_role("cell", name="p0/model-p0")).to_be_visible()
        await visit.page.get_by_text("The numbers").click()
        (totals,) = await rig.admin.usage()
        cell = visit.at("usage").get_by_role("cell", name=f"{totals.credits}", exact=True)
        await expect(cell).to_be_visible()
        await visit.page.get_by_label("What the colours show").select_option("kind")
        await expect(visit.at("usage")).to_contain_text("audio out")

        await visit.page.get_by_role("link", name="Talk").click()
        await visit.at("orb").click()
        await visit.page.get_by_role("link", name="Sessions").click()
        await expect(visit.at("sessions").get_by_role("listitem")).to_have_count(1)
        await visit.page.get_by_label("Search in what was said").fill("nobody said this")
        await expect(visit.page.get_by_text("Nobody said")).to_be_visible()
        await visit.page.get_by_label("Search in what was said").fill("ADA")
        await visit.at("sessions").get_by_role("link").click()
        await expect(visit.at("whole-transcript")).to_contain_text("Nice to meet you, Ada!")

        async with visit.page.expect_download() as text:
            await visit.page.get_by_role("button", name="Export as text").click()
        assert "user: My name is Ada." in Path(await (await text.value).path()).read_text()
        async with visit.page.expect_download() as lines:
            await visit.page.get_by_role("button", name="Export as JSON lines").click()
        exported = Path(await (await lines.value).path()).read_bytes().splitlines()
        assert [msgspec.json.decode(line)["object"] for line in exported][:2] == [
            "session",
            "session.passage",
        ]

        await visit.page.get_by_role("button", name="Go on with it").click()
        await visit.start()
        await visit.write("What is my name?")
        await visit.shows("agent", "Your name is Ada.")
        await visit.at("orb").click()

        await visit.page.go_back()
        await visit.page.get_by_role("button", name="Delete").click()
        await visit.page.get_by_role("button", name="Delete for good").click()
        await expect(visit.page.get_by_text("Nothing is remembered yet.")).to_be_visible()
        assert await rig.admin.sessions() == []
        assert visit.complaints == []


async def test_events_are_filtered_and_shown_raw(browser: Chromium) -> None:
    async with failing("openai", hears="Hello.") as rig, visiting(browser) as visit:
        await talk_once(visit, rig)
        await visit.page.get_by_label("Filter events by type or content").fill("response.done")
        events = visit.page.get_by_role("list", name="Events, the last one first")
        await expect(events.get_by_role("listitem")).to_have_count(1)
        await events.get_by_role("button").first.click()
        await expect(events.locator("pre")).to_contain_text('"output_token_details"')
        await events.get_by_role("button").first.click()
        await visit.page.get_by_label("Filter events by type or content").fill("")
        await visit.page.get_by_label("Direction of events").select_option("out")
        types = events.locator(".type")
        await expect(types).to_have_text(["response.create", "conversation.item.create", "session.update"])
        await visit.page.get_by_label("Direction of events").select_option("in")
        await expect(types.filter(has_text="response.create")).to_have_count(1)  # created
        await expect(types.filter(has_text="audio.delta")).to_have_count(0)
        await visit.page.get_by_label("audio", exact=True).check()
        await expect(types.filter(has_text="audio.delta").first).to_be_visible()
        assert visit.complaints == []


@pytest.mark.parametrize(("colours", "width"), [("light", 1240), ("dark", 390)])
async def test_the_pictures_of_what_was_used(browser: Chromium, colours: str, width: int) -> None:
    async with (
        failing("openai", "gemini", hears="Hello.") as rig,
        visiting(browser, color_scheme=colours, viewport={"width": width, "height": 844}) as visit,
    ):
        name = f"{colours}-{'wide' if width > 600 else 'narrow'}"
        await used_before(rig)
        await talk_once(visit, rig)
        await visit.page.get_by_label("Filter events by type or content").fill("response.done")
        await visit.page.locator(".event").first.click()
        await visit.page.evaluate("scrollTo(0, 0)")
        await picture(visit, f"talk-{name}")
        await visit.page.get_by_role("link", name="Account").click()
        await expect(visit.page.locator(".bars")).to_be_visible()
        parts = await visit.page.locator(".legend li").all_inner_texts()
        assert [part.split()[0] for part in parts] == ["gemini", "openai", "p0"]
        await picture(visit, f"account-{name}")
        assert visit.complaints == []
