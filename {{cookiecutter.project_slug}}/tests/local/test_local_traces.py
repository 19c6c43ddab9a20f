"""The trace sink, fed by the exporter that the service uses."""

import asyncio
import gzip
from typing import Any

from aiohttp import ClientSession
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import StatusCode

from local.stack import Stack
from local.traces import KEPT


async def got(http: ClientSession, url: str) -> Any:
    async with http.get(url) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_exported_spans_can_be_read_back(stack: Stack, http: ClientSession) -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{stack.trace_url}/v1/traces")))
    tracer = provider.get_tracer("tests")
    span = tracer.start_as_current_span
    with span("POST /v1/chat/completions") as root, span("chat local-large") as child:
        child.set_attributes({"gen_ai.usage.input_tokens": 7, "tags": ("a", "b"), "ratio": 0.5, "ok": True})
        child.set_status(StatusCode.ERROR, "late")
    await asyncio.to_thread(provider.shutdown)
    trace_id = f"{root.get_span_context().trace_id:032x}"
    outer, inner = await got(http, f"{stack.trace_url}/traces/{trace_id}")
    assert (outer["name"], outer["parent_id"]) == ("POST /v1/chat/completions", None)
    assert inner["parent_id"] == outer["span_id"] == f"{root.get_span_context().span_id:016x}"
    assert inner["attributes"] == {
        "gen_ai.usage.input_tokens": 7,
        "tags": ["a", "b"],
        "ratio": 0.5,
        "ok": True,
    }
    assert inner["status"] == {"code": "error", "message": "late"}
    assert outer["start_ns"] <= inner["start_ns"] <= inner["end_ns"]
    assert (await got(http, f"{stack.trace_url}/traces?limit=1"))[0]["trace_id"] == trace_id


def export(count: int) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(count):
        spans.add(trace_id=number.to_bytes(16), span_id=b"12345678", name=f"span {number}")
    return bytes(request.SerializeToString())


async def test_oldest_traces_make_room(stack: Stack, http: ClientSession) -> None:
    packed = {"Content-Encoding": "gzip"}
    body = gzip.compress(export(KEPT + 5))
    async with http.post(f"{stack.trace_url}/v1/traces", data=body, headers=packed) as answer:
        assert answer.status == 200
    kept = await got(http, f"{stack.trace_url}/traces?limit=10000")
    assert (len(kept), kept[0]["spans"][0]["name"]) == (KEPT, f"span {KEPT + 4}")
    async with http.get(f"{stack.trace_url}/traces/{0:032x}") as answer:
        assert answer.status == 404


async def test_metrics_and_logs_are_taken_and_dropped(stack: Stack, http: ClientSession) -> None:
    for kind in ("metrics", "logs"):
        async with http.post(f"{stack.trace_url}/v1/{kind}", data=b"anything") as answer:
            assert answer.status == 200


async def test_garbage_is_refused(stack: Stack, http: ClientSession) -> None:
    for headers in ({}, {"Content-Encoding": "gzip"}):
        async with http.post(f"{stack.trace_url}/v1/traces", data=b"garbage", headers=headers) as answer:
            assert answer.status == 400
