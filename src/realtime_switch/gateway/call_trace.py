"""What a call tells its operator's collector: one trace, a span for each thing that took time.

Told by whoever counts the same things (switchboard.py); nothing is on the way of
a frame, and a call that is not traced has none of this. No key, no audio, no word
that was said, nor anything a client or a provider could put one into: names, codes
and numbers only. Nothing goes on to a provider, whose affair it is not who calls.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..accounts.records import Grant, Refusal, Switched, UsageKind, UsageRecord
from ..outbox.rows import Kept
from .arrival import Headers
from .dial import DialError
from .ending import HowItEnded

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_OWN = "realtime_switch."
_w3c = TraceContextTextMapPropagator()


class CallTrace:
    def __init__(self, tracer: "Tracer", headers: Headers) -> None:
        """`headers`: the client's handshake, which may say whose trace this belongs to."""
        told: dict[str, list[str]] = {}
        for name, value in headers:
            if name in _w3c.fields:
                told.setdefault(name, []).append(value)
        self._tracer = tracer
        self._parent = _w3c.extract({name: ",".join(values) for name, values in told.items()})
        self._begun_ns = 0
        self._due_ns: int | None = None  # an answer whose first sound is here, and whose bill is not
        self._heard_ns = 0

    def begun(self, dialect: str) -> None:
        self._begun_ns = time.time_ns()
        told = {f"{_OWN}dialect": dialect}
        self._call = self._tracer.start_span(
            "call", self._parent, SpanKind.SERVER, told, start_time=self._begun_ns
        )
        self._within = set_span_in_context(self._call)

    @contextmanager
    def checking(self) -> Iterator[Callable[[Grant | Refusal], None]]:
        """While the business process is asked who this is, which is told what it says."""
        span = self._tracer.start_span("key check", self._within, SpanKind.CLIENT)

        def told(answer: Grant | Refusal) -> None:
            if isinstance(answer, Grant):
                self._call.set_attribute(f"{_OWN}account", answer.account_id)
                self._call.set_attribute(f"{_OWN}session", answer.session_id)
                return
            span.set_attribute(f"{_OWN}refusal", answer.code.value)
            _fail(span, answer.code.value)

        # Who asks over the link says for whom (traces.py).
        with _lasting(span), use_span(span, record_exception=False, set_status_on_exception=False):
            yield told

    @contextmanager
    def dialling(self, provider: str, model: str) -> Iterator[None]:
        told = {"gen_ai.provider.name": provider, "gen_ai.request.model": model}
        span = self._tracer.start_span("dial", self._within, SpanKind.CLIENT, told)
        with _lasting(span):
            try:
                yield
            except DialError as error:
                span.set_status(StatusCode.ERROR, str(error.status or error.trouble.value))
                raise

    def live(self, provider: str) -> None:
        """For the first time a provider listens."""
        self._past("connect", self._begun_ns, {"gen_ai.provider.name": provider})

    def answered(self, took_us: int) -> None:
        """The first sound of an answer is here, so long after it was due."""
        self._heard_ns = time.time_ns()
        self._due_ns = self._heard_ns - took_us * 1000

    def kept(self, records: Iterable[Kept]) -> None:
        for record in records:
            if isinstance(record, UsageRecord) and record.kind is UsageKind.RESPONSE:
                self._reply(record)
            elif isinstance(record, Switched):
                self._switch(record)

    def ended(self, route: str, how: HowItEnded) -> None:
        told = {"route": route, "by": how.by, "end": how.end}
        self._call.set_attributes({f"{_OWN}{name}": value for name, value in told.items()})
        self._call.set_attribute("websocket.close_code", how.code)
        _fail(self._call, how.end)
        self._call.end()

    def _reply(self, bill: UsageRecord) -> None:
        """One that made no sound has no beginning that is known, and so no length."""
        due_ns, self._due_ns = self._due_ns, None
        now_ns = time.time_ns()
        reply = self._tracer.start_span(
            "reply",
            self._within,
            attributes={
                "gen_ai.provider.name": bill.provider,
                "gen_ai.request.model": bill.model,
                "gen_ai.usage.input_tokens": bill.tokens.input,
                "gen_ai.usage.output_tokens": bill.tokens.output,
                f"{_OWN}certainty": bill.certainty.value,
            },
            start_time=due_ns or now_ns,
        )
        if due_ns is not None:
            within = set_span_in_context(reply)
            self._tracer.start_span("first audio", within, start_time=due_ns).end(self._heard_ns)
        reply.end(now_ns)

    def _switch(self, record: Switched) -> None:
        self._due_ns = None  # what was being said was cut off
        told = {
            f"{_OWN}cause": record.cause.value,
            f"{_OWN}from": f"{record.from_provider}/{record.from_model}",
            f"{_OWN}to": f"{record.to_provider}/{record.to_model}" if record.to_provider else "",
            f"{_OWN}attempts": record.attempts,
        }
        error = "" if record.to_provider else "nowhere to go"
        self._past("switch", time.time_ns() - record.silent_us * 1000, told, error)

    def _past(self, name: str, began_ns: int, told: Mapping[str, str | int], error: str = "") -> None:
        span = self._tracer.start_span(name, self._within, attributes=told, start_time=began_ns)
        if error:
            span.set_status(StatusCode.ERROR, error)
        span.end()


@contextmanager
def _lasting(span: Span) -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        span.set_attribute(f"{_OWN}given_up", True)
        raise
    finally:
        span.end()


def _fail(span: Span, code: str) -> None:
    """What is the caller's affair is no error of ours."""
    if code.startswith("INTERNAL_"):
        span.set_status(StatusCode.ERROR, code)
