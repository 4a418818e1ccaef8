"""A connect says over the link whose trace it is part of; the business process traces its own part."""

import contextlib
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from link_ends import GRANT, Notebook, a_client, a_server, an_address
from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.link import envelope
from realtime_switch.link.client import LinkClient
from realtime_switch.traces import Traces

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_the_business_process_hears_whose_trace_a_connect_is_part_of() -> None:
    lasting: list[tuple[str, str, str]] = []

    @contextlib.contextmanager
    def traced(verb: str, parent: str) -> Iterator[None]:
        lasting.append(("begins", verb, parent))
        yield
        lasting.append(("ends", verb, parent))

    with an_address() as address:
        async with a_server(address, Notebook(), traced=traced):
            client = LinkClient(address, timeout_ms=20_000, traceparent=lambda: PARENT)
            await client.start()
            assert await client.validate_and_load("abc", "s1") == GRANT
            assert await client.get_credits("a1") == 42
            await client.close()
            async with a_client(address) as untraced:
                assert await untraced.validate_and_load("abc", "s1") == GRANT
    one = "validate_and_load"
    assert lasting == [(when, one, whose) for whose in (PARENT, "") for when in ("begins", "ends")]


def test_who_does_not_trace_sends_what_older_releases_send() -> None:
    asked = envelope.ValidateAndLoad(id=1, key_hash="abc", session_id="s1")
    assert b"traceparent" not in envelope.encode(asked)
    assert envelope.decode_request(envelope.encode(asked)) == asked


def test_a_verb_is_a_span_under_its_parent_with_the_code_of_what_went_wrong() -> None:
    told = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    traces = Traces(provider)
    with traces.verb("validate_and_load", ""):
        pass
    with pytest.raises(StorageError), traces.verb("validate_and_load", PARENT):
        raise StorageError(ErrorCode.INTERNAL_DATABASE_BUSY, "Somebody else writes.")
    [span] = told.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    parent = f"00-{span.context.trace_id:032x}-{span.parent.span_id:016x}-01"
    assert (span.name, parent, span.status.description) == (
        "validate_and_load",
        PARENT,
        "INTERNAL_DATABASE_BUSY",
    )
    assert span.events == ()
