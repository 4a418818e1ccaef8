"""docs/metrics.md lists every metric there is, as the code has it."""

import re
from collections.abc import Iterable
from pathlib import Path

from realtime_switch.accounts.records import SwitchCause
from realtime_switch.business.metrics import Metrics as OfBusiness
from realtime_switch.gateway.metrics import Metrics, link_round_trip
from realtime_switch.metrics.board import together
from realtime_switch.metrics.families import Family
from realtime_switch.session.phase import Phase

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def of_gateway() -> list[Family]:
    return Metrics([], None, lambda: True, link_round_trip(), lambda: 0).families()  # type: ignore[arg-type]


def rows(families: Iterable[Family]) -> list[str]:
    def row(family: Family) -> str:
        labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
        return f"| `{family.name}` | {family.kind} | {labels} | {family.help} |"

    return [row(family) for family in families]


def written(part: str) -> list[str]:
    table = PAGE.partition(f"<!-- {part} -->\n")[2].partition("\n\n")[0]
    return table.splitlines()[2:]


def test_the_page_lists_what_a_gateway_counts() -> None:
    assert written("gateway") == rows(of_gateway())


def test_the_page_lists_what_a_business_process_counts() -> None:
    assert written("business") == rows(OfBusiness().families())


def test_the_page_lists_what_the_board_tells() -> None:
    [help] = re.findall("# HELP (.*)", together({"gateway-1": None}))
    name, _, said = help.partition(" ")
    assert written("board") == [f"| `{name}` | gauge | `process` | {said} |"]


def test_the_page_explains_every_label_and_what_it_may_say() -> None:
    explained = PAGE.partition("What the labels say")[2].partition("\n\n**")[0]
    labels = {label for family in of_gateway() for label in family.labels}
    labels -= {"version", "short_way", "direction", "arrived"}
    assert {label for label in labels if f"`{label}`" not in explained} == set()
    values = {cause.value for cause in SwitchCause} | {phase.value for phase in Phase} - {"ended"}
    assert {value for value in values if f"`{value}`" not in explained} == set()
