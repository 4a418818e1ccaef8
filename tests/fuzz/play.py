"""Plays one target with atheris: python tests/fuzz/play.py TARGET [libFuzzer's options, and folders].

What makes it fail is written to a file crash-…, which the same command plays again.
"""

import sys

import atheris

with atheris.instrument_imports(include=["realtime_switch"]):
    from targets import TARGETS

if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
    sys.exit(f"usage: play.py TARGET [OPTIONS]; targets are {', '.join(TARGETS)}")
target = TARGETS[sys.argv.pop(1)]
atheris.Setup(sys.argv, target)
atheris.Fuzz()
