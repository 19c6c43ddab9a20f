"""The database is deleted, replaced, cut, damaged or put back from a backup while the service runs, or before."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import (
    Checkpointer,
    Kind,
    Recorder,
    Trail,
    Watch,
    acknowledge_gaps,
    checkpointing,
    verify,
)
from {{ cookiecutter.package_name }}.audit import watch as module
from {{ cookiecutter.package_name }}.audit.loss import lost
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.cli import main
from {{ cookiecutter.package_name }}.database import Writer, open_engine, running
from {{ cookiecutter.package_name }}.errors import AuditUnavailable
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.audit.signed import KEY, OLD_KEY, altered, folder, signed_trail
from tests.audit.trails import event, records
from tests.service import Service, Surroundings, running_service
from tests.silence import METRICS

PROJECT = Path(__file__).parents[2]


def deleted(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    """By what was copied a moment before, as a backup tool does it."""
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def damaged(file: Path) -> None:
    """From the second page on: the first has the header, without which it is no database at all."""
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xaa" * (file.stat().st_size - 4096))


DAMAGE = [deleted, replaced, truncated, emptied, damaged]


def in_the_file_itself(engine: Engine) -> None:
    """What stands in the log beside the file only would hide the damage for a while, and be whole."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
async def test_a_file_that_changes_while_the_service_runs_stops_it_and_names_the_runbook(
    damage: Callable[[Path], None], tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)
    monkeypatch.setattr(module, "SHARE", 1)
    async with running_service(tmp_path, around) as service:
        assert (await service.ask()).status_code == 200
        in_the_file_itself(service.engine)
        damage(tmp_path / "service.db")
        said = await not_ready(service)
        assert "see docs/runbooks/audit-store-changed.md" in said
        calls = (await service.upstream.stats())["calls"]
        refused = await service.ask()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
        assert (await service.upstream.stats())["calls"] == calls
        assert (await service.http.get(f"{service.url}/livez")).status_code == 200


async def not_ready(service: Service) -> str:
    """What /readyz says of the audit trail, once it names the runbook."""
    for _ in range(200):
        ready = await service.http.get(f"{service.url}/readyz")
        said = str(ready.json()["waiting_for"].get("audit", ""))
        if "runbooks" in said:
            assert ready.status_code == 503
            return said
        await asyncio.sleep(0.05)
    raise AssertionError("it has not been noticed")


def test_it_is_looked_for_often_enough_and_the_runbook_is_there() -> None:
    assert module.SECONDS <= 30  # within a minute, the look itself included
    assert (PROJECT / module.RUNBOOK).exists()


@pytest.fixture
async def written(engine: Engine, tmp_path: Path) -> AsyncIterator[tuple[Writer, Trail, Watch]]:
    trail = Trail()
    async with (
        checkpointing(Checkpointer(trail, folder(tmp_path))),
        running(Writer(engine, [trail], METRICS)) as writer,
    ):
        yield writer, trail, Watch(engine, trail, folder(tmp_path), writer)


async def test_a_database_that_lost_what_this_process_wrote_is_noticed(
    written: tuple[Writer, Trail, Watch], engine: Engine
) -> None:
    writer, trail, watch = written
    await watch.look()
    for number in range(3):
        await writer.commit({trail: event(number)})
        await watch.look()
    assert watch.fault is None
    altered(engine, "DELETE FROM audit WHERE seq = 3")
    await watch.look()
    assert "lost record 3 of this process" in str(watch.fault)
    assert writer.failing
    with pytest.raises(AuditUnavailable):
        await writer.commit({trail: event(4)})


async def test_a_database_that_does_not_answer_is_no_other_database(
    written: tuple[Writer, Trail, Watch], engine: Engine
) -> None:
    writer, trail, watch = written
    await writer.commit({trail: event(1)})
    altered(engine, "ALTER TABLE audit RENAME TO away")
    await watch.look()
    assert watch.fault is None
    altered(engine, "ALTER TABLE away RENAME TO audit")


async def test_what_a_backup_lacks_is_found_per_chain(engine: Engine, tmp_path: Path) -> None:
    first = await signed_trail(engine, folder(tmp_path), 3)
    second = await signed_trail(engine, folder(tmp_path), 2)
    with engine.connect() as connection:
        assert lost(connection, folder(tmp_path)) == ([], [])
    altered(engine, f"DELETE FROM audit WHERE writer = '{first.writer}' AND seq > 4")
    altered(engine, f"DELETE FROM audit WHERE writer = '{second.writer}'")
    with engine.connect() as connection:
        found = {(one.writer, one.after, one.signed) for one in lost(connection, folder(tmp_path))[0]}
    assert found == {(first.writer, 4, 6), (second.writer, 0, 4)}


async def test_more_chains_than_one_query_takes_are_all_looked_at(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("{{ cookiecutter.package_name }}.audit.loss.CHUNK", 2)
    trails = [await signed_trail(engine, folder(tmp_path), 1) for _ in range(5)]
    altered(engine, "DELETE FROM audit WHERE seq = 2")
    with engine.connect() as connection:
        assert {one.writer for one in lost(connection, folder(tmp_path))[0]} == {one.writer for one in trails}


@pytest.mark.parametrize("unreadable", [b"junk\n", None], ids=["a line that is none", "no file"])
async def test_one_chain_whose_checkpoint_cannot_be_read_hides_no_other(
    engine: Engine, tmp_path: Path, unreadable: bytes | None
) -> None:
    bad, cut = [await signed_trail(engine, folder(tmp_path), 2) for _ in range(2)]
    path = folder(tmp_path).path(bad.writer)
    path.unlink()
    if unreadable is None:
        path.mkdir()
    else:
        path.write_bytes(unreadable)
    async with running(Writer(engine, [], METRICS)) as writer:
        watch = Watch(engine, Trail(), folder(tmp_path), writer)
        await watch.begin()
        assert watch.fault is None
        (reason,) = watch.unread
        assert path.name in reason
        assert bad.writer in str(verify(engine, folder(tmp_path)).faults)
        altered(engine, f"DELETE FROM audit WHERE writer = '{cut.writer}' AND seq > 2")
        await watch.begin()
        assert "lacks what was signed (records: 2)" in str(watch.fault)


@pytest.mark.parametrize("entry", [{"writer": [], "seq": 1}, {"seq": "4"}, "text", None], ids=str)
async def test_an_acknowledgement_that_is_badly_written_acknowledges_nothing(
    engine: Engine, tmp_path: Path, entry: Any
) -> None:
    trail = await signed_trail(engine, folder(tmp_path), 2)
    folder(tmp_path).path(trail.writer).unlink()
    whole: dict[str, Any] = {"writer": trail.writer, "after": 0, "seq": 4, "hash": trail.durable[1]}
    recorder = Recorder(engine, folder(tmp_path))
    with recorder.transaction() as connection:
        unsigned: list[Any] = [whole | entry if isinstance(entry, dict) else entry]
        recorder.record(connection, Kind.ACKNOWLEDGED, {"unsigned": unsigned})
    assert any(trail.writer in str(fault) for fault in verify(engine, folder(tmp_path)).faults)


async def test_a_checkpoint_that_cannot_be_read_is_shown_until_it_is_acknowledged(
    tmp_path: Path, around: Surroundings
) -> None:
    async def shown() -> str:
        async with running_service(tmp_path, around, audit_signing_key=KEY) as service:
            return str((await service.http.get(f"{service.url}/readyz")).json()["checkpoints"])

    async with running_service(tmp_path, around, audit_signing_key=OLD_KEY) as service:
        await service.ask()
        engine = service.engine
    assert await shown() == "unread"
    recorder = Recorder(engine, folder(tmp_path))
    acknowledge_gaps(recorder, verify(engine, recorder.checkpoints).open_gaps, "the key is lost")
    assert await shown() == "written"
    assert verify(engine, recorder.checkpoints).faults == []


def backed_up(engine: Engine) -> list[dict[str, object]]:
    return records(engine)


def put_back(engine: Engine, backup: list[dict[str, object]]) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(audit.delete())
        connection.execute(audit.insert(), backup)


async def test_a_backup_that_was_put_back_is_refused_until_an_operator_acknowledges_it(
    tmp_path: Path, around: Surroundings, database_url: str
) -> None:
    where = {"DATABASE_URL": database_url, "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints")}
    async with running_service(tmp_path, around, database_url=database_url) as service:
        await service.ask()
        backup = backed_up(service.engine)
        await service.ask()
    engine = open_engine(database_url)
    put_back(engine, backup)
    async with running_service(tmp_path, around, database_url=database_url) as service:
        assert "lacks what was signed (records: 2)" in await not_ready(service)
        assert (await service.ask()).json()["error"]["code"] == "audit_unavailable"
        assert len(records(engine)) == len(backup)
    assert command("audit", "verify", **where)[0] == 1
    status, said = command("audit", "acknowledge", "--reason", "the disk died", **where)
    assert (status, "records 4 to 5 are lost" in said) == (0, True)
    assert "Nothing that was signed is lost" in command("audit", "acknowledge", "--reason", "again", **where)[1]
    async with running_service(tmp_path, around, database_url=database_url) as service:
        assert (await service.ask()).status_code == 200
        (record,) = service.records("acknowledged")
        assert (record["reason"], record["lost"][0]["after"], record["lost"][0]["signed"]) == ("the disk died", 3, 5)
    status, said = command("audit", "verify", **where)
    assert (status, "2 records lost and acknowledged" in said) == (0, True)
    altered(engine, "DELETE FROM audit WHERE kind = 'finished'")
    assert command("audit", "verify", **where)[0] == 1  # nothing else is forgiven
    engine.dispose()


def command(*words: str, **environment: str) -> tuple[int, str]:
    done = CliRunner(env={"AUDIT_SIGNING_KEY": LOCAL_SIGNING_KEY, **environment}).invoke(main, words)
    return done.exit_code, done.output


async def test_an_acknowledgement_covers_the_loss_that_it_names_and_no_other(engine: Engine, tmp_path: Path) -> None:
    trail = await signed_trail(engine, folder(tmp_path), 3)
    where = {"DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    where |= {
        "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "AUDIT_SIGNING_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    }
    altered(engine, "DELETE FROM audit WHERE seq > 4")
    assert command("audit", "acknowledge", "--reason", "x", **where)[0] == 0
    verdict = verify(engine, folder(tmp_path))
    assert (verdict.lost, verdict.faults) == (2, [])
    altered(engine, f"DELETE FROM audit WHERE writer = '{trail.writer}' AND seq = 4")
    assert [one.seq for one in verify(engine, folder(tmp_path)).faults] == [4]


async def test_a_database_copied_without_its_log_lacks_what_was_signed(tmp_path: Path, around: Surroundings) -> None:
    async with running_service(tmp_path, around) as service:
        in_the_file_itself(service.engine)
        assert (await service.ask()).status_code == 200
        shutil.copy(tmp_path / "service.db", tmp_path / "copied.db")
    copied = open_engine(f"sqlite:///{tmp_path / 'copied.db'}")
    verdict = verify(copied, folder(tmp_path, LOCAL_SIGNING_KEY))
    assert "is missing" in verdict.faults[0].reason
    copied.dispose()


async def test_a_log_that_was_removed_from_under_the_service_is_noticed(
    tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)
    async with running_service(tmp_path, around) as service:
        in_the_file_itself(service.engine)
        assert (await service.ask()).status_code == 200
        (tmp_path / "service.db-wal").unlink()
        (tmp_path / "service.db-shm").unlink()
        assert "runbooks" in await not_ready(service)
