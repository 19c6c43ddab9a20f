import aiohttp
import pytest

from {{ cookiecutter.package_name }}.gateway import DirectGateway, Usage

from tests.gateway.calls import deployment, permitted_call
from tests.gateway.faults import FAULTS, USAGES
from tests.gateway.outcome import answered, failure
from tests.gateway.upstream import running


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_has_its_name(session: aiohttp.ClientSession, name: str, streamed: bool) -> None:
    fault = FAULTS[name]
    async with running(fault.script) as upstream:
        gateway = DirectGateway(deployment(openai="m", base_url=f"{upstream.address}/v1"), session)
        failed = await failure(gateway, permitted_call(), streamed=streamed)
    assert (failed and failed.failure) is (fault.streamed if streamed else fault.plain)
