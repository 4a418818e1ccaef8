"""What a collector is told of a call, in the SDK's own memory: the whole of it, compared."""

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway_rig import KEY, POOR_KEY, begun, done, ending, hear, rig, until
from openai_frames import AUDIO
from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.providers.routes import Target
from realtime_switch.traces import Traces

ASK = '{"type":"response.create"}'
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
OF_UP = {"gen_ai.provider.name": "up", "gen_ai.request.model": "m"}


@pytest.fixture
def told() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(told: InMemorySpanExporter) -> Traces:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    return Traces(provider)


def tree(told: InMemorySpanExporter) -> list[tuple[str, str, dict[str, Any], str]]:
    """Span, under which, what it says, its error; in the order of their beginnings."""
    spans = sorted(told.get_finished_spans(), key=lambda span: (span.start_time or 0, -(span.end_time or 0)))
    names = {span.context.span_id: span.name for span in spans if span.context}
    return [
        (
            span.name,
            names.get(span.parent.span_id, "elsewhere") if span.parent else "",
            {name.removeprefix("realtime_switch."): value for name, value in (span.attributes or {}).items()},
            span.status.description or "",
        )
        for span in spans
    ]


def named(told: InMemorySpanExporter, name: str) -> ReadableSpan:
    [span] = [span for span in told.get_finished_spans() if span.name == name]
    return span


async def over(told: InMemorySpanExporter) -> None:
    await until(lambda: any(span.name == "call" for span in told.get_finished_spans()))


async def test_a_call_is_one_trace_with_a_span_for_each_thing_that_takes_time(
    told: InMemorySpanExporter, traces: Traces
) -> None:
    async with rig(traces=traces) as here:
        client, line = await here.call(path="/v1/realtime?model=m&session_id=ada")
        await client.send(ASK)
        await line.raw()
        await line.say(begun(), AUDIO.decode(), done(tokens=30))
        for _ in range(3):
            await hear(client)
        await line.say(begun("r2"), done("r2", tokens=5))  # it makes no sound
        for _ in range(2):
            await hear(client)
        await client.close()
        await over(told)
    whole = {"dialect": "openai", "account": "a1", "session": "ada"}
    ended = {"route": "voice", "by": "client", "end": "LEFT", "websocket.close_code": 1000}
    used = {"gen_ai.usage.input_tokens": 29, "gen_ai.usage.output_tokens": 1, "certainty": "confirmed"}
    assert sorted(tree(told), key=str) == sorted(
        [
            ("call", "", {**whole, **ended}, ""),
            ("key check", "call", {}, ""),
            ("dial", "call", OF_UP, ""),
            ("connect", "call", {"gen_ai.provider.name": "up"}, ""),
            ("reply", "call", {**OF_UP, **used}, ""),
            ("first audio", "reply", {}, ""),
            ("reply", "call", {**OF_UP, **used, "gen_ai.usage.input_tokens": 4}, ""),
        ],
        key=str,
    )
    spans = {span.name: span for span in told.get_finished_spans()}
    call, connect, dial, first = (spans[name] for name in ("call", "connect", "dial", "first audio"))
    assert call.start_time == connect.start_time
    assert call.start_time <= dial.start_time <= connect.end_time <= first.start_time
    assert first.start_time < first.end_time <= call.end_time
    reply, silent = (span for span in told.get_finished_spans() if span.name == "reply")
    assert (reply.start_time, first.end_time <= reply.end_time) == (first.start_time, True)
    assert silent.end_time == silent.start_time, "its beginning is not known"


async def test_the_clients_trace_goes_on_here_and_the_provider_is_told_nothing(
    told: InMemorySpanExporter, traces: Traces
) -> None:
    async with rig(traces=traces) as here:
        headers = {"traceparent": PARENT, "tracestate": "vendor=x,other=y", "baggage": "user=ada"}
        client, line = await here.call(headers=headers)
        assert {name for name in line.headers if name.lower() in (*headers, "baggage")} == set()
        await client.close()
        await over(told)
    call = named(told, "call")
    assert call.context is not None
    assert call.parent is not None
    assert (f"{call.context.trace_id:032x}", f"{call.parent.span_id:016x}") == (TRACE, SPAN)
    assert call.parent.is_remote
    assert dict(call.context.trace_state) == {"vendor": "x", "other": "y"}
    assert {span.context.trace_id for span in told.get_finished_spans() if span.context} == {int(TRACE, 16)}


async def test_whom_the_client_does_not_want_traced_is_not(
    told: InMemorySpanExporter, traces: Traces
) -> None:
    async with rig(traces=traces) as here:
        client, _ = await here.call(headers={"traceparent": PARENT[:-2] + "00"})
        await client.close()
        await until(lambda: not len(here.gateway.switchboard.calls))
    assert told.get_finished_spans() == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": "00-" + "0" * 32 + f"-{SPAN}-01"},
        {"traceparent": "nonsense"},
        {"traceparent": "ff" + PARENT[2:]},
        {"traceparent": PARENT.upper()},
        {"tracestate": "vendor=x"},
    ],
)
async def test_a_trace_that_is_none_is_begun_here(
    headers: dict[str, str], told: InMemorySpanExporter, traces: Traces
) -> None:
    async with rig(traces=traces) as here:
        client, _ = await here.call(headers=headers)
        await client.close()
        await over(told)
    call = named(told, "call")
    assert call.context is not None
    assert (call.parent, dict(call.context.trace_state)) == (None, {})


async def test_who_is_refused_has_a_trace_that_says_with_what(
    told: InMemorySpanExporter, traces: Traces
) -> None:
    async with rig(traces=traces) as here:
        poor = await here.connect(key=POOR_KEY)
        await ending(poor)
        here.books.failures.append(LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "Nobody answered."))
        late = await here.connect(key=KEY)
        await ending(late)
    checks = [one for one in tree(told) if one[0] != "call"]
    assert checks == [
        ("key check", "call", {"refusal": "EXTERNAL_NO_CREDITS"}, ""),
        ("key check", "call", {"refusal": "INTERNAL_LINK_TIMEOUT"}, "INTERNAL_LINK_TIMEOUT"),
    ]
    ends = [(one[2]["end"], one[3]) for one in tree(told) if one[0] == "call"]
    assert ends == [
        ("EXTERNAL_NO_CREDITS", ""),
        ("INTERNAL_LINK_TIMEOUT", "INTERNAL_LINK_TIMEOUT"),
    ]


async def test_a_provider_that_goes_is_a_switch_and_each_dial_is_told(
    told: InMemorySpanExporter, traces: Traces
) -> None:
    async with rig(traces=traces, targets=(Target("up", "*"), Target("other", "o"))) as here:
        client, line = await here.call()
        await client.send(ASK)
        await line.raw()
        await line.say(begun(), AUDIO.decode())
        here.upstream.refuses_with += [lambda connection: connection.respond(503, "busy")] * 3
        line.socket.transport.abort()
        there = await here.other.line()
        await there.say(begun("r9"), done("r9"))
        while (await hear(client))["type"] != "response.done":
            pass
        await client.close()
        await over(told)
    rest = [one for one in tree(told) if one[0] in ("dial", "switch", "reply", "first audio")]
    failed = ("dial", "call", OF_UP, "503")
    there = {"gen_ai.provider.name": "other", "gen_ai.request.model": "o"}
    switch = {"cause": "dropped", "from": "up/m", "to": "other/o"}
    assert [(name, said, error) for name, _, said, error in rest if name == "dial"] == [
        ("dial", OF_UP, ""),
        *[("dial", OF_UP, "503") for one in rest if one == failed],
        ("dial", there, ""),
    ]
    [(_, under, said, error)] = [one for one in rest if one[0] == "switch"]
    dials = sum(one[0] == "dial" for one in rest)
    assert (under, said, error) == ("call", {**switch, "attempts": dials - 1}, "")
    # What was being said was cut off: its sound belongs to no reply that was billed.
    assert [one[0] for one in rest if one[0] in ("reply", "first audio")] == ["reply"]


async def test_without_a_collector_calls_are_not_traced() -> None:
    async with rig() as here:
        client, _ = await here.call(headers={"traceparent": PARENT})
        assert [call.trace for call in here.gateway.switchboard.calls] == [None]
        await client.close()


async def test_a_dial_that_is_given_up_says_so(told: InMemorySpanExporter, traces: Traces) -> None:
    async with rig(traces=traces) as here:
        hold = asyncio.Event()

        async def slow(connection: object) -> None:
            await hold.wait()

        here.upstream.refuses_with.append(slow)
        client = await here.connect()
        await until(lambda: here.upstream.dials == 1)
        await client.close()
        await until(lambda: any(span.name == "dial" for span in told.get_finished_spans()))
        hold.set()
    assert named(told, "dial").attributes == {**OF_UP, "realtime_switch.given_up": True}
