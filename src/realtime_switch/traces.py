"""Traces, for who has a collector: OpenTelemetry's SDK, set up as its own environment variables say.

An extra. Nothing of it is loaded unless the environment asks for it, and what is
wrong with it is said in the log and stops nobody: no call may depend on being
watched. docs/traces.md says what is told.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import structlog

from .accounts.errors import RealtimeSwitchError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"

_log = structlog.get_logger("traces")


def asked_for(environ: Mapping[str, str]) -> bool:
    """The standard's default, a collector at localhost, is not taken for a wish: an address is."""

    def said(name: str) -> str:
        return environ.get(name, "").strip()

    if said("OTEL_SDK_DISABLED").lower() == "true":
        return False
    if exporters := said("OTEL_TRACES_EXPORTER"):
        return "otlp" in [one.strip() for one in exporters.split(",")]
    return any(map(said, ENDPOINTS))


class Traces:
    """The SDK of one process. A thread of its own delivers, in batches."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self.tracer: Tracer = provider.get_tracer("realtime_switch", version("realtime-switch"))

    def traceparent(self) -> str:
        """Of the span that is being told in this task; "" for none."""
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        return carrier.get("traceparent", "")

    @contextmanager
    def verb(self, name: str, traceparent: str) -> Iterator[None]:
        """What a business process does for somebody's trace; for nobody's it tells nothing."""
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        if not traceparent:
            yield
            return
        parent = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
        span = self.tracer.start_span(name, parent, SpanKind.SERVER)
        try:
            yield
        except RealtimeSwitchError as error:
            span.set_status(StatusCode.ERROR, error.code.value)
            raise
        finally:
            span.end()

    async def close(self, within_s: float) -> None:
        """What was told is delivered, or given up: the SDK itself would try for half a minute."""
        loop, delivered = asyncio.get_running_loop(), asyncio.Event()

        def deliver() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                loop.call_soon_threadsafe(delivered.set)

        threading.Thread(target=deliver, daemon=True, name="traces").start()
        try:
            await asyncio.wait_for(delivered.wait(), within_s)
        except TimeoutError:
            _log.warning("traces not delivered", reason=f"the collector took more than {within_s:g} s")


def open_traces(part: str, environ: Mapping[str, str] | None = None) -> Traces | None:
    """None: nobody wants them, or they cannot be had, which is said. `part` names the process."""
    environ = os.environ if environ is None else environ
    if not asked_for(environ):
        return None
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), SPOKEN)
    if protocol != SPOKEN:
        reason = f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol[:40]!r}; only {SPOKEN} is spoken here"
        _log.warning("no traces", reason=reason)
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
    except ImportError as error:
        install = "pip install 'realtime-switch[otel]'"
        _log.warning("no traces", reason=f"{error.name} is not installed: {install}, or unset OTEL_…")
        return None
    # What the SDK says of a failure may quote the collector, and so what we sent it.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    try:
        exporter = OTLPSpanExporter()
        chosen = Resource.create(
            {"service.version": version("realtime-switch"), "realtime_switch.part": part}
        )
        if str(chosen.attributes[SERVICE_NAME]).startswith("unknown_service"):
            chosen = chosen.merge(Resource({SERVICE_NAME: "realtime-switch"}))
        provider = TracerProvider(resource=chosen, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(cast(SpanExporter, Saying(exporter))))
    except Exception as error:  # whatever the environment says that the SDK cannot read
        _log.warning("no traces", reason=f"the SDK does not take its settings: {type(error).__name__}")
        return None
    _log.info("traces are told", of=part)
    return Traces(provider)


class Saying:
    """An exporter that says once that the collector does not take them, and once that it does again."""

    def __init__(self, exporter: "SpanExporter") -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        result = self._exporter.export(spans)
        fails = result.name != "SUCCESS"
        if fails and not self._fails:
            _log.warning("traces not delivered", reason="the collector does not take them", spans=len(spans))
        elif self._fails and not fails:
            _log.info("traces are delivered again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
