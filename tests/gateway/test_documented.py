"""docs/http-api.md knows every address, every end and every code there is."""

import re
from pathlib import Path

from starlette.routing import Route

from gateway_rig import SIGNING_KEY, Books
from realtime_switch.dialects.openai import endings
from realtime_switch.gateway.arrival.openai import REALTIME_PATHS
from realtime_switch.gateway.calls import Calls
from realtime_switch.gateway.http import Api
from realtime_switch.providers.routes import Routes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "http-api.md").read_text()


async def _nothing() -> None: ...


def test_every_address_is_documented() -> None:
    calls = Calls(1, 1, lambda: 0.0)
    app = Api(Books(), Routes([], {}), SIGNING_KEY, lambda: "", _nothing, calls).app()
    paths = [route.path.replace(":path", "") for route in app.routes if isinstance(route, Route)]
    assert [path for path in (*paths, *REALTIME_PATHS) if f"{path}`" not in PAGE] == []


def test_every_end_is_documented_with_its_close_code() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for code, (close, kind) in endings._ENDINGS.items():
        row = next(row for row in rows if code in row)
        assert row.startswith(f"| {close} "), code
        assert kind in row, code


def test_every_code_that_is_answered_is_documented() -> None:
    package = ROOT / "src" / "realtime_switch" / "gateway"
    written = r'(?:code=|Refused\(\s*\d{3},\s*|_invalid\(|error_body\(\s*)"([a-z_]+)"'
    codes = {code for file in package.rglob("*.py") for code in re.findall(written, file.read_text())}
    assert len(codes) > 10
    assert {
        code
        for code in codes
        if f"`{code}`" not in PAGE and f"`…{code}`" not in PAGE and f".{code}`" not in PAGE
    } == set()
