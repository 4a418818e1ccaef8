"""How much work something is, by a measure that no other load disturbs: the steps of its interpreter."""

import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any


def steps_of(work: Callable[[], object], package: str = "realtime_switch") -> int:
    """Instructions of Python in the files of ours, in this thread."""
    count = 0

    def traced(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if package not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def steps_to_the_end(begun: Coroutine[Any, Any, object], package: str = "realtime_switch") -> int:
    """Of what waits for nothing."""

    def run() -> None:
        try:
            begun.send(None)
        except StopIteration:
            return
        raise AssertionError("it waits for something")

    return steps_of(run, package)
