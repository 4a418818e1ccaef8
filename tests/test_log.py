import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import structlog

from realtime_switch import log


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers, root.level = before
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    read = [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]
    for line in read:
        assert line.pop("timestamp").endswith("Z")
    return read


def test_a_line_says_level_part_event_and_what_was_bound():
    stream = io.StringIO()
    log.set_up("business", to=stream)
    structlog.get_logger().bind(account="acc_1").info("posted", records=3)
    assert lines(stream) == [
        {"level": "info", "part": "business", "event": "posted", "account": "acc_1", "records": 3}
    ]


def test_a_logger_may_name_its_own_part_and_a_task_may_bind_an_account():
    stream = io.StringIO()
    logger = structlog.get_logger(part="link")
    log.set_up("business", to=stream)
    with structlog.contextvars.bound_contextvars(account="acc_1"):
        logger.warning("late")
    assert lines(stream) == [{"level": "warning", "part": "link", "event": "late", "account": "acc_1"}]


def test_libraries_come_out_in_the_same_form():
    stream = io.StringIO()
    log.set_up("gateway", to=stream)
    logging.getLogger("uvicorn.error").info("up on %s", 8080)
    logging.getLogger("sqlalchemy.engine").info("SELECT secret")
    assert lines(stream) == [{"level": "info", "part": "gateway", "event": "up on 8080"}]


def test_what_is_below_the_level_is_not_written():
    stream = io.StringIO()
    log.set_up("gateway", level="error", to=stream)
    structlog.get_logger().warning("nothing")
    logging.getLogger("anything").warning("nothing")
    assert stream.getvalue() == ""


def test_text_is_key_and_value_in_a_fixed_order():
    stream = io.StringIO()
    log.set_up("gateway", form="text", to=stream)
    structlog.get_logger().info("call ended", code=1000)
    assert stream.getvalue().split(" ", 1)[1] == 'level=info part=gateway event="call ended" code=1000\n'


def test_any_value_can_be_written():
    stream = io.StringIO()
    log.set_up("gateway", to=stream)
    structlog.get_logger().error("odd", error=ValueError("x"), lone="\ud800")
    assert lines(stream) == [
        {"level": "error", "part": "gateway", "event": "odd", "error": "x", "lone": "\\ud800"}
    ]


def test_an_exception_is_one_line():
    stream = io.StringIO()
    log.set_up("gateway", to=stream)
    try:
        raise ValueError("x")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError: x" in str(lines(stream)[0]["exception"])


class FullDisk(io.StringIO):
    def write(self, text: str = "") -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        self.write()


def test_a_line_that_cannot_be_written_stops_nobody():
    log.set_up("gateway", to=FullDisk())
    structlog.get_logger().error("bill not kept")
    logging.getLogger("uvicorn").error("and a library's")


def test_a_full_disk_under_the_log_does_not_spoil_the_end_of_a_process():
    program = (
        "from realtime_switch.log import set_up; import structlog\n"
        "set_up('gateway'); [structlog.get_logger().error('x' * 200) for _ in range(1000)]; print('done')"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", program], stderr=full, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b"done\n")
