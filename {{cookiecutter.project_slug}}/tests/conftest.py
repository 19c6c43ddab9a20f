from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.database import open_engine

from tests.postgresql import PostgreSQL, postgresql_server
from tests.service import Service, Surroundings, running_service, surroundings
from tests.tables import make_tables
from tests.telemetry.sink import Sink, running_sink


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """All that tests talk to is on this machine, where a company's proxy cannot reach it."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patched.delenv(name, raising=False)
            patched.delenv(name.lower(), raising=False)
        yield


@pytest.fixture(scope="session")
async def served_once() -> AsyncIterator[Surroundings]:
    async with surroundings() as both:
        yield both


@pytest.fixture
async def around(served_once: Surroundings) -> Surroundings:
    await served_once.reset()
    return served_once


@pytest.fixture
async def service(tmp_path: Path, around: Surroundings) -> AsyncIterator[Service]:
    async with running_service(tmp_path, around) as running:
        yield running


@pytest.fixture
async def sink(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sink]:
    async with running_sink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield sink


@pytest.fixture
async def traced(tmp_path: Path, around: Surroundings, sink: Sink) -> AsyncIterator[Service]:
    async with running_service(tmp_path, around, otel_exporter_otlp_endpoint=sink.url) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of its own for each test, of both kinds in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.emptied_database()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    make_tables(opened)
    yield opened
    opened.dispose()
