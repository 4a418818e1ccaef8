"""A command on a data directory of its own, and an account in it."""

import os
from pathlib import Path

import pytest

from command import SETTING_NAMES, Command


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path / "data")


@pytest.fixture
def account(command: Command) -> str:
    made: str = command("account", "create", "a@example.com", "--json").json["id"]
    return made


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """For a real process: ours, without what could lead it elsewhere."""
    clean = {name: value for name, value in os.environ.items() if name not in SETTING_NAMES}
    return {**clean, "RTS_DATA": str(tmp_path / "data")}
