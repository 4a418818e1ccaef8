"""The page's tests need Debian's chromium and a built page; without, they are skipped, and say so. They share
one browser, and so one event loop."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from page_rig import Chromium, chromium
from realtime_switch.gateway.http_page import BUILT

CHROMIUM = shutil.which("chromium")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Chromium]:
    async with chromium() as started:
        yield started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = ""
    if CHROMIUM is None:
        why = "the page is not tested here: chromium is not installed (Debian: apt-get install chromium)"
    elif not (BUILT / "index.html").exists():
        why = "the page is not tested here: it was not built (make .venv/ready)"
    for item in items:
        if item.path.name.startswith("test_browser_"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if why:
                item.add_marker(pytest.mark.skip(reason=why))
