"""docs/command.md names every command and option there is, and none that is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from realtime_switch.accounts.records import SwitchCause
from realtime_switch.cli.main import PROGRAM, main

PAGE = Path(__file__, "../../../docs/command.md").resolve().read_text()
COMMON = {"--data", "--config", "--debug", "--help"}


def leaves() -> Iterator[tuple[str, click.Command]]:
    with click.Context(main, info_name=PROGRAM) as root:
        for name in main.list_commands(root):
            command = main.get_command(root, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from ((f"{name} {sub}", inner) for sub, inner in command.commands.items())
            else:
                yield name, command


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")} - COMMON


@pytest.mark.parametrize(
    ("name", "command"), list(leaves()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_page_has_every_option_of_a_command(name: str, command: click.Command):
    _, found, after = PAGE.partition(f"\n### {name}\n")
    assert found, f"docs/command.md has no section {name}"
    section = re.split(r"^##+ ", after, maxsplit=1, flags=re.M)[0]
    assert set(re.findall(r"`(--[a-z-]+)`", section)) == options(command)


def test_the_page_has_no_command_that_is_not_there():
    assert {name for name, _ in leaves()} == set(re.findall(r"^### (.+)$", PAGE, flags=re.M))


def test_the_page_has_every_cause_of_a_switch_in_their_order():
    _, _, after = PAGE.partition("\n| cause | the provider |\n")
    table = after.partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, flags=re.M) == [cause.value for cause in SwitchCause]


def test_the_page_has_the_common_options():
    head = PAGE.partition("\n## ")[0]
    assert set(re.findall(r"^\| `(--[a-z]+)", head, flags=re.M)) == COMMON
