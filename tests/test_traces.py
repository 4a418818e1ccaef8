"""Whether traces are wanted, and how they reach a collector; what is wrong with it stops nobody."""

import asyncio
import builtins
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from collector import Collector, collecting
from realtime_switch.traces import asked_for, open_traces

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as here:
        yield here


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger("opentelemetry")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: "http://c:4318"}, True),
        ({ENDPOINT: " "}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "True", ENDPOINT: "http://c:4318"}, False),
        ({"OTEL_SERVICE_NAME": "voice"}, False),
    ],
)
def test_traces_are_told_where_the_environment_names_a_collector(
    environ: dict[str, str], wanted: bool
) -> None:
    assert asked_for(environ) is wanted


def test_nobody_who_did_not_ask_loads_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    imports = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        assert not name.startswith("opentelemetry"), "nobody asked for it"
        return imports(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert open_traces("gateway", {}) is None


def test_who_asks_and_has_not_installed_it_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    imports = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name=name)
        return imports(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with structlog.testing.capture_logs() as lines:
        assert open_traces("gateway", {ENDPOINT: "http://c:4318"}) is None
    [line] = lines
    assert (line["event"], line["log_level"]) == ("no traces", "warning")
    assert "pip install 'realtime-switch[otel]'" in line["reason"]


def test_another_protocol_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {ENDPOINT: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with structlog.testing.capture_logs() as lines:
        assert open_traces("gateway", environ) is None
    assert [line["reason"] for line in lines] == [
        "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; only http/protobuf is spoken here"
    ]


def test_settings_that_the_sdk_cannot_read_stop_nobody(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {ENDPOINT: collector.url, "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with structlog.testing.capture_logs() as lines:
        assert open_traces("gateway", environ) is None
    assert [line["reason"] for line in lines] == ["the SDK does not take its settings: ValueError"]


async def test_what_was_told_reaches_the_collector(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {ENDPOINT: collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-token=s3cret"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    traces = open_traces("gateway", environ)
    assert traces is not None
    traces.tracer.start_span("call", attributes={"n": 1}).end()
    await traces.close(10)
    assert [span.name for span in collector.spans] == ["call"]
    assert collector.services == {("realtime-switch", "gateway")}
    assert collector.paths == {"/v1/traces"}
    assert [headers["x-token"] for headers in collector.headers] == ["s3cret"]


async def test_the_operators_name_for_it_goes_first(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {ENDPOINT: collector.url, "OTEL_SERVICE_NAME": "voice"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    traces = open_traces("business", environ)
    assert traces is not None
    traces.tracer.start_span("validate_and_load").end()
    await traces.close(10)
    assert collector.services == {("voice", "business")}


async def test_a_collector_that_takes_nothing_is_named_once_and_not_quoted(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status, collector.says = 401, b"not you, s3cret"
    for name, value in {ENDPOINT: collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-token=s3cret"}.items():
        monkeypatch.setenv(name, value)
    with structlog.testing.capture_logs() as lines:
        traces = open_traces("gateway")
        assert traces is not None
        for _ in range(2):
            traces.tracer.start_span("call").end()
            await asyncio.to_thread(traces._provider.force_flush)
        collector.status = 200
        traces.tracer.start_span("call").end()
        await traces.close(10)
    assert [line["event"] for line in lines] == [
        "traces are told",
        "traces not delivered",
        "traces are delivered again",
    ]
    assert "s3cret" not in f"{lines}{caplog.text}"


async def test_a_collector_that_takes_its_time_does_not_hold_the_process(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, collector.url)
    collector.open.clear()
    with structlog.testing.capture_logs() as lines:
        traces = open_traces("gateway")
        assert traces is not None
        traces.tracer.start_span("call").end()
        await traces.close(0.05)
    assert lines[-1]["reason"] == "the collector took more than 0.05 s"
    [late] = [thread for thread in threading.enumerate() if thread.name == "traces"]
    asyncio.get_running_loop().call_later(0, collector.open.set)
    await asyncio.to_thread(late.join, 10)
    assert not late.is_alive()
