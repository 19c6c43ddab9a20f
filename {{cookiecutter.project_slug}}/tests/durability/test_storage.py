"""What happens to a running service when its disk is full or its database has no room for it, and to a long trail."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import AuditEvent, Checkpointer, Kind, Trail, verify
from {{ cookiecutter.package_name }}.database import Writer, open_engine, running
from {{ cookiecutter.package_name }}.errors import AuditUnavailable
from {{ cookiecutter.package_name }}.health import KEPT
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.audit.signed import folder
from tests.audit.trails import event, records
from tests.durability.process import Process
from tests.postgresql import PostgreSQL
from tests.service import Surroundings, running_service
from tests.silence import METRICS

SMALL, LARGE = 20_000, int(os.environ.get("AUDIT_RECORDS") or 100_000)


@pytest.fixture
async def process(tmp_path: Path, around: Surroundings) -> AsyncIterator[Process]:
    made = Process(tmp_path, around, f"sqlite:///{tmp_path / 'service.db'}", LOG_LEVEL="ERROR")
    yield made
    made.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one limit another process")
async def test_a_full_disk_is_refused_and_recovered_from_without_a_restart(
    process: Process, around: Surroundings, tmp_path: Path
) -> None:
    await process.start()
    headers = {"Authorization": f"Bearer {around.issuer.token()}"}
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    async with httpx2.AsyncClient(base_url=process.url, headers=headers, timeout=30) as http:
        assert await ask(http) == (200, None)
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        process.let_files_grow_to(32 * 1024)  # the log beside the database; the database itself is larger
        calls = await first_refusal(http, around)
        assert (await around.upstream.stats())["calls"] == calls
        await asyncio.sleep(KEPT)
        ready = await http.get("/readyz")
        assert (ready.status_code, list(ready.json()["waiting_for"])) == (503, ["audit"])
        assert (await http.get("/livez")).status_code == 200
        process.let_files_grow_to(None)
        assert await ask(http) == (200, None)
    assert await process.end(signal.SIGTERM) == 0
    assert verify(engine, folder(tmp_path, LOCAL_SIGNING_KEY)).faults == []
    engine.dispose()


async def ask(http: httpx2.AsyncClient) -> tuple[int, str | None]:
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
    answer = await http.post("/v1/chat/completions", json=body)
    return answer.status_code, answer.json().get("error", {}).get("code")


async def first_refusal(http: httpx2.AsyncClient, around: Surroundings) -> int:
    """How often the provider had been asked when a call could not begin any more."""
    for _ in range(100):
        calls: int = (await around.upstream.stats())["calls"]
        status, code = await ask(http)
        if status != 200 and (await around.upstream.stats())["calls"] == calls:
            assert (status, code) == (503, "audit_unavailable")
            return calls
    raise AssertionError("the disk never was full")


async def test_a_postgresql_without_a_free_connection_is_refused_and_recovered_from(
    postgresql: PostgreSQL, tmp_path: Path, around: Surroundings
) -> None:
    url = postgresql.emptied_database()
    async with running_service(tmp_path, around, database_url=url) as service:
        assert (await service.ask()).status_code == 200
        others = await asyncio.to_thread(taken, url.replace("+psycopg", ""))
        try:
            refused = await service.ask()
        finally:
            for one in others:
                one.close()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
        assert (await service.ask()).status_code == 200
        assert verify(service.engine).faults == []


def taken(url: str) -> list[psycopg.Connection]:
    """Every connection that the server has: those that the service had are cut, and their places filled at once."""
    held: list[psycopg.Connection] = []
    for attempt in range(200):
        try:
            held.append(psycopg.connect(url, autocommit=True, connect_timeout=5))
        except psycopg.OperationalError:
            ours = [one.info.backend_pid for one in held]
            cut = held[0].execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)",
                [ours],
            )
            if attempt and cut.fetchone() == (0,):
                return held
    raise AssertionError("there is always one more connection")


async def test_two_processes_that_write_one_chain_make_no_fork(engine: Engine) -> None:
    first, second = Trail(), Trail()
    second.writer = first.writer  # two processes never share one, unless somebody copies memory
    async with running(Writer(engine, [first], METRICS)) as one, running(Writer(engine, [second], METRICS)) as other:
        await one.commit({first: event(1)})
        with pytest.raises(AuditUnavailable):
            await other.commit({second: event(2)})
        await other.commit({second: event(3)})
        with pytest.raises(AuditUnavailable):
            await one.commit({first: event(4)})
        await one.commit({first: event(5)})
    assert [record["seq"] for record in records(engine)] == [1, 2, 3]
    assert verify(engine).faults == []


HOSTILE = {"nul": "\x00", "surrogate": "\ud800", "control": "\x1b[31m=cmd()\r\n", "a million": "x" * 1_000_000}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_no_text_of_a_caller_is_an_error_of_ours(
    text: str, tmp_path: Path, around: Surroundings, database_url: str
) -> None:
    budgets = {"limits": {}, "budgets": {"user": {"usd_per_day": 1000}}}
    async with running_service(tmp_path, around, changes={"policy": budgets}, database_url=database_url) as service:
        asked = [json.dumps({"model": "assistant", "messages": [{"role": "user", "content": text}]})]
        asked += [json.dumps({"model": text[:200], "messages": [{"role": "user", "content": "Hello"}]})]
        asked += [
            json.dumps({"model": "assistant", "user": text[:200], "messages": [{"role": "user", "content": "Hi"}]})
        ]
        for body in asked:
            headers = service.headers() | {"Content-Type": "application/json"}
            answer = await service.http.post(f"{service.url}/v1/chat/completions", content=body, headers=headers)
            assert answer.status_code in (200, 400, 404), answer.text[:200]
        assert verify(service.engine).faults == []


MEASURED = """
import json, resource, sys
from {{ cookiecutter.package_name }}.audit import Checkpoints, SigningKeys, verify
from {{ cookiecutter.package_name }}.database import open_engine
from pathlib import Path

url, folder, key = sys.argv[1:]
verdict = verify(open_engine(url), Checkpoints(Path(folder), SigningKeys(key)))
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([verdict.records, verdict.faults == [], kilobytes // (1024 if sys.platform == "darwin" else 1)]))
"""


def written(engine: Engine, checkpoints_in: Path, many: int) -> None:
    trail = Trail()
    checkpointer = Checkpointer(trail, folder(checkpoints_in, LOCAL_SIGNING_KEY))
    checkpointer.write()
    for begin in range(0, many, 10_000):
        with engine.execution_options(writes=True).begin() as connection:
            events = [AuditEvent(Kind.STARTED, f"{begin // 2:032x}", "acme", "ada"), event(begin, Kind.FINISHED)]
            trail.write(connection, events * (min(10_000, many - begin) // 2))
        trail.committed()
        checkpointer.write()


def measured(engine: Engine, checkpoints_in: Path) -> tuple[int, bool, int]:
    """Records, whether they verify, and the most memory that took, in KiB."""
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", MEASURED, url, str(checkpoints_in / "checkpoints"), LOCAL_SIGNING_KEY]
    path = os.pathsep.join(str(Path(one).resolve()) for one in sys.path)
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    records_read, whole, kilobytes = json.loads(done.stdout)
    return records_read, whole, kilobytes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no process how much memory it took")
def test_verification_takes_no_more_memory_for_a_longer_trail(engine: Engine, tmp_path: Path) -> None:
    written(engine, tmp_path, SMALL)
    small = measured(engine, tmp_path)
    written(engine, tmp_path, LARGE - SMALL)
    large = measured(engine, tmp_path)
    assert (small[:2], large[:2]) == ((SMALL, True), (LARGE, True))
    assert large[2] - small[2] < 16 * 1024, (small, large)


@pytest.mark.slow
def test_a_verification_that_is_interrupted_says_nothing(engine: Engine, tmp_path: Path) -> None:
    written(engine, tmp_path, SMALL)
    environment = {
        **os.environ,
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "PYTHONPATH": os.pathsep.join(str(Path(one).resolve()) for one in sys.path),
    }
    command = [sys.executable, "-c", INTERRUPTING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "verifies" not in done.stdout


INTERRUPTING = """
import signal
from {{ cookiecutter.package_name }}.audit import verdict
from {{ cookiecutter.package_name }}.cli import main
original, seen = verdict._fault_of, []
def fault_of(row, previous):
    seen.append(row.seq)
    if len(seen) == 5_000:
        signal.raise_signal(signal.SIGINT)  # as Ctrl-C does, in the middle of the trail
    return original(row, previous)
verdict._fault_of = fault_of
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
main(["audit", "verify"])
"""
