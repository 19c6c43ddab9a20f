"""A collector: keeps what the exporters send, byte for byte, and reads the spans in it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.loopback import listen, serving


class Sink:
    def __init__(self) -> None:
        self.received: dict[str, list[bytes]] = {"/v1/traces": [], "/v1/metrics": []}
        self.app = Starlette(routes=[Route(path, self._take, methods=["POST"]) for path in self.received])
        self.url = ""

    async def _take(self, request: Request) -> Response:
        self.received[request.url.path].append(await request.body())
        return Response(media_type="application/x-protobuf")

    def spans(self, trace_id: str) -> list[Any]:
        """In the order of their start."""
        exports = [ExportTraceServiceRequest.FromString(body) for body in self.received["/v1/traces"]]
        found = [
            span
            for export in exports
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.trace_id.hex() == trace_id
        ]
        return sorted(found, key=lambda span: int(span.start_time_unix_nano))

    async def whole(self, trace_id: str) -> list[Any]:
        """The trace's spans once that of the request itself, which ends last, is among them."""
        end = time.monotonic() + 10
        while not any(span.name.startswith(("POST", "GET")) for span in self.spans(trace_id)):
            assert time.monotonic() < end, "the trace has not arrived"
            await asyncio.sleep(0.05)
        return self.spans(trace_id)


def attributes(span: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


@asynccontextmanager
async def running_sink() -> AsyncIterator[Sink]:
    sink = Sink()
    async with serving(sink.app, listen(0, "PORT")) as sink.url:
        yield sink
