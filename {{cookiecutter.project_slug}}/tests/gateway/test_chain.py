import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from {{ cookiecutter.package_name }}.errors import ServiceError, UpstreamInvalid, UpstreamUnavailable
from {{ cookiecutter.package_name }}.gateway import (
    Answer,
    AttemptFailed,
    Chunk,
    Failure,
    PermittedCall,
    ScriptedGateway,
)
from {{ cookiecutter.package_name }}.telemetry import names

from tests.gateway.calls import both_ways, permitted_call
from tests.gateway.chains import FIRST, SECOND, Observed, Paced, answering, attempts, both, failing, said
from tests.gateway.outcome import answered

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
        assert (await answered(chain, call, streamed=streamed)).message["content"].strip() == "Here you are"
        assert attempts(call) == [("first", failure.label), ("second", "answered")]
    else:
        with pytest.raises(ServiceError) as raised:
            await answered(chain, call, streamed=streamed)
        assert raised.value.status == 400
        assert attempts(call) == [("first", failure.label)]
        assert second.calls == []


@both_ways
async def test_the_order_is_the_permit_s(observed: Observed, streamed: bool) -> None:
    call = permitted_call(SECOND, FIRST)
    await answered(observed.chain(answering(), answering()), call, streamed=streamed)
    assert attempts(call) == [("second", "answered")]


@both_ways
async def test_only_permitted_deployments_are_asked(observed: Observed, streamed: bool) -> None:
    second, route = answering(), both()
    call = replace(route, permit=replace(route.permit, deployments=(FIRST,)))
    with pytest.raises(UpstreamUnavailable):
        await answered(observed.chain(failing(Failure.SERVER_ERROR), second), call, streamed=streamed)
    assert second.calls == []


@both_ways
async def test_the_last_failure_is_what_the_caller_gets(observed: Observed, streamed: bool) -> None:
    chain = observed.chain(failing(Failure.CONNECTION), failing(Failure.REDIRECT))
    with pytest.raises(UpstreamInvalid) as raised:
        await answered(chain, both(), streamed=streamed)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


async def test_after_the_first_chunk_nobody_else_is_asked(observed: Observed) -> None:
    second, call = answering(), both()
    with pytest.raises(UpstreamInvalid):
        await answered(observed.chain(Paced([said("half"), AttemptFailed(Failure.CUT)]), second), call, streamed=True)
    assert second.calls == []
    assert attempts(call) == [("first", "cut")]


async def test_a_chunk_that_says_nothing_does_not_count_as_the_first(observed: Observed) -> None:
    call = both()
    first = Paced([Chunk({}), AttemptFailed(Failure.CUT)])
    chunks = [chunk async for chunk in observed.chain(first, answering()).stream(call)]
    assert attempts(call) == [("first", "cut"), ("second", "answered")]
    assert Chunk({}) not in chunks


async def test_each_attempt_has_a_span_and_a_duration(observed: Observed) -> None:
    await answered(observed.chain(failing(Failure.RATE_LIMITED), answering()), both(), streamed=True)
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
    await answered(chain, call, streamed=False)
    assert attempts(call) == [("first", "not_loaded"), ("second", "answered")]
    assert loading.calls == 0


@both_ways
async def test_a_deployment_that_keeps_failing_is_left_alone(observed: Observed, streamed: bool) -> None:
    first = failing(Failure.CONNECTION)
    chain = observed.chain(first, answering())
    for _ in range(5):
        await answered(chain, both(), streamed=streamed)
    assert chain.failing() == ["first"]
    call = both()
    await answered(chain, call, streamed=streamed)
    assert attempts(call) == [("first", "left_alone"), ("second", "answered")]
    assert len(first.calls) == 5


async def test_refused_requests_do_not_count_as_failing(observed: Observed) -> None:
    chain = observed.chain(failing(Failure.BAD_REQUEST), answering())
    for _ in range(10):
        with pytest.raises(ServiceError):
            await chain.complete(both())
    assert chain.failing() == []


@both_ways
async def test_a_bad_request_does_not_use_up_the_one_try_of_a_deployment_that_failed(
    observed: Observed, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    monkeypatch.setattr("{{ cookiecutter.package_name }}.gateway.breaker.time.monotonic", lambda: clock)
    first = ScriptedGateway(*[AttemptFailed(Failure.CONNECTION)] * 5, AttemptFailed(Failure.BAD_REQUEST), "I am back")
    chain = observed.chain(first, answering())
    for _ in range(5):
        await answered(chain, both(), streamed=streamed)
    clock = 21.0
    with pytest.raises(ServiceError):
        await answered(chain, both(), streamed=streamed)
    call = both()
    await answered(chain, call, streamed=streamed)
    assert attempts(call) == [("first", "answered")]


async def test_who_asked_before_it_was_left_alone_and_then_leaves_lets_nobody_try_it(observed: Observed) -> None:
    waits, call = asyncio.Event(), both()
    first = ScriptedGateway(*[AttemptFailed(Failure.CONNECTION)] * 5)
    chain = observed.chain(first, answering())

    async def hangs(_: PermittedCall) -> Answer:
        await waits.wait()
        raise AssertionError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(first, "complete", hangs)
        early = asyncio.create_task(chain.complete(both()))
        await asyncio.sleep(0)
    for _ in range(5):
        await chain.complete(both())
    early.cancel()
    with suppress(asyncio.CancelledError):
        await early
    await chain.complete(call)
    assert attempts(call) == [("first", "left_alone"), ("second", "answered")]
