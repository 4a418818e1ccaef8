"""The dashboard and the alert rules ask for metrics and labels that there are, and for all that matter."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import SwitchCause
from realtime_switch.business.metrics import Metrics as OfBusiness
from realtime_switch.gateway.metrics import Metrics, link_round_trip

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = msgspec.json.decode((DEPLOY / "grafana" / "realtime-switch.json").read_bytes())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]

# What PromQL itself is made of, as far as it stands here.
_WORDS = {"absent", "by", "histogram_quantile", "increase", "le", "rate", "sum"}


def series() -> dict[str, set[str]]:
    """Every name that a page may have, with its labels."""
    of_gateway = Metrics([], None, lambda: True, link_round_trip(), lambda: 0)  # type: ignore[arg-type]
    found: dict[str, set[str]] = {"realtime_switch_up": {"process"}}
    for family in (*of_gateway.families(), *OfBusiness().families()):
        labels = {"process", *family.labels}
        if family.kind == "histogram":
            found |= {f"{family.name}_{end}": labels for end in ("sum", "count")}
            found[f"{family.name}_bucket"] = {*labels, "le"}
        else:
            found[family.name] = labels
    return found


SERIES = series()


def expressions() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def asked(expression: str) -> tuple[set[str], set[str]]:
    """The names of metrics and of labels in it."""
    bare = re.sub(r'"[^"]*"', '""', expression).replace("$__rate_interval", "5m")
    bare = re.sub(r"\[\d+m\]", "", bare)
    words = set(re.findall(r"[a-z_]+", bare)) - _WORDS
    names = {word for word in words if word.startswith(("realtime_switch_", "process_"))}
    return names, words - names


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_it_asks_for_what_there_is(where: str, expression: str) -> None:
    names, labels = asked(expression)
    assert names
    assert names - SERIES.keys() == set()
    for name in names:
        # A label may belong to another metric of the expression, but not to none of them.
        assert labels <= set().union(*(SERIES[name] for name in names)), name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_the_matter(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    by = re.search(r"by \(([^)]*)\)", rule["expr"])
    names, _ = asked(rule["expr"])
    left = (
        set(re.split(r",\s*", by[1])) - {"le"} if by else set.intersection(*(SERIES[name] for name in names))
    )
    told = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert told <= left, "a label that the expression does not leave"


def test_the_values_that_rules_look_for_are_values() -> None:
    known = {code.value for code in ErrorCode} | {cause.value for cause in SwitchCause}
    known |= {"short", "rate_limit_exceeded", "server_error"}
    wanted = {
        value
        for rule in RULES
        for text in re.findall(r'=~?"([^"]*)"', rule["expr"])
        for value in text.split("|")
    }
    assert wanted - known == set()


def test_every_metric_of_calls_and_records_is_on_the_dashboard() -> None:
    shown = set().union(*(asked(target["expr"])[0] for p in DASHBOARD["panels"] for target in p["targets"]))
    bases = {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in SERIES if name.startswith("realtime_switch_")
    }
    seen = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    unseen = {"info", "ledger_bills_total", "outbox_bytes", "outbox_lost_total"}
    assert bases - seen == {f"realtime_switch_{name}" for name in unseen}


def test_panels_do_not_lie_on_each_other() -> None:
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({p["id"] for p in DASHBOARD["panels"]}) == len(places)
