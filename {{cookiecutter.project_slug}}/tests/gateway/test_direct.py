import aiohttp
import pytest

from {{ cookiecutter.package_name }}.gateway import DirectGateway, Failure

from tests.gateway.calls import both_ways, deployment, permitted_call
from tests.gateway.faults import EVENTS, NOT_A_NUMBER, ODD_USAGES, spoilt, status, usage
from tests.gateway.outcome import answered, failure
from tests.gateway.upstream import Reply, Script, running
from tests.gateway.wires import Wire


def gateway(address: str, session: aiohttp.ClientSession) -> DirectGateway:
    return DirectGateway(deployment(openai="m", base_url=f"{address}/v1/"), session)


async def test_a_stream_asks_for_its_usage(session: aiohttp.ClientSession) -> None:
    async with running(usage(11, 7)) as upstream:
        await answered(gateway(upstream.address, session), permitted_call(), streamed=True)
    assert upstream.requests[0]["stream_options"] == {"include_usage": True}
    assert "authorization" not in upstream.headers[0]


@both_ways
@pytest.mark.parametrize("script", ODD_USAGES.values(), ids=ODD_USAGES)
async def test_counts_that_are_no_whole_numbers_are_no_counts(
    session: aiohttp.ClientSession, script: Script, streamed: bool
) -> None:
    async with running(script) as upstream:
        answer = await answered(gateway(upstream.address, session), permitted_call(), streamed=streamed)
    assert answer.usage is None


@both_ways
async def test_a_number_that_json_does_not_have_is_nonsense(session: aiohttp.ClientSession, streamed: bool) -> None:
    async with running(NOT_A_NUMBER) as upstream:
        failed = await failure(gateway(upstream.address, session), permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure is Failure.NONSENSE


@both_ways
async def test_an_end_with_nothing_before_it_is_nonsense(session: aiohttp.ClientSession, streamed: bool) -> None:
    async with running(spoilt(b"Hello world", b"") if not streamed else nothing_said) as upstream:
        failed = await failure(gateway(upstream.address, session), permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure is Failure.NONSENSE


def nothing_said(wire: Wire, streamed: bool) -> Reply:
    events = wire.events()
    return Reply(headers=EVENTS, pieces=[events[0], *events[3:]])


async def test_the_field_that_a_provider_objects_to_is_named(session: aiohttp.ClientSession) -> None:
    async with running(status(400)) as upstream:
        failed = await failure(gateway(upstream.address, session), permitted_call(), streamed=False)
    assert failed
    assert failed.param == "temperature"


async def test_a_chunk_that_says_nothing_is_empty(session: aiohttp.ClientSession) -> None:
    """So that the chain can tell the role that opens a stream from its first word."""

    def script(wire: Wire, streamed: bool) -> Reply:
        return Reply(headers=EVENTS, pieces=wire.events())

    async with running(script) as upstream:
        chunks = [chunk async for chunk in gateway(upstream.address, session).stream(permitted_call())]
    assert [chunk.delta for chunk in chunks] == [{}, {"content": "Hello "}, {"content": "world"}, {}, {}]
