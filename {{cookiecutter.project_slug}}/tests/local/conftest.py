from collections.abc import AsyncIterator

import aiohttp
import pytest

from local.stack import Stack, local_stack


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with local_stack() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session
