import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from {{ cookiecutter.package_name }}.errors import (
    DeadlineExceeded,
    ServiceError,
    UpstreamInvalid,
    UpstreamUnavailable,
)
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
from {{ cookiecutter.package_name }}.gateway.breaker import Breaker
from {{ cookiecutter.package_name }}.telemetry import Metrics, Telemetry, names

from tests.gateway.calls import deployment, permitted_call
from tests.gateway.outcome import joined

# The whole table. What may not fall back was refused for what it says, and would be paid for twice.
FALLS_BACK = {
    Failure.RATE_LIMITED: True,
    Failure.SERVER_ERROR: True,
    Failure.CONNECTION: True,
    Failure.TIMEOUT: True,
    Failure.NOT_LOADED: True,
    Failure.OPEN: True,
    Failure.NONSENSE: True,
    Failure.CUT: True,
    Failure.REDIRECT: True,
    Failure.OUR_FAULT: True,
    Failure.BAD_REQUEST: False,
    Failure.UNSUPPORTED: False,
    Failure.CONTEXT_LENGTH: False,
    Failure.CONTENT_FILTER: False,
}
FIRST, SECOND = deployment("first", openai="m", base_url="http://a/v1"), deployment("second", litellm="anthropic/m")
both_ways = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


@dataclass
class Paced:
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


@pytest.fixture
def observed() -> Observed:
    return Observed()


def answering() -> ScriptedGateway:
    return ScriptedGateway("Here you are")


def failing(failure: Failure) -> ScriptedGateway:
    return ScriptedGateway(AttemptFailed(failure))


def said(text: str) -> Chunk:
    return Chunk({"content": text})


def ended() -> Chunk:
    return Chunk({}, "stop")


async def asked(chain: ChainGateway, call: PermittedCall, streamed: bool) -> Answer:
    if not streamed:
        return await chain.complete(call)
    return joined([chunk async for chunk in chain.stream(call)])


def attempts(call: PermittedCall) -> list[tuple[str, str]]:
    return [(attempt.deployment, attempt.outcome) for attempt in call.attempts]


def both(**settings: Any) -> PermittedCall:
    return permitted_call(FIRST, SECOND, **settings)


def test_the_table_is_complete() -> None:
    assert set(FALLS_BACK) == set(Failure)


@both_ways
@pytest.mark.parametrize("failure", FALLS_BACK, ids=lambda failure: failure.name)
async def test_the_next_deployment_is_asked_where_the_table_says_so(
    observed: Observed, failure: Failure, streamed: bool
) -> None:
    first, second, call = failing(failure), answering(), both()
    chain = observed.chain(first, second)
    if FALLS_BACK[failure]:
        assert (await asked(chain, call, streamed)).message["content"].strip() == "Here you are"
        assert attempts(call) == [("first", failure.label), ("second", "answered")]
    else:
        with pytest.raises(ServiceError) as raised:
            await asked(chain, call, streamed)
        assert raised.value.status == 400
        assert attempts(call) == [("first", failure.label)]
        assert second.calls == []


@both_ways
async def test_the_order_is_the_permit_s(observed: Observed, streamed: bool) -> None:
    call = permitted_call(SECOND, FIRST)
    await asked(observed.chain(answering(), answering()), call, streamed)
    assert attempts(call) == [("second", "answered")]


@both_ways
async def test_only_permitted_deployments_are_asked(observed: Observed, streamed: bool) -> None:
    second, call = answering(), permitted_call(FIRST)
    with pytest.raises(UpstreamUnavailable):
        await asked(observed.chain(failing(Failure.SERVER_ERROR), second), call, streamed)
    assert second.calls == []


@both_ways
async def test_the_last_failure_is_what_the_caller_gets(observed: Observed, streamed: bool) -> None:
    chain = observed.chain(failing(Failure.CONNECTION), failing(Failure.REDIRECT))
    with pytest.raises(UpstreamInvalid) as raised:
        await asked(chain, both(), streamed)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@both_ways
async def test_a_deployment_that_hangs_leaves_the_next_one_half_of_the_time(observed: Observed, streamed: bool) -> None:
    call = both(seconds=0.4)
    begun = time.monotonic()
    await asked(observed.chain(Paced([60]), answering()), call, streamed)
    assert 0.15 < time.monotonic() - begun < 0.35
    assert attempts(call) == [("first", "timeout"), ("second", "answered")]


async def test_signs_of_life_do_not_buy_more_than_half_of_the_time(observed: Observed) -> None:
    call = both(seconds=0.4)
    await asked(observed.chain(Paced([0.01, Chunk({})] * 1000), answering()), call, True)
    assert attempts(call) == [("first", "timeout"), ("second", "answered")]


async def test_a_first_chunk_has_its_own_time(observed: Observed) -> None:
    call = both(first_token=0.1)
    first = Paced([60])
    await asked(observed.chain(first, answering()), call, True)
    assert attempts(call) == [("first", "timeout"), ("second", "answered")]
    assert first.closed


@both_ways
async def test_the_deadline_holds_over_all_attempts(observed: Observed, streamed: bool) -> None:
    call = both(seconds=0.3)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"first: timeout, second: timeout"):
        await asked(observed.chain(Paced([60]), Paced([60])), call, streamed)
    assert 0.25 < time.monotonic() - begun < 0.6


async def test_the_deadline_ends_a_stream_that_keeps_coming(observed: Observed) -> None:
    call = both(seconds=0.3)
    with pytest.raises(DeadlineExceeded):
        await asked(observed.chain(Paced([0.02, said("x")] * 1000), answering()), call, True)
    assert attempts(call) == [("first", "timeout")]


async def test_nothing_is_asked_when_the_time_is_over(observed: Observed) -> None:
    first, call = answering(), both(seconds=0)
    with pytest.raises(DeadlineExceeded):
        await asked(observed.chain(first, answering()), call, False)
    assert first.calls == []


async def test_a_gap_in_a_stream_ends_it(observed: Observed) -> None:
    second, call = answering(), both(gap=0.1)
    chunks = observed.chain(Paced([said("half"), 60]), second).stream(call)
    assert (await anext(chunks)).delta == {"content": "half"}
    with pytest.raises(UpstreamUnavailable):
        await anext(chunks)
    assert second.calls == []


async def test_after_the_first_chunk_nobody_else_is_asked(observed: Observed) -> None:
    second, call = answering(), both()
    with pytest.raises(UpstreamInvalid):
        await asked(observed.chain(Paced([said("half"), AttemptFailed(Failure.CUT)]), second), call, True)
    assert second.calls == []
    assert attempts(call) == [("first", "cut")]


async def test_a_chunk_that_says_nothing_does_not_count_as_the_first(observed: Observed) -> None:
    call = both()
    first = Paced([Chunk({}), AttemptFailed(Failure.CUT)])
    chunks = [chunk async for chunk in observed.chain(first, answering()).stream(call)]
    assert attempts(call) == [("first", "cut"), ("second", "answered")]
    assert Chunk({}) not in chunks


async def test_a_slow_reader_costs_the_provider_nothing(observed: Observed) -> None:
    """No timer of ours runs while a chunk is with the caller, and none fires in the caller's code."""
    call = both(first_token=0.05, gap=0.05)
    async for _ in observed.chain(Paced([said("a"), said("b"), ended()]), answering()).stream(call):
        await asyncio.sleep(0.1)
    assert attempts(call) == [("first", "answered")]


@both_ways
async def test_a_cancelled_call_tells_how_far_it_came(observed: Observed, streamed: bool) -> None:
    first, call = Paced([60]), both()
    task = asyncio.create_task(asked(observed.chain(first, answering()), call, streamed))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert attempts(call) == [("first", "abandoned")]
    assert observed.outcomes() == ["abandoned"]
    assert first.closed


async def test_a_stream_that_is_left_is_closed_at_once(observed: Observed) -> None:
    first, call = Paced([said("a"), said("b"), ended()]), both()
    async with aclosing(observed.chain(first, answering()).stream(call)) as chunks:
        assert await anext(chunks)
    assert first.closed
    assert attempts(call) == [("first", "abandoned")]
    assert observed.outcomes() == ["abandoned"]


async def test_each_attempt_has_a_span_and_a_duration(observed: Observed) -> None:
    await asked(observed.chain(failing(Failure.RATE_LIMITED), answering()), both(), True)
    assert observed.outcomes() == ["rate_limited", "answered"]
    first, second = observed.spans.get_finished_spans()
    assert (first.name, second.name) == ("chat m", "chat anthropic/m")
    assert not first.status.is_ok
    assert {names.METRIC_ATTEMPT_DURATION, names.METRIC_FIRST_CHUNK} <= measured(observed.reader)


def measured(reader: InMemoryMetricReader) -> set[str]:
    data = reader.get_metrics_data()
    assert data
    return {
        metric.name
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


async def test_a_deployment_whose_adapter_is_loading_is_passed_over(observed: Observed) -> None:
    loading, call = Paced([], ready=False), both()
    chain = observed.chain(loading, answering())
    assert not chain.ready
    assert chain.serves(SECOND)
    assert not chain.serves(FIRST)
    await asked(chain, call, False)
    assert attempts(call) == [("first", "not_loaded"), ("second", "answered")]
    assert loading.calls == 0


@both_ways
async def test_a_deployment_that_keeps_failing_is_left_alone(observed: Observed, streamed: bool) -> None:
    first = failing(Failure.CONNECTION)
    chain = observed.chain(first, answering())
    for _ in range(5):
        await asked(chain, both(), streamed)
    assert chain.failing() == ["first"]
    call = both()
    await asked(chain, call, streamed)
    assert attempts(call) == [("first", "left_alone"), ("second", "answered")]
    assert len(first.calls) == 5


async def test_refused_requests_do_not_count_as_failing(observed: Observed) -> None:
    chain = observed.chain(failing(Failure.BAD_REQUEST), answering())
    for _ in range(10):
        with pytest.raises(ServiceError):
            await chain.complete(both())
    assert chain.failing() == []


async def test_a_short_wish_of_the_caller_does_not_count_as_failing(observed: Observed) -> None:
    chain = observed.chain(Paced([60]), answering())
    for _ in range(6):
        await chain.complete(both(seconds=0.04))
    assert chain.failing() == []


class TestBreaker:
    def test_one_request_tries_after_the_pause(self) -> None:
        breaker = Breaker(failures=2, pause=0.05)
        breaker.failed()
        assert breaker.admits()
        breaker.failed()
        assert not breaker.admits()
        time.sleep(0.06)
        assert [breaker.admits(), breaker.admits()] == [True, False]

    def test_an_answer_closes_it(self) -> None:
        breaker = Breaker(failures=1, pause=60)
        breaker.failed()
        assert breaker.open
        breaker.succeeded()
        assert breaker.admits()
        assert not breaker.open
