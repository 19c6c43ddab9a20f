"""Checkpoints that are lost for good: what somebody acknowledges stands in for them, and nothing else does."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import Recorder, Trail, acknowledge_gaps, retain, verify

from tests.audit.signed import KEY, OLD_KEY, altered, folder, signed_trail
from tests.audit.test_retention import OLD
from tests.audit.trails import event, records
from tests.command import invoked as run


@pytest.fixture
def where(engine: Engine, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "AUDIT_SIGNING_KEY": KEY,
    }


@pytest.fixture
async def trail(engine: Engine, tmp_path: Path) -> Trail:
    """Of a process whose share was down while it lived, beside a chain that is whole."""
    await signed_trail(engine, folder(tmp_path), 2)
    trail = await signed_trail(engine, folder(tmp_path), 3, at=OLD)
    folder(tmp_path).path(trail.writer).unlink()
    return trail


def faults(engine: Engine, path: Path, keys: str = KEY) -> list[tuple[str, int]]:
    return [(one.writer, one.seq) for one in verify(engine, folder(path, keys)).faults]


def acknowledged(engine: Engine, path: Path) -> None:
    recorder = Recorder(engine, folder(path))
    acknowledge_gaps(recorder, verify(engine, recorder.checkpoints).open_gaps, "the share was down")


def test_a_chain_without_checkpoints_ends_retention_until_it_is_acknowledged(
    engine: Engine, trail: Trail, where: dict[str, str]
) -> None:
    assert run("audit", "retain", "--days", "200", **where).exit_code == 1
    wrong = run("audit", "acknowledge", "--checkpoints", "f" * 32, "--reason", "x", **where)
    assert (wrong.exit_code, "are not what is wrong with" in wrong.stderr) == (1, True)
    done = run("audit", "acknowledge", "--checkpoints", trail.writer, "--reason", "the share was down", **where)
    assert f"writer {trail.writer}: up to record 6, 6 records unsigned" in done.stdout
    (said,) = [json.loads(one["body"]) for one in records(engine) if one["kind"] == "acknowledged"]
    assert said["by"]
    assert said["reason"] == "the share was down"
    assert said["unsigned"] == [{"writer": trail.writer, "after": 0, "seq": 6, "hash": trail.durable[1]}]
    verified = run("audit", "verify", **where)
    assert (verified.exit_code, "checkpoints of 1 chain gone and acknowledged" in verified.stdout) == (0, True)
    assert "6 records removed" in run("audit", "retain", "--days", "200", **where).stdout
    assert run("audit", "verify", **where).exit_code == 0
    again = run("audit", "acknowledge", "--checkpoints", "all", "--reason", "again", **where)
    assert "No checkpoint is missing that was not acknowledged." in again.stdout


async def test_a_lost_volume_and_a_lost_key_are_acknowledged_at_once(engine: Engine, tmp_path: Path) -> None:
    await signed_trail(engine, folder(tmp_path, OLD_KEY), 2)
    for path in [folder(tmp_path).path((await signed_trail(engine, folder(tmp_path), 2)).writer) for _ in range(2)]:
        path.unlink()
    assert len(faults(engine, tmp_path)) == 3
    acknowledged(engine, tmp_path)
    verdict = verify(engine, folder(tmp_path))
    assert (verdict.gaps, verdict.faults) == (3, [])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE audit SET subject = 'eve' WHERE writer = '{}' AND seq = 3",
        "DELETE FROM audit WHERE writer = '{}' AND seq = 6",
        "DELETE FROM audit WHERE writer = '{}'",
        "UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE writer = '{}' AND seq = 6",
        "DELETE FROM audit WHERE kind = 'acknowledged'",
    ],
)
def test_what_is_changed_after_the_acknowledgement_is_named(
    engine: Engine, trail: Trail, tmp_path: Path, damage: str
) -> None:
    acknowledged(engine, tmp_path)
    assert faults(engine, tmp_path) == []
    altered(engine, damage.format(trail.writer))
    assert faults(engine, tmp_path)


def test_a_chain_that_was_written_anew_is_not_the_one_that_was_acknowledged(
    engine: Engine, trail: Trail, tmp_path: Path
) -> None:
    acknowledged(engine, tmp_path)
    anew = Trail()
    anew.writer = trail.writer
    altered(engine, f"DELETE FROM audit WHERE writer = '{trail.writer}'")
    with engine.execution_options(writes=True).begin() as connection:
        anew.write(connection, [event(number) for number in range(6)])
    (fault,) = verify(engine, folder(tmp_path)).faults
    assert str(fault) == (
        f"record 6 of writer {trail.writer}: is not the one up to which missing checkpoints were acknowledged"
    )


def test_a_record_that_comes_after_it_is_named_and_can_be_acknowledged_too(
    engine: Engine, trail: Trail, tmp_path: Path
) -> None:
    acknowledged(engine, tmp_path)
    with engine.execution_options(writes=True).begin() as connection:
        trail.write(connection, [event(9)])
    assert faults(engine, tmp_path) == [(trail.writer, 7)]
    acknowledged(engine, tmp_path)
    assert faults(engine, tmp_path) == []


def test_what_is_wrong_otherwise_cannot_be_acknowledged(engine: Engine, trail: Trail, tmp_path: Path) -> None:
    altered(engine, f"UPDATE audit SET subject = 'eve' WHERE writer = '{trail.writer}' AND seq = 3")
    assert verify(engine, folder(tmp_path)).open_gaps == []


def test_an_acknowledgement_that_nobody_can_sign_is_not_recorded(
    engine: Engine, trail: Trail, where: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").rename(tmp_path / "away")
    (tmp_path / "checkpoints").touch()
    before = records(engine)
    refused = run("audit", "acknowledge", "--checkpoints", "all", "--reason", "x", **where)
    assert (refused.exit_code, "no checkpoint can be written into" in refused.stderr) == (1, True)
    assert records(engine) == before


def test_an_acknowledgement_is_never_removed(engine: Engine, trail: Trail, tmp_path: Path) -> None:
    acknowledged(engine, tmp_path)
    retain(Recorder(engine, folder(tmp_path)), 0, "everything")
    assert [one["kind"] for one in records(engine) if one["kind"] == "acknowledged"]
    assert faults(engine, tmp_path) == []
