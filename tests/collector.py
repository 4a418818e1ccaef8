"""A collector of traces on loopback: OTLP over HTTP, as its protobuf says."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """What it was sent: `bodies` as it came, `spans` by name with their attributes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: set[str] = set()
        self.status = 200
        self.says = ExportTraceServiceResponse().SerializeToString()
        self.url = ""
        self.open = threading.Event()  # closed, it takes its time
        self.open.set()

    @property
    def _resources(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [resource for request in requests for resource in request.resource_spans]

    @property
    def spans(self) -> list[Any]:
        return [s for resource in self._resources for scope in resource.scope_spans for s in scope.spans]

    @property
    def services(self) -> set[tuple[str, str]]:
        """Who sent them: service.name and which process."""
        told = [{one.key: one.value.string_value for one in r.resource.attributes} for r in self._resources]
        return {(one["service.name"], one["realtime_switch.part"]) for one in told}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    here = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.open.wait(30)
            here.headers.append({name.lower(): value for name, value in self.headers.items()})
            here.paths.add(self.path)
            if here.status == 200:
                here.bodies.append(body)
            self.send_response(here.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(here.says)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(here.says)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield here
    finally:
        here.open.set()
        server.shutdown()
        server.server_close()
        serving.join()
