"""Which of the twins carries the frames of this process: the compiled one, wherever it can."""

import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from .interpreted import ClientEnd, ProviderEnd, reader

INTERPRETED_NAME = "RTS_INTERPRETED"  # set to 1: neither build the compiled one (hatch_build.py) nor use it


def why_not_compiled(environ: Mapping[str, str], version: Callable[[str], str]) -> str:
    """In a few words; "" if nothing speaks against it."""
    if environ.get(INTERPRETED_NAME, "0") not in ("", "0"):
        return f"{INTERPRETED_NAME} is set"
    try:
        from ._compiled import BUILT_WITH
    except ImportError as error:
        return f"not built: {error}"
    for name, built_with in BUILT_WITH.items():
        if version(name) != built_with:
            return f"built with {name} {built_with}, here is {version(name)}"
    return ""


why_interpreted = why_not_compiled(os.environ, version)
short_way = f"interpreted: {why_interpreted}" if why_interpreted else "compiled"  # for the log

if not TYPE_CHECKING and not why_interpreted:
    from ._compiled import ClientEnd, ProviderEnd, reader

__all__ = ["ClientEnd", "ProviderEnd", "reader", "short_way", "why_interpreted"]
