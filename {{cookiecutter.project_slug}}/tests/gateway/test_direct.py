import aiohttp

from {{ cookiecutter.package_name }}.gateway import DirectGateway

from tests.gateway.calls import deployment, permitted_call
from tests.gateway.faults import EVENTS, status, usage
from tests.gateway.outcome import answered, failure
from tests.gateway.upstream import Reply, running
from tests.gateway.wires import Wire


def gateway(address: str, session: aiohttp.ClientSession) -> DirectGateway:
    return DirectGateway(deployment(openai="m", base_url=f"{address}/v1/"), session)


async def test_a_stream_asks_for_its_usage(session: aiohttp.ClientSession) -> None:
    async with running(usage(11, 7)) as upstream:
        await answered(gateway(upstream.address, session), permitted_call(), streamed=True)
    assert upstream.requests[0]["stream_options"] == {"include_usage": True}
    assert "authorization" not in upstream.headers[0]


async def test_counts_in_words_are_no_counts(session: aiohttp.ClientSession) -> None:
    for streamed in (False, True):
        async with running(usage("eleven", True)) as upstream:
            answer = await answered(gateway(upstream.address, session), permitted_call(), streamed=streamed)
        assert answer.usage is None


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
