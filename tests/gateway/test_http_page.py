"""How the page's files are served: a strict policy, names that carry their content's hash, and a word when
they are not there."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from openapi_check import check_answer
from realtime_switch.gateway import http_answers as http
from realtime_switch.gateway.http_page import Page

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-encoding": "gzip, br"}


def served(folder: Path) -> Any:
    page = Page("What this is.\n", folder)
    routes = [Route("/", page.at_root), Route("/page/{name}", page.file)]
    return TestClient(Starlette(routes=routes, exception_handlers={http.Refused: http.refused}))


@pytest.fixture
def built(tmp_path: Path) -> Any:
    (tmp_path / "index.html").write_text("<!doctype html><title>It</title>")
    (tmp_path / "main-ABC.js").write_text("let it = 1;" * 50)
    (tmp_path / "secret.txt").write_text("not of the page")
    return served(tmp_path)


def test_a_browser_gets_the_page_under_a_strict_policy(built: Any) -> None:
    answer = built.get("/", headers=BROWSER)
    assert answer.text == "<!doctype html><title>It</title>"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    told = SimpleNamespace(**{name.replace("-", "_"): value for name, value in answer.headers.items()})
    assert told.cache_control == "no-cache"
    assert told.x_content_type_options == "nosniff"
    assert told.referrer_policy == "no-referrer"
    assert told.cross_origin_opener_policy == "same-origin"
    assert "microphone=(self)" in told.permissions_policy


def test_who_is_no_browser_is_told_what_this_is(built: Any) -> None:
    assert built.get("/").text == "What this is.\n"


def test_files_are_kept_for_ever_and_travel_small(built: Any) -> None:
    zipped = built.get("/page/main-ABC.js", headers=BROWSER)
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < 60
    assert zipped.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in zipped.headers["cache-control"]
    assert check_answer(zipped) == ("pageFile", "200")
    plain = built.get("/page/main-ABC.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == zipped.text == "let it = 1;" * 50


def test_a_page_that_has_not_changed_is_not_sent_again(built: Any) -> None:
    etag = built.get("/", headers=BROWSER).headers["etag"]
    again = built.get("/", headers={**BROWSER, "if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["other.js", "secret.txt", "..%2Fhttp.py", "%2e%2e%2fhttp.py"])
def test_nothing_but_the_page_is_served(built: Any, name: str) -> None:
    assert built.get(f"/page/{name}", headers=BROWSER).status_code == 404


def test_a_gateway_without_the_page_says_so(tmp_path: Path) -> None:
    answer = served(tmp_path / "nowhere").get("/", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "is not in this installation" in answer.text
    assert "Node.js" in answer.text
