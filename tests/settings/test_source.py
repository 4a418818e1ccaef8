from pathlib import Path

import pytest

from realtime_switch.settings.source import Sources, line_of, nearest

TEXT = """# a comment
[gateway]
host = "127.0.0.1"
port = 1

[providers."x.ai"]
url = "wss://x"

[providers.azure]
url = "wss://a"
  [providers.azure.capabilities]
  spelling = "beta"

[[rates]]
match = "a/*"

[[rates]]
match = "b/*"
routes.inline.targets = []
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("gateway",), 2),
        (("gateway", "port"), 4),
        (("gateway", "nowhere"), 2),
        (("providers", "azure", "url"), 10),
        (("providers", "azure", "capabilities", "spelling"), 12),
        (("rates", "0", "match"), 15),
        (("rates", "1"), 17),
        (("rates", "1", "match"), 18),
        (("nothing",), None),
    ],
)
def test_a_setting_is_found_in_the_text(path: tuple[str, ...], line: int | None):
    assert line_of(TEXT, path) == line


def test_a_complaint_points_at_file_line_and_key():
    sources = Sources(Path("/etc/rts.toml"), TEXT)
    assert sources.complaint(("gateway", "port"), "is wrong.").message == (
        "/etc/rts.toml, line 4: gateway.port is wrong."
    )


def test_a_complaint_about_the_environment_names_the_variable():
    sources = Sources(Path("/etc/rts.toml"), TEXT)
    sources.name(("gateway", "port"), "PORT")
    assert sources.complaint(("gateway", "port"), "is wrong.").message == "PORT is wrong."


def test_an_unknown_name_is_answered_with_the_nearest_known_one():
    assert nearest("prot", ["host", "port"]) == "Did you mean port?"
    assert nearest("zzz", ["port", "host"]) == "Known here: host, port."
