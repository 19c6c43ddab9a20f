"""The local trace sink: takes OTLP over HTTP and shows what arrived, span by span."""

import gzip
import itertools
from collections import OrderedDict
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from local.loopback import guarded

KEPT = 2_000


class _Sink:
    def __init__(self) -> None:
        self._traces: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        try:
            if request.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            export = ExportTraceServiceRequest.FromString(body)
        except (DecodeError, OSError, EOFError) as fault:
            return JSONResponse({"error": f"Not a protobuf export of traces: {fault}"}, 400)
        for resource in export.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self._traces.setdefault(span.trace_id.hex(), []).append(_shown(span))
        while len(self._traces) > KEPT:
            self._traces.popitem(last=False)
        return Response(media_type="application/x-protobuf")

    async def drop(self, _request: Request) -> Response:
        return Response(media_type="application/x-protobuf")

    async def trace(self, request: Request) -> Response:
        spans = self._traces.get(request.path_params["trace_id"])
        if spans is None:
            return JSONResponse({"error": "No such trace has arrived."}, 404)
        return JSONResponse(sorted(spans, key=lambda span: int(span["start_ns"])))

    async def latest(self, request: Request) -> Response:
        limit = int(request.query_params.get("limit", "20"))
        newest = itertools.islice(reversed(self._traces.items()), limit)
        return JSONResponse([{"trace_id": name, "spans": spans} for name, spans in newest])


def _shown(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex() or None,
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano,
        "attributes": {pair.key: _value(pair.value) for pair in span.attributes},
        "status": {"code": ("unset", "ok", "error")[span.status.code], "message": span.status.message},
    }


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return value.bytes_value.hex()
    return getattr(value, kind)


def trace_sink() -> ASGIApp:
    sink = _Sink()
    return guarded(
        Starlette(
            routes=[
                Route("/v1/traces", sink.receive, methods=["POST"]),
                Route("/v1/metrics", sink.drop, methods=["POST"]),
                Route("/v1/logs", sink.drop, methods=["POST"]),
                Route("/traces", sink.latest),
                Route("/traces/{trace_id}", sink.trace),
            ]
        )
    )
