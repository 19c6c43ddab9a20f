from collections.abc import AsyncIterator

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.identity import IssuerKeys

from local.loopback import listen, serving
from tests.identity.clock import Clock
from tests.identity.forge import Canary, Forge, new_forge
from tests.issuer import Issuer
from tests.service import Service, Surroundings, running_service


@pytest.fixture(scope="module")
async def forge(served_once: Surroundings) -> AsyncIterator[Forge]:
    await served_once.reset()
    canary = Canary()
    async with serving(canary.app, listen(0, "PORT")) as url:
        canary.url = url
        yield new_forge(served_once.issuer, canary)
    assert canary.asked == 0


@pytest.fixture(scope="module")
async def standing(
    served_once: Surroundings, forge: Forge, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """One service for all tests of a file: they only ask who they are."""
    async with running_service(tmp_path_factory.mktemp("standing"), served_once) as running:
        assert running.issuer is forge.issuer
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(around: Surroundings) -> Issuer:
    return around.issuer


@pytest.fixture
async def keys(issuer: Issuer, clock: Clock) -> AsyncIterator[IssuerKeys]:
    async with aiohttp.ClientSession() as session:
        yield IssuerKeys(issuer.url, session, clock)
