"""docs/configuration.md says every setting there is, and none that is not."""

import re
from pathlib import Path

import msgspec
import pytest

from realtime_switch.business.credits import RateEntry
from realtime_switch.dialects.profile import Profile
from realtime_switch.gateway.short_way import INTERPRETED_NAME
from realtime_switch.providers.builtin import PROFILES
from realtime_switch.providers.endpoint import Capabilities, Provider
from realtime_switch.providers.routes import Route
from realtime_switch.settings import load
from realtime_switch.settings.load import CONFIG_NAME, DATA_NAME, ENVIRONMENT, KEY_NAME, SECTIONS
from realtime_switch.settings.shape import (
    DatabaseSettings,
    GatewaySettings,
    LinkSettings,
    LogSettings,
    OutboxSettings,
    RateSettings,
    SummarySettings,
)

PAGE = Path(__file__, "../../../docs/configuration.md").resolve().read_text()


def names(kind: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)}


def documented(heading: str) -> set[str]:
    """The first column of the tables under a heading."""
    section = re.split(r"^###? ", PAGE.partition(f"{heading}\n")[2], maxsplit=1, flags=re.M)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, flags=re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("[database]", names(DatabaseSettings)),
        ("[link]", names(LinkSettings)),
        ("[gateway]", names(GatewaySettings)),
        ("[outbox]", names(OutboxSettings)),
        (
            "[providers.NAME]",
            names(Provider) | names(Capabilities) | names(Profile) | set(PROFILES["gemini"]),
        ),
        ("[routes.NAME]", names(Route) - {"name"}),
        ("[[rates]]", names(RateSettings)),
        ("[summary]", names(SummarySettings)),
        ("[log]", names(LogSettings)),
        (
            "## Environment",
            {
                *ENVIRONMENT,
                DATA_NAME,
                CONFIG_NAME,
                KEY_NAME,
                INTERPRETED_NAME,
                "OPENAI_API_KEY",
                "GEMINI_API_KEY",
                "OTEL_…",  # OpenTelemetry's own: docs/traces.md
            },
        ),
    ],
)
def test_the_page_has_every_setting_and_no_other(heading: str, known: set[str]):
    assert documented(heading) == known


def test_the_page_has_every_section():
    assert {
        re.sub(r"[\[\]]|\.NAME", "", name) for name in re.findall(r"^### (\S+)", PAGE, flags=re.M)
    } == set(SECTIONS)


def test_the_page_tells_the_defaults_of_the_gateway():
    section = PAGE.partition("[gateway]\n")[2].partition("###")[0]
    for name, value in msgspec.structs.asdict(GatewaySettings()).items():
        [default] = re.findall(rf"^\| `{name}` \| `?([^`|]*?)`? \|", section, flags=re.M)
        assert default == (str(value) or "none")


def test_the_examples_of_the_page_are_good_files(tmp_path: Path):
    (tmp_path / "c.toml").write_text("\n".join(re.findall(r"```toml\n(.*?)```", PAGE, flags=re.S)))
    settings = load(environ={"RTS_CONFIG": str(tmp_path / "c.toml"), "OPENAI_API_KEY": "k"})
    assert {"azure", "qwen", "vertex", "own"} < set(settings.endpoints)
    assert settings.build_routes("ws://127.0.0.1:1/").names() == ("default", "assistant")


def test_rates_are_what_the_business_side_reads():
    assert names(RateSettings) == names(RateEntry)
    assert msgspec.structs.asdict(RateSettings(match="*")) == msgspec.structs.asdict(RateEntry(match="*"))
