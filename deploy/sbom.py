"""What is in a build: every locked package of Python and of the page, as CycloneDX 1.6 in JSON.

    python deploy/sbom.py > build/sbom.json        (make sbom)

Made of the locks and of nothing else but what says who needs whom: the metadata of
the installed packages. The same locks give the same bytes, so it holds no time.
`scope`: required is what every install has; optional is an extra's; excluded is for
work on this project only, or another platform's.
"""

import base64
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
PYTHON = (
    "constraints.txt",
    "clients/constraints.txt",
    "website/constraints.txt",
    "console/node.txt",
    "deploy/audit.txt",
    "tests/fuzz/constraints.txt",
)
PAGE = "console/package-lock.json"
PRODUCT = "constraints.txt"  # the others are for tests and for the build
EXTRAS = ("postgres", "local", "otel")
BUNDLER = ("esbuild", "@esbuild/")  # makes the page, and is not in it

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NEEDED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?")


def sbom() -> dict[str, Any]:
    components: dict[str, dict[str, Any]] = {}
    for component in (*_python(), *_page()):
        known = components.setdefault(component["bom-ref"], component)
        if known is not component:  # in several locks
            known["properties"] += component["properties"]
            known["scope"] = min(known["scope"], component["scope"], key=_WEIGHT.__getitem__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/{project['name']}@{project['version']}",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": [components[ref] for ref in sorted(components)],
    }
    made_of = msgspec.json.encode(told, order="sorted").decode()
    return {**told, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, made_of)}"}


_WEIGHT = {"required": 0, "optional": 1, "excluded": 2}


def _python() -> Iterator[dict[str, Any]]:
    required = _reached("realtime-switch", "")
    optional = {name for extra in EXTRAS for name in _reached("realtime-switch", extra)}
    for lock in PYTHON:
        text = (ROOT / lock).read_text().replace("\\\n", " ")
        for line in text.splitlines():
            if (pinned := _PINNED.match(line)) is None:
                continue
            name, version = _plain(pinned[1]), pinned[2]
            scope = "required" if name in required else "optional" if name in optional else "excluded"
            yield _component(
                f"pkg:pypi/{name}@{version}",
                name,
                version,
                scope if lock == PRODUCT else "excluded",
                [{"alg": "SHA-256", "content": digest} for digest in sorted(_HASH.findall(line))],
                lock,
            )


def _page() -> Iterator[dict[str, Any]]:
    """What is bundled into the page is in the build; the tools that do so are not."""
    for place, package in msgspec.json.decode((ROOT / PAGE).read_bytes())["packages"].items():
        if not place:
            continue
        name, version = place.rpartition("node_modules/")[2], package["version"]
        is_tool = package.get("dev") or name.startswith(BUNDLER)
        algorithm, _, digest = package["integrity"].partition("-")
        assert algorithm == "sha512", place
        yield _component(
            f"pkg:npm/{name.replace('@', '%40')}@{version}",
            name,
            version,
            "excluded" if is_tool else "required",
            [{"alg": "SHA-512", "content": base64.b64decode(digest).hex()}],
            PAGE,
        )


def _component(
    purl: str, name: str, version: str, scope: str, hashes: list[dict[str, str]], lock: str
) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "scope": scope,
        "hashes": hashes,
        "purl": purl,
        "properties": [{"name": "realtime-switch:lock", "value": lock}],
    }


def _reached(name: str, extra: str) -> set[str]:
    """All that it needs, directly or not. Platforms are not looked at: what one of them needs is needed."""
    found: set[str] = set()
    waiting = [(name, frozenset({extra} if extra else ()))]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            needs = requires(name) or []
        except PackageNotFoundError:  # another platform's
            continue
        for need in needs:
            wanted, _, marker = need.partition(";")
            only_with = set(re.findall(r"extra\s*==\s*['\"]([^'\"]+)", marker))
            if only_with and not only_with & extras:
                continue
            match = _NEEDED.match(wanted.strip())
            assert match is not None, need
            found.add(_plain(match[1]))
            more = frozenset(one.strip() for one in (match[2] or "").split(",") if one.strip())
            waiting.append((_plain(match[1]), more))
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    told = msgspec.json.format(msgspec.json.encode(sbom(), order="sorted"), indent=1)
    sys.stdout.write(f"{told.decode()}\n")
