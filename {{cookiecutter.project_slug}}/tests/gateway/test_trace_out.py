"""Our trace goes on at the provider: each attempt sends a traceparent of its own, by either adapter."""

from {{ cookiecutter.package_name }}.gateway import ChainGateway

from tests.gateway.calls import both_ways, permitted_call
from tests.gateway.chains import FIRST, SECOND, Observed
from tests.gateway.conftest import Adapter
from tests.gateway.faults import status, whole
from tests.gateway.outcome import answered
from tests.gateway.upstream import running
from tests.silence import TELEMETRY


@both_ways
async def test_each_attempt_sends_its_own_span(adapter: Adapter, observed: Observed, streamed: bool) -> None:
    async with running(status(503)) as failing, running(whole) as good:
        chain = observed.chain(adapter(failing.address), adapter(good.address))
        await answered(chain, permitted_call(FIRST, SECOND), streamed=streamed)
    contexts = [span.get_span_context() for span in observed.spans.get_finished_spans()]
    (first,), (second,) = failing.headers, good.headers
    assert [first["traceparent"], second["traceparent"]] == [
        f"00-{one.trace_id:032x}-{one.span_id:016x}-{one.trace_flags:02x}" for one in contexts if one
    ]
    assert "baggage" not in first.keys() | second.keys()


async def test_without_a_trace_nothing_is_sent(adapter: Adapter) -> None:
    async with running(whole) as upstream:
        chain = ChainGateway({"first": adapter(upstream.address)}, TELEMETRY)
        await chain.complete(permitted_call(FIRST))
    assert "traceparent" not in upstream.headers[0]
