"""The page's tests need Debian's chromium and a built page; without, they are skipped, and say so."""

import shutil

import pytest

from realtime_switch.gateway.http_page import BUILT

CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = ""
    if CHROMIUM is None:
        why = "the page is not tested here: chromium is not installed (Debian: apt-get install chromium)"
    elif not (BUILT / "index.html").exists():
        why = "the page is not tested here: it was not built (make .venv/ready)"
    if why:
        for item in items:
            if item.path.name.startswith("test_browser_"):
                item.add_marker(pytest.mark.skip(reason=why))
