import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.gateway import LiteLLMLibrary


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield session
