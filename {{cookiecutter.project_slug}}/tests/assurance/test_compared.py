"""`--route … --against …`, the baseline and what is exported: the whole command, against a running service."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assurance.evals.run import main
from local.loopback import listen, serving
from local.stack import Stack, local_stack
from tests.assurance.test_evals import options
from tests.assurance.written import case
from tests.service import Service, Surroundings, deployment, running_service


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with local_stack() as running:
        yield running


@pytest.fixture
async def service(tmp_path: Path, around: Surroundings, stack: Stack) -> AsyncIterator[Service]:
    models = {
        "deployments": {
            "first": deployment(around.upstream.url),
            "cheap": deployment(
                around.upstream.url, openai="local-small", price={"input_per_million": 0.1, "output_per_million": 0.1}
            ),
        },
        "routes": {"assistant": {"try": ["first"]}, "candidate": {"try": ["cheap"]}},
    }
    async with running_service(
        tmp_path / "service",
        around,
        changes={"models": models},
        oidc_issuer=stack.issuer,
        oidc_audience=stack.audience,
    ) as running:
        yield running


async def run(service: Service, stack: Stack, folder: Path, content: dict[str, Any], *more: str) -> int:
    return await asyncio.to_thread(main, [*options(service, stack, folder, content), *more])


def latest(folder: Path) -> Any:
    return json.loads((folder / "latest.json").read_text(encoding="utf-8"))


async def test_two_models_are_asked_the_same_and_compared(
    service: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    words = ("--route", "candidate", "--against", "assistant", "--repeats", "2")
    assert await run(service, stack, folder, case("Is it raining?"), *words) == 0
    said = capsys.readouterr().out
    assert "candidate against assistant, over 1 case that" in said
    assert "passed, some: 100% of 2 -> 100% of 2, may be chance" in said
    assert ", less (-$" in said
    found = latest(folder / "reports" / "compared")
    assert (found["deployments"], found["verdicts"][0]["rows"][0]["model"]) == (["cheap"], "candidate")
    asked = [record["model"] for record in service.records("started")]
    assert sorted(asked) == ["assistant"] * 2 + ["candidate"] * 2
    page = (folder / "reports" / "compared" / "report.html").read_text(encoding="utf-8")
    assert "Candidate against assistant" in page


async def test_a_route_alone_is_asked_only_its_own_cases(
    service: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = case()
    content["cases"].append({**content["cases"][0], "name": "other", "inputs": {"model": "candidate", "ask": "Is it?"}})
    assert await run(service, stack, tmp_path / "one", content, "--route", "candidate") == 0
    assert [record["model"] for record in service.records("started")] == ["candidate"]
    assert await run(service, stack, tmp_path / "none", case(), "--route", "candidate") == 2
    assert "No case asks candidate" in capsys.readouterr().err


async def test_a_baseline_is_written_by_accept_alone_and_the_next_run_is_held_against_it(
    service: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, kept = tmp_path / "run", tmp_path / "run" / "baselines"
    content = case()
    content["cases"] = [{**content["cases"][0], "name": f"case {number}"} for number in range(6)]
    assert await run(service, stack, folder, content) == 0
    assert "No baseline of first yet" in capsys.readouterr().out
    assert not kept.exists()
    assert await run(service, stack, folder, content, "--accept") == 0
    baseline = json.loads((kept / "first.json").read_text(encoding="utf-8"))
    assert {"at", "code", "prompts", "url", "repeats", "judge"} == set(baseline["about"])

    for one in content["cases"]:
        one["evaluators"] = [{"Says": ["what nobody says"]}]
    capsys.readouterr()
    assert await run(service, stack, folder, content) == 1
    assert "CLEARLY WORSE than the baseline of" in capsys.readouterr().out
    assert latest(folder / "reports")["drops"] == ["passed, some"]


class Collector:
    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self._keep, methods=["POST"])])

    async def _keep(self, request: Request) -> Response:
        self.bodies[request.url.path] = await request.body()
        return Response(media_type="application/x-protobuf")


async def test_scores_are_exported_and_no_word_of_what_was_said(
    service: Service, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    content = case("Is it heliotrope?", evaluators=[{"Says": ["it"]}, {"Says": ["heliotropes"]}, {"DoesNotSay": ["x"]}])
    async with serving(collector.app, listen(0, "PORT")) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "svc")
        assert await run(service, stack, tmp_path / "run", content) == 1
    assert not any(b"heliotrope" in body for body in collector.bodies.values())
    metrics = ExportMetricsServiceRequest.FromString(collector.bodies["/v1/metrics"])
    (resource,) = metrics.resource_metrics
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "svc"
    (gauge,) = resource.scope_metrics[0].metrics
    scores = {told(point)["app.evaluator"]: point.as_double for point in gauge.gauge.data_points}
    assert (gauge.name, scores) == ("app.evaluation.score", {"all": 0.0, "Says": 0.0, "DoesNotSay": 1.0})
    logs = ExportLogsServiceRequest.FromString(collector.bodies["/v1/logs"])
    records = logs.resource_logs[0].scope_logs[0].log_records
    assert {record.event_name for record in records} == {"gen_ai.evaluation.result"}
    (started,) = service.records("started")
    assert {told(record)["gen_ai.response.id"] for record in records} == {f"chatcmpl-{started['call_id']}"}


def told(point: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in point.attributes}


async def test_a_collector_that_is_away_fails_nothing(
    service: Service, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert await run(service, stack, tmp_path / "run", case()) == 0
