"""The whole service under test, and beside it one server a family. litellm is imported once for all of them."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clouds import served_cloud
from tests.conformance.families import FAMILIES
from tests.conformance.server import WireServer, wire_server
from tests.conformance.wires import bedrock
from tests.service import Service, Surroundings, running_service

# For every deployment that names a key, and for Amazon's signature.
SECRETS = {
    "CONFORMANCE_KEY": "our-key",
    "AWS_ACCESS_KEY_ID": bedrock.ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": bedrock.ACCESS_SECRET,
}


@dataclass(frozen=True)
class Bench:
    service: Service
    servers: dict[str, WireServer]


@asynccontextmanager
async def bench(folder: Path, around: Surroundings) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        stack.callback(_restore, dict(os.environ))
        cloud = await stack.enter_async_context(served_cloud())
        os.environ.update(SECRETS, GCE_METADATA_HOST=cloud.url.removeprefix("http://"))
        servers = {}
        for family in FAMILIES:
            servers[family.name], os.environ[family.variable] = await stack.enter_async_context(
                wire_server(family.wire())
            )
        models: dict[str, Any] = {"deployments": {}, "routes": {}}
        for family in FAMILIES:
            for part in models:
                models[part] |= family.models()[part]
        models["routes"]["assistant"] = {"try": [FAMILIES[0].name]}  # which the example asks
        changes = {"models": models, "policy": {"limits": {}}}
        service = await stack.enter_async_context(running_service(folder, around, changes=changes))
        while (await service.http.get(f"{service.url}/readyz")).status_code != 200:  # noqa: ASYNC110 - known by asking
            await asyncio.sleep(0.1)
        yield Bench(service, servers)


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
