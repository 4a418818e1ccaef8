"""Builds the one compiled module, for an editable install as for a wheel: Cython, then cc.

Without setuptools: Python's own record of how it was built (sysconfig) says how an
extension is compiled, in two commands. docs/decisions/0012-compiled-callbacks.md
says why there is such a module.
"""

import os
import shlex
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


class CompiledHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or os.environ.get(INTERPRETED_NAME, "0") not in ("", "0"):
            return
        built = build(Path(self.root) / "src" / PACKAGE)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        # It is not in version control, so it is named here.
        build_data["force_include"][str(built)] = f"{PACKAGE}/{built.name}"


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
