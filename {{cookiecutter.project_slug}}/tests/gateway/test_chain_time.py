import asyncio
import time
from contextlib import aclosing

import pytest

from {{ cookiecutter.package_name }}.errors import DeadlineExceeded, UpstreamUnavailable
from {{ cookiecutter.package_name }}.gateway import AttemptFailed, ChainGateway, Chunk, Failure

from tests.gateway.calls import both_ways
from tests.gateway.chains import Observed, Paced, answering, attempts, both, ended, said
from tests.gateway.outcome import answered
from tests.scripted_clock import played
from tests.silence import TELEMETRY


@both_ways
async def test_a_deployment_that_hangs_leaves_the_next_one_half_of_the_time(observed: Observed, streamed: bool) -> None:
    call = both(seconds=0.4)
    begun = time.monotonic()
    await answered(observed.chain(Paced([60]), answering()), call, streamed=streamed)
    assert 0.15 < time.monotonic() - begun < 0.35
    assert attempts(call) == [("first", "timeout"), ("second", "answered")]


async def test_signs_of_life_do_not_buy_more_than_half_of_the_time(observed: Observed) -> None:
    call = both(seconds=0.4)
    await answered(observed.chain(Paced([0.01, Chunk({})] * 1000), answering()), call, streamed=True)
    assert attempts(call) == [("first", "timeout"), ("second", "answered")]


async def test_a_first_chunk_has_its_own_time(observed: Observed) -> None:
    call = both(first_token=0.1)
    first = Paced([60])
    await answered(observed.chain(first, answering()), call, streamed=True)
    assert attempts(call) == [("first", "timeout"), ("second", "answered")]
    assert first.closed


@both_ways
async def test_the_deadline_holds_over_all_attempts(observed: Observed, streamed: bool) -> None:
    call = both(seconds=0.3)
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"first: timeout, second: timeout"):
        await answered(observed.chain(Paced([60]), Paced([60])), call, streamed=streamed)
    assert 0.25 < time.monotonic() - begun < 0.6


async def test_the_deadline_ends_a_stream_that_keeps_coming(observed: Observed) -> None:
    call = both(seconds=0.3)
    with pytest.raises(DeadlineExceeded):
        await answered(observed.chain(Paced([0.02, said("x")] * 1000), answering()), call, streamed=True)
    assert attempts(call) == [("first", "timeout")]


async def test_nothing_is_asked_when_the_time_is_over(observed: Observed) -> None:
    first, call = answering(), both(seconds=0)
    with pytest.raises(DeadlineExceeded):
        await answered(observed.chain(first, answering()), call, streamed=False)
    assert first.calls == []


async def test_a_gap_in_a_stream_ends_it(observed: Observed) -> None:
    second, call, begun = answering(), both(gap=0.1), time.monotonic()
    chunks = observed.chain(Paced([said("half"), 60]), second).stream(call)
    assert (await anext(chunks)).delta == {"content": "half"}
    with pytest.raises(UpstreamUnavailable):
        await anext(chunks)
    assert time.monotonic() - begun < 1
    assert second.calls == []


async def test_later_chunks_have_their_own_time(observed: Observed) -> None:
    call = both(first_token=0.1)
    await answered(observed.chain(Paced([said("a"), 0.2, said("b"), ended()]), answering()), call, streamed=True)
    assert attempts(call) == [("first", "answered")]


async def test_a_slow_reader_costs_the_provider_nothing(observed: Observed) -> None:
    """No timer of ours runs while a chunk is with the caller, and none fires in the caller's code."""
    call = both(first_token=0.05, gap=0.05)
    async for _ in observed.chain(Paced([said("a"), said("b"), ended()]), answering()).stream(call):
        await asyncio.sleep(0.1)
    assert attempts(call) == [("first", "answered")]


@both_ways
async def test_a_cancelled_call_tells_how_far_it_came(observed: Observed, streamed: bool) -> None:
    first, call = Paced([60]), both()
    task = asyncio.create_task(answered(observed.chain(first, answering()), call, streamed=streamed))
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


def test_a_short_wish_of_the_caller_does_not_count_as_failing() -> None:
    async def scene() -> list[str]:
        chain = ChainGateway({"first": Paced([60]), "second": answering()}, TELEMETRY)
        for _ in range(6):
            await chain.complete(both(seconds=2))
        return chain.failing()

    assert played(scene()) == []


def test_a_slow_reader_does_not_count_as_failing_either() -> None:
    async def scene() -> tuple[list[str], int]:
        late, first = 0, Paced([said("a"), said("b"), ended()])
        chain = ChainGateway({"first": first, "second": answering()}, TELEMETRY)
        for _ in range(6):
            try:
                async for _ in chain.stream(both(seconds=10, first_token=5)):
                    await asyncio.sleep(10)
            except DeadlineExceeded:
                late += 1
        return chain.failing(), late

    assert played(scene()) == ([], 6)


async def test_an_answer_whose_counts_never_come_is_whole_all_the_same(observed: Observed) -> None:
    call = both(gap=0.1)
    answer = await answered(observed.chain(Paced([said("a"), ended(), 60]), answering()), call, streamed=True)
    assert (answer.message["content"], answer.finish_reason, answer.usage) == ("a", "stop", None)
    assert attempts(call) == [("first", "answered")]


def test_what_is_too_short_for_two_is_given_to_one() -> None:
    async def scene() -> list[tuple[str, str]]:
        call = both(seconds=0.095)
        chain = ChainGateway({"first": Paced([0.05, said("a"), ended()]), "second": answering()}, TELEMETRY)
        await answered(chain, call, streamed=True)
        return attempts(call)

    assert played(scene()) == [("first", "answered")]


def test_after_its_pause_a_failing_deployment_is_tried_by_one_request_of_many() -> None:
    async def scene() -> tuple[int, int, int]:
        first = Paced([1.0, AttemptFailed(Failure.SERVER_ERROR)])
        chain = ChainGateway({"first": first, "second": answering()}, TELEMETRY)
        for _ in range(5):
            await chain.complete(both())
        await asyncio.gather(*(chain.complete(both()) for _ in range(20)))
        left_alone = first.calls
        await asyncio.sleep(20)
        await asyncio.gather(*(chain.complete(both()) for _ in range(20)))
        tried = first.calls
        first.steps = [1.0, said("well again"), ended()]
        await asyncio.sleep(20)
        await asyncio.gather(*(chain.complete(both()) for _ in range(20)))
        await chain.complete(both())
        return left_alone, tried, first.calls

    assert played(scene()) == (5, 6, 8)
