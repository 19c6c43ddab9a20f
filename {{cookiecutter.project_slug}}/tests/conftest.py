from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service import Service, Surroundings, running_service, surroundings


@pytest.fixture(scope="session")
async def served_once() -> AsyncIterator[Surroundings]:
    async with surroundings() as both:
        yield both


@pytest.fixture
async def around(served_once: Surroundings) -> Surroundings:
    served_once.issuer.reset()
    await served_once.upstream.http.post(f"{served_once.upstream.url}/control/reset")
    return served_once


@pytest.fixture
async def service(tmp_path: Path, around: Surroundings) -> AsyncIterator[Service]:
    async with running_service(tmp_path, around) as running:
        yield running
