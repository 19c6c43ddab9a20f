"""One trace for each request, from the caller's own through identity, policy, commits and attempts."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.propagate import extract

from {{ cookiecutter.package_name }}.telemetry import names, open_telemetry, trace_headers

from tests.gateway.calls import both_ways
from tests.service import Service, Surroundings, running_service
from tests.telemetry.sink import Sink, attributes

CALLER = "00-0123456789abcdef0123456789abcdef-00f067aa0ba902b7-01"
STEPS = ["POST /v1/chat/completions", "identity", "policy", "commit started"]
FIRST, SECOND, END = "chat local-large", "chat local-small", "commit finished"


def outcomes(spans: list[Any]) -> dict[str, Any]:
    return {span.name: attributes(span).get(names.OUTCOME) for span in spans}


@both_ways
async def test_a_request_is_one_trace_and_the_caller_s(traced: Service, sink: Sink, streamed: bool) -> None:
    await traced.upstream.fails_with("500", model="local-large")
    answer = await traced.ask(stream=streamed, headers={"traceparent": CALLER})
    _, trace_id, parent, _ = CALLER.split("-")
    assert trace_id in answer.text
    request, *parts = await sink.whole(trace_id)
    assert [span.name for span in (request, *parts)] == [*STEPS, FIRST, SECOND, END]
    assert request.parent_span_id.hex() == parent
    assert {span.parent_span_id for span in parts} == {request.span_id}
    first, second = attributes(parts[3]), attributes(parts[4])
    assert (first[names.DEPLOYMENT], first[names.OUTCOME], first[names.ERROR_TYPE]) == (
        "first",
        "server_error",
        "server_error",
    )
    assert (second[names.DEPLOYMENT], second[names.OUTCOME], second[names.OPERATION]) == ("second", "answered", "chat")
    assert second[names.INPUT_TOKENS] > 0 < second[names.OUTPUT_TOKENS]


async def test_a_caller_cannot_keep_its_request_out_of_the_traces(traced: Service, sink: Sink) -> None:
    trace_id = CALLER.split("-")[1]
    answer = await traced.ask(headers={"traceparent": CALLER.removesuffix("01") + "00"})
    assert answer.json()["receipt"]["trace_id"] == trace_id
    assert [span.name for span in await sink.whole(trace_id)] == [*STEPS, FIRST, END]


@pytest.mark.parametrize("trace_id", [CALLER.split("-")[1], "1".ljust(31, "0") + "1"])
async def test_a_caller_cannot_have_its_request_traced_where_few_are(
    tmp_path: Path, around: Surroundings, sink: Sink, monkeypatch: pytest.MonkeyPatch, trace_id: str
) -> None:
    """Neither by its flag nor by an id that a ratio would take: the second one's last digits are next to zero."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.000001")
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    async with running_service(tmp_path, around, otel_exporter_otlp_endpoint=sink.url) as service:
        assert (await service.ask(headers=headers)).status_code == 200
    assert sink.received["/v1/traces"] == []  # all that there were have been sent when it ended


async def test_a_trace_ends_where_the_request_was_refused(traced: Service, sink: Sink) -> None:
    headers = {"traceparent": CALLER, "X-Data-Class": "restricted"}
    assert (await traced.ask(headers=headers)).status_code == 403
    spans = await sink.whole(CALLER.split("-")[1])
    assert outcomes(spans) == {STEPS[0]: None, "identity": None, "policy": "data_class_refused"}
    assert attributes(spans[2])[names.DATA_CLASS] == "restricted"


async def test_a_caller_without_a_token_is_a_trace_of_its_own(traced: Service, sink: Sink) -> None:
    await traced.http.get(f"{traced.url}/v1/me", headers={"traceparent": CALLER})
    assert outcomes(await sink.whole(CALLER.split("-")[1])) == {"GET /v1/me": None, "identity": "no_token"}


def test_without_a_collector_a_caller_s_trace_goes_on_and_every_other_is_an_id() -> None:
    with open_telemetry(service="test", version="0", environment="local", otlp=False, metrics_port=None) as telemetry:
        own = telemetry.tracer.start_span("request", context=Context())
        asked = telemetry.tracer.start_span("request", context=extract({"traceparent": CALLER}, Context()))
    assert trace_headers(own)["traceparent"].startswith(f"00-{own.get_span_context().trace_id:032x}-")
    assert trace_headers(asked)["traceparent"].startswith(CALLER[: len("00-") + 32])
    assert (own.is_recording(), asked.is_recording()) == (False, True)
    assert [one.get_span_context().trace_flags.sampled for one in (own, asked)] == [False, True]
