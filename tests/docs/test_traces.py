"""docs/traces.md names the spans and attributes that there are, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "src/realtime_switch/gateway/call_trace.py").read_text()
PAGE = (ROOT / "docs/traces.md").read_text()
VERBS = {"validate_and_load"}  # told by the business process, by the name of the verb


def test_every_span_is_on_the_page() -> None:
    made = set(re.findall(r'(?:start_span|_past)\(\s*"([^"]+)"', SOURCE)) | VERBS
    assert set(re.findall(r"^\| `([^`]+)` \|", PAGE, flags=re.M)) == made


def test_every_attribute_is_on_the_page() -> None:
    made = set(re.findall(r'\{_OWN\}(\w+)"', SOURCE)) | {"route", "by", "end"}
    made |= set(re.findall(r'"(gen_ai\.[\w.]+|websocket\.\w+)"', SOURCE))
    table = "".join(line.rpartition(" | ")[2] for line in PAGE.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"`(?:realtime_switch)?\.(\w+)`|`(gen_ai\.[\w.]+|websocket\.\w+)`", table))
    assert {own or standard for own, standard in told} == made
