"""The database comes later than the service: it waits, says for what, and nobody writes before it has looked."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import make_url

from {{ cookiecutter.package_name }}.audit import Checkpoints, SigningKeys, verify
from {{ cookiecutter.package_name }}.database import migrate, open_engine
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.audit.trails import records
from tests.command import run
from tests.durability.process import Process
from tests.postgresql import PostgreSQL
from tests.service import Surroundings


@dataclass
class Late:
    process: Process
    database: PostgreSQL
    url: str
    http: httpx2.AsyncClient
    headers: dict[str, str]
    checkpoints: Checkpoints

    async def waits_for(self, said: str) -> None:
        """Returns when `/readyz` says so of the trail."""
        shown: object = None
        for _ in range(600):
            try:
                ready = await self.http.get(f"{self.process.url}/readyz")
                shown = ready.json()["waiting_for"]
                if said in ready.json()["waiting_for"].get("audit", ""):
                    assert ready.status_code == 503
                    return
            except httpx2.TransportError:  # it is not there yet
                pass
            await asyncio.sleep(0.1)
        raise AssertionError(f"{said} was not said, but {shown}; {self.process.log()[-2000:]}")

    async def ask(self) -> httpx2.Response:
        body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
        return await self.http.post(f"{self.process.url}/v1/chat/completions", json=body, headers=self.headers)


@pytest.fixture
async def late(tmp_path: Path, around: Surroundings, postgresql: PostgreSQL) -> AsyncIterator[Late]:
    """Not started yet. Staging, as a service on a laptop migrates by itself."""
    url = postgresql.emptied_database()
    process = Process(tmp_path, around, url, ENVIRONMENT="staging")
    headers = {"Authorization": f"Bearer {around.issuer.token()}"}
    checkpoints = Checkpoints(tmp_path / "checkpoints", SigningKeys(LOCAL_SIGNING_KEY))
    async with httpx2.AsyncClient(timeout=30) as http:
        yield Late(process, postgresql, url, http, headers, checkpoints)
    process.kill()
    postgresql.stop()
    postgresql.start()


async def test_it_starts_unready_and_serves_once_database_and_migrations_are_there(late: Late) -> None:
    late.database.stop()
    late.process.launch()
    await late.waits_for("the database does not answer")
    assert (await late.http.get(f"{late.process.url}/livez")).status_code == 200
    refused = await late.ask()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
    await asyncio.to_thread(late.database.start)
    await late.waits_for("migrations are not applied")
    engine = open_engine(late.url)
    await asyncio.to_thread(migrate, engine)
    await late.process.ready()
    assert (await late.ask()).status_code == 200
    assert [one["kind"] for one in records(engine)] == ["loaded", "started", "finished"]
    assert verify(engine, late.checkpoints).faults == []
    engine.dispose()


async def test_a_database_that_comes_without_what_was_signed_of_it_is_not_written_to(late: Late) -> None:
    engine = open_engine(late.url)
    await asyncio.to_thread(migrate, engine)
    await late.process.start()
    assert (await late.ask()).status_code == 200
    await late.process.end(signal.SIGTERM)  # which signs what there is
    late.database.emptied_database()
    await asyncio.to_thread(migrate, engine)
    engine.dispose()
    late.database.stop()
    late.process.launch()
    await late.waits_for("the database does not answer")
    await asyncio.to_thread(late.database.start)
    await late.waits_for("see docs/runbooks/audit-store-changed.md")
    assert (await late.ask()).status_code == 503
    assert records(engine) == []
    engine.dispose()


async def test_who_is_not_let_in_is_told_so_by_ready_doctor_and_log(
    tmp_path: Path, around: Surroundings, late: Late
) -> None:
    url = make_url(late.url).set(username="nobody", password="hidden-password")
    late.process = Process(tmp_path, around, url.render_as_string(hide_password=False), ENVIRONMENT="staging")
    late.process.launch()
    try:
        await late.waits_for("DATABASE_URL: the database does not let us in; correct the user or the password")
        port = late.process.url.rpartition(":")[2]
        told = await asyncio.to_thread(run, "doctor", PORT=port, OIDC_ISSUER=around.issuer.url)
    finally:
        late.process.kill()
    waits = [line for line in told.stdout.splitlines() if line.startswith("WRONG")]
    assert "the service waits for audit: DATABASE_URL: the database does not let us in" in waits[-1]
    logged = [line for line in late.process.log().splitlines() if "database_not_ready" in line]
    assert "does not let us in" in logged[0]
    assert "hidden-password" not in late.process.log() + told.stdout + told.stderr
