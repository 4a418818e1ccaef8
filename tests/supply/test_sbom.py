"""The list of what is in a build holds every package of every lock, and is the same for the same locks."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told() -> bytes:
    return printed()


def printed() -> bytes:
    return subprocess.run(
        [sys.executable, "deploy/sbom.py"], cwd=ROOT, check=True, capture_output=True
    ).stdout


def components(told: bytes) -> dict[str, dict[str, Any]]:
    return {one["purl"]: one for one in msgspec.json.decode(told)["components"]}


def locked() -> set[str]:
    """As found in the files that git has, whatever they are called."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    found: set[str] = set()
    for name in listed.decode().split("\0"):
        path = ROOT / name
        if path.name == "package-lock.json":
            packages = msgspec.json.decode(path.read_bytes())["packages"]
            for place, package in packages.items():
                if place:
                    plain = place.rpartition("node_modules/")[2].replace("@", "%40")
                    found.add(f"pkg:npm/{plain}@{package['version']}")
        elif path.suffix == ".txt" and path.is_file() and "--hash=sha256:" in (text := path.read_text()):
            pinned = re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.M)
            found |= {f"pkg:pypi/{re.sub(r'[-_.]+', '-', n).lower()}@{v}" for n, v in pinned}
    return found


def test_every_locked_package_is_in_it(told: bytes) -> None:
    there = locked()
    assert len(there) > 200
    assert set(components(told)) == there


def test_each_has_the_hashes_of_its_lock(told: bytes) -> None:
    found = components(told)
    lock = (ROOT / "constraints.txt").read_text()
    starlette = next(purl for purl in found if purl.startswith("pkg:pypi/starlette@"))
    digests = {one["content"] for one in found[starlette]["hashes"]}
    assert all(f"--hash=sha256:{digest}" in lock for digest in digests)
    assert all(one["hashes"] for one in found.values())


def test_what_every_install_has_is_told_from_what_only_we_work_with(told: bytes) -> None:
    scopes = {
        re.sub(r"^pkg:\w+/(.*)@.*$", r"\1", purl): one["scope"] for purl, one in components(told).items()
    }
    some = ("starlette", "h11", "preact", "psycopg", "opentelemetry-sdk", "pytest", "esbuild", "typescript")
    assert {name: scopes[name] for name in some} == {
        "starlette": "required",
        "h11": "required",  # uvicorn's
        "preact": "required",
        "psycopg": "optional",
        "opentelemetry-sdk": "optional",
        "pytest": "excluded",
        "esbuild": "excluded",
        "typescript": "excluded",
    }


def test_the_same_locks_make_the_same_bytes(told: bytes) -> None:
    assert printed() == told


def test_it_is_cyclonedx(told: bytes) -> None:
    """Its whole form was held against the standard's own schema; these are what readers look for first."""
    bom = msgspec.json.decode(told)
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom["serialNumber"])
    assert bom["metadata"]["component"]["name"] == "realtime-switch"
    refs = [one["bom-ref"] for one in bom["components"]]
    assert len(refs) == len(set(refs))
