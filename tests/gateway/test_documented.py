"""docs/ know every address, every end and every code there is, of all dialects."""

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from gateway_rig import SIGNING_KEY, Books
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.dialects.gemini import endings as gemini_endings
from realtime_switch.dialects.gpt_live import endings as live_endings
from realtime_switch.dialects.openai import endings
from realtime_switch.gateway.arrival import gemini as gemini_door
from realtime_switch.gateway.arrival.openai import REALTIME_PATHS
from realtime_switch.gateway.calls import Calls
from realtime_switch.gateway.http import Api
from realtime_switch.providers.routes import Routes

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "realtime_switch"
LIFE = "life-of-a-session.md"
PAGE = (ROOT / "docs" / "http-api.md").read_text()


async def _nothing() -> None: ...


def test_every_address_is_documented() -> None:
    calls = Calls(1, 1, lambda: 0.0)
    app = Api(Books(), Routes([], {}), SIGNING_KEY, lambda: "", _nothing, calls).app()
    paths = [route.path.replace(":path", "") for route in app.routes if isinstance(route, Route)]
    assert [path for path in (*paths, *REALTIME_PATHS) if f"{path}`" not in PAGE] == []


def rows(page: str, section: str, column: int) -> list[list[str]]:
    """Of the tables behind a heading, those that have a close code in that column."""
    text = (ROOT / "docs" / page).read_text().partition(f"\n## {section}")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [row for row in cells if len(row) > column and re.fullmatch(r"[134]\d{3}", row[column])]


OPENAI = "A call of an OpenAI client"
# What a call may end with, and what none ends with: the command's, the database's, an HTTP address's.
CALLS = [
    code.value
    for code in ErrorCode
    if not code.startswith(("INTERNAL_DATABASE", "INTERNAL_ENV", "INTERNAL_CONFIG", "INTERNAL_MIGRATION"))
    and code not in (ErrorCode.EXTERNAL_ALREADY_EXISTS, ErrorCode.EXTERNAL_SESSION_IN_USE)
]
REST = {"EXTERNAL_INVALID_VALUE", "EXTERNAL_TOKEN_SPENT", "INTERNAL_LINK_UNSUPPORTED", "INTERNAL_UNEXPECTED"}


def named(row: list[str]) -> set[str]:
    """`…code` is one more of the kind before it."""
    return set(re.findall(r"(?:EXTERNAL|INTERNAL)_[A-Z_]*[A-Z]", " ".join(row)))


@pytest.mark.parametrize(
    ("page", "section", "column"), [("http-api.md", OPENAI, 0), (LIFE, "How a call ends", 1)]
)
def test_every_end_of_an_openai_client_is_documented(page: str, section: str, column: int) -> None:
    table = rows(page, section, column)
    for code in CALLS:
        told = [row for row in table if code in named(row)]
        assert told or code in REST, code
        for row in told:
            close = endings.ending(code)
            assert (row[column], endings.kind_of(code) in " ".join(row)) == (str(close.code), True), code
    assert {code for row in table for code in named(row)} <= {*CALLS, "EXTERNAL_", "INTERNAL_"}


def test_every_end_of_a_gemini_client_is_documented() -> None:
    table = rows("http-api.md", "A call of a Gemini client", 0)
    for code in gemini_endings._ENDINGS:
        close = gemini_endings.ending(code, "m")
        told = [row for row in table if code in named(row)]
        assert [row[0] for row in told] == [str(close.code)], code
        words = told[0][1].partition("…")[0].strip()
        assert words
        assert close.reason.startswith(words), code
    doors = {*gemini_door.COMPLAINTS.values(), gemini_door.NO_CREDENTIAL}
    for said in doors:
        assert any(
            row[0] == str(said.close_code) and said.message.startswith(row[1].partition("…")[0].strip())
            for row in table
        ), said
    # Of what has no row of its own the last one speaks.
    assert gemini_endings.ending("INTERNAL_UNEXPECTED", "m").reason.startswith(
        table[-1][1].partition("…")[0].strip()
    )
    assert table[-1][0] == str(gemini_endings.FAULT)


def test_every_end_of_a_gpt_live_client_is_documented() -> None:
    table = rows("dialects-gpt-live.md", "How a call ends", 0)
    for code in CALLS:
        told = [row for row in table if code in named(row)]
        if code not in live_endings._ENDINGS:
            assert told == []
            rest = "any other `EXTERNAL_`" if code.startswith("EXTERNAL_") else "any other `INTERNAL_`"
            told = [row for row in table if rest in row[3]]
        [row] = told
        kind, word = live_endings.error_of(code)
        close = live_endings.ending(code).code
        assert (row[0], row[1], f"`{word}`" in row[2]) == (str(close), f"`{kind}`", True), code
    assert {code for row in table for code in named(row)} == set(live_endings._ENDINGS)


def test_no_close_code_is_sent_that_no_page_knows() -> None:
    """Those that stand in the sources of the door and of the dialects as numbers."""
    for package, table in (
        ("dialects/gemini", rows("http-api.md", "A call of a Gemini client", 0)),
        ("dialects/gpt_live", rows("dialects-gpt-live.md", "How a call ends", 0)),
        ("dialects/openai", rows("http-api.md", OPENAI, 0)),
    ):
        files = (SOURCES / package).rglob("*.py")
        sent = {
            code for file in files for code in re.findall(r"(?:Hangup|hangup)\(\s*(\d{4})", file.read_text())
        }
        assert sent <= {row[0] for row in table}, package


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
