import pytest
from prometheus_client import generate_latest

from tests.ops.measured import evaluated, labels_of, use
from tests.programs import free_port
from tests.service import Surroundings, running_service


@pytest.fixture(scope="session")
async def found(tmp_path_factory: pytest.TempPathFactory, served_once: Surroundings) -> dict[str, set[str]]:
    """The service's own metrics after a few requests: each name with the labels that it comes with."""
    await served_once.reset()
    port = free_port()
    async with running_service(tmp_path_factory.mktemp("metrics"), served_once, metrics_port=port) as service:
        await use(service)
        exposed = (await service.http.get(f"http://127.0.0.1:{port}/metrics")).text
    return labels_of(exposed + generate_latest(evaluated()).decode())
