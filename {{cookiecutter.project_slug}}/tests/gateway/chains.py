"""A chain of two deployments whose gateways do what a test says, and what is seen of it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from {{ cookiecutter.package_name }}.gateway import (
    Answer,
    AttemptFailed,
    ChainGateway,
    Chunk,
    Failure,
    Gateway,
    PermittedCall,
    ScriptedGateway,
)
from {{ cookiecutter.package_name }}.telemetry import Metrics, Telemetry, names

from tests.gateway.calls import ChatsOnly, deployment, permitted_call
from tests.gateway.outcome import joined

FIRST, SECOND = deployment("first", openai="m", base_url="http://a/v1"), deployment("second", litellm="anthropic/m")


@dataclass
class Paced(ChatsOnly):
    """Each step is a wait in seconds, a chunk, or a failure. `closed` tells that the stream was ended or left."""

    steps: list[float | Chunk | AttemptFailed]
    ready: bool = True
    calls: int = 0
    closed: bool = False

    async def complete(self, call: PermittedCall) -> Answer:
        return joined([chunk async for chunk in self.stream(call)])

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        self.calls += 1
        try:
            for step in self.steps:
                if isinstance(step, Chunk):
                    yield step
                elif isinstance(step, AttemptFailed):
                    raise step
                else:
                    await asyncio.sleep(step)
        finally:
            self.closed = True


@dataclass
class Observed:
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def chain(self, first: Gateway, second: Gateway) -> ChainGateway:
        tracing = TracerProvider(shutdown_on_exit=False)
        tracing.add_span_processor(SimpleSpanProcessor(self.spans))
        metering = MeterProvider([self.reader], shutdown_on_exit=False)
        telemetry = Telemetry(tracing.get_tracer("test"), Metrics(metering.get_meter("test")))
        return ChainGateway({"first": first, "second": second}, telemetry)

    def outcomes(self) -> list[Any]:
        return [(span.attributes or {})[names.OUTCOME] for span in self.spans.get_finished_spans()]


def answering() -> ScriptedGateway:
    return ScriptedGateway("Here you are")


def failing(failure: Failure) -> ScriptedGateway:
    return ScriptedGateway(AttemptFailed(failure))


def said(text: str) -> Chunk:
    return Chunk({"content": text})


def ended() -> Chunk:
    return Chunk({}, "stop")


def attempts(call: PermittedCall[Any]) -> list[tuple[str, str]]:
    return [(attempt.deployment, attempt.outcome) for attempt in call.attempts]


def both(**settings: Any) -> PermittedCall:
    return permitted_call(FIRST, SECOND, **settings)
