import asyncio
import base64
import errno
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import Engine, insert

from {{ cookiecutter.package_name }}.audit import Checkpointer, SigningKeys, Trail, checkpointing, verify
from {{ cookiecutter.package_name }}.audit import checkpoint as module
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.audit.trail import BEGINNING, link
from {{ cookiecutter.package_name }}.database import Writer, running

from tests.audit.signed import KEY, OLD_KEY, altered, folder, signed_trail
from tests.audit.trails import event, records
from tests.silence import METRICS

CALLS = 3


async def test_a_whole_trail_verifies_with_its_checkpoints(engine: Engine, tmp_path: Path) -> None:
    for _ in range(2):
        await signed_trail(engine, folder(tmp_path), CALLS)
    verdict = verify(engine, folder(tmp_path))
    assert (verdict.records, verdict.writers, verdict.unsigned, verdict.faults) == (4 * CALLS, 2, 0, [])


async def test_each_tail_that_is_cut_off_is_named(engine: Engine, tmp_path: Path) -> None:
    trail = await signed_trail(engine, folder(tmp_path), CALLS)
    for seq in range(2 * CALLS, 0, -1):
        altered(engine, f"DELETE FROM audit WHERE seq >= {seq}")
        (fault,) = verify(engine, folder(tmp_path)).faults
        assert (fault.writer, fault.seq) == (trail.writer, seq)
        assert f"signed up to record {2 * CALLS}." in fault.reason


async def test_a_chain_that_is_removed_whole_is_named(engine: Engine, tmp_path: Path) -> None:
    trails = [await signed_trail(engine, folder(tmp_path), CALLS) for _ in range(2)]
    altered(engine, f"DELETE FROM audit WHERE writer = '{trails[0].writer}'")
    assert [(one.writer, one.seq) for one in verify(engine, folder(tmp_path)).faults] == [(trails[0].writer, 1)]


async def test_a_database_that_was_rolled_back_is_named(engine: Engine, tmp_path: Path) -> None:
    trail = Trail()
    async with (
        checkpointing(Checkpointer(trail, folder(tmp_path))),
        running(Writer(engine, [trail], METRICS)) as writer,
    ):
        await writer.commit({trail: event(1)})
        backup = records(engine)
        await writer.commit({trail: event(2)})
    altered(engine, "DELETE FROM audit")
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(audit), backup)
    (fault,) = verify(engine, folder(tmp_path)).faults
    assert fault.seq == 2
    assert "an older copy of the database was put back" in fault.reason


async def test_a_chain_that_was_written_anew_from_any_record_on_is_named(engine: Engine, tmp_path: Path) -> None:
    trail = await signed_trail(engine, folder(tmp_path), CALLS)
    whole = records(engine)
    for changed in range(1, 2 * CALLS + 1):
        head = BEGINNING
        for record in whole:
            body = record["body"].replace('"internal"', '"public"') if record["seq"] == changed else record["body"]
            head = link(head, body)
            altered(engine, f"UPDATE audit SET body = '{body}', hash = '{head}' WHERE seq = {record['seq']}")
        assert verify(engine).faults == []
        (fault,) = verify(engine, folder(tmp_path)).faults
        assert (fault.writer, fault.seq) == (trail.writer, changed + changed % 2)  # the next one that was signed
        assert "is not the one that the checkpoint of" in fault.reason


async def test_a_chain_that_was_made_up_is_named(engine: Engine, tmp_path: Path) -> None:
    await signed_trail(engine, folder(tmp_path), CALLS)
    made_up = Trail()
    with engine.execution_options(writes=True).begin() as connection:
        made_up.write(connection, [event(1)])
    (fault,) = verify(engine, folder(tmp_path)).faults
    assert (fault.writer, fault.seq) == (made_up.writer, 1)
    assert "without a checkpoint" in fault.reason


async def test_records_after_the_last_checkpoint_are_counted(engine: Engine, tmp_path: Path) -> None:
    trail = Trail()
    Checkpointer(trail, folder(tmp_path)).write()
    async with running(Writer(engine, [trail], METRICS)) as writer:
        await writer.commit({trail: event(1)})
    verdict = verify(engine, folder(tmp_path))
    assert (verdict.unsigned, verdict.faults) == (1, [])


@pytest.mark.parametrize("field", ["at", "hash", "key", "seq", "writer", "signature"])
async def test_each_changed_field_of_a_checkpoint_is_named(engine: Engine, tmp_path: Path, field: str) -> None:
    trail = await signed_trail(engine, folder(tmp_path), 1)
    path = folder(tmp_path).path(trail.writer)
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = json.loads(lines[-1])
    changed[field] = 1 if field == "seq" else ("8" if changed[field][0] == "7" else "7") + changed[field][1:]
    lines[-1] = json.dumps(changed, sort_keys=True, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    faults = verify(engine, folder(tmp_path)).faults
    assert f"line {len(lines)} of {trail.writer}.jsonl is" in faults[0].reason


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"at": 1}'])
async def test_a_line_that_is_no_checkpoint_is_named(engine: Engine, tmp_path: Path, line: bytes) -> None:
    trail = await signed_trail(engine, folder(tmp_path), 1)
    with folder(tmp_path).path(trail.writer).open("ab") as file:
        file.write(line + b"\n")
    assert "is no checkpoint of this writer" in verify(engine, folder(tmp_path)).faults[0].reason


async def test_a_line_that_a_crash_tore_is_passed_over(engine: Engine, tmp_path: Path) -> None:
    trail = await signed_trail(engine, folder(tmp_path), 1)
    with folder(tmp_path).path(trail.writer).open("ab") as file:
        file.write(b'{"at":"2026')
    assert verify(engine, folder(tmp_path)).faults == []


async def test_an_older_key_still_verifies_and_an_unknown_one_does_not(engine: Engine, tmp_path: Path) -> None:
    await signed_trail(engine, folder(tmp_path, OLD_KEY), 1)
    assert verify(engine, folder(tmp_path, f"{KEY}, {OLD_KEY}")).faults == []
    assert "not signed with a key of AUDIT_SIGNING_KEY" in verify(engine, folder(tmp_path)).faults[0].reason


async def test_an_ended_key_verifies_what_it_signed_before_its_end_only(engine: Engine, tmp_path: Path) -> None:
    (public,) = SigningKeys(OLD_KEY).given()
    await signed_trail(engine, folder(tmp_path, OLD_KEY), 1)
    later, earlier = "2999-01-31T09:15:00Z", "2026-01-31T09:15:00Z"
    assert verify(engine, folder(tmp_path, f"{KEY},{public}@{later}")).faults == []
    (fault,) = verify(engine, folder(tmp_path, f"{KEY},{public}@{earlier}")).faults[:1]
    assert "or after its end" in fault.reason


def test_a_key_without_its_private_part_signs_nothing_and_has_an_end() -> None:
    (public,) = SigningKeys(OLD_KEY).given()
    end = "2026-01-31T09:15:00Z"
    keys = SigningKeys(f"{KEY},{public}@{end}")
    assert keys.key == SigningKeys(KEY).key
    assert f"{public}@{end}" in keys.given()
    text, signature = "text", SigningKeys(OLD_KEY).sign("text")
    old = SigningKeys(OLD_KEY).key
    for at, good in (("2026-01-31T09:15:00.999999Z", True), ("2026-01-31T09:15:01.000000Z", False)):
        assert keys.verify(old, at, text, signature) == good
    for wrong in (f"{public}@{end}", f"{KEY},{public}@", f"{KEY},{public}@soon", f"{KEY},x@{end}"):
        with pytest.raises(ValueError, match="key"):
            SigningKeys(wrong)


def lines(path: Path) -> int:
    return sum(len(one.read_bytes().splitlines()) for one in path.glob("checkpoints/*.jsonl"))


async def until(true: Callable[[], bool], seconds: float) -> None:
    """Looks again and again, and lets the test fail after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_idle_hours_add_no_checkpoint_and_what_is_lost_in_them_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.01)
    async with checkpointing(Checkpointer(Trail(), folder(tmp_path))):
        await asyncio.sleep(0.2)
        assert lines(tmp_path) == 1
        (tmp_path / "checkpoints").rename(tmp_path / "away")
        await until(lambda: lines(tmp_path) == 1, 10)


def test_a_folder_that_is_away_is_noticed_though_nothing_is_to_be_signed(tmp_path: Path) -> None:
    checkpointer = Checkpointer(Trail(), folder(tmp_path))
    for away, failing in ((False, False), (True, True), (False, False)):
        if away:
            (tmp_path / "checkpoints").rename(tmp_path / "away")
            (tmp_path / "checkpoints").touch()
        elif (tmp_path / "away").exists():
            (tmp_path / "checkpoints").unlink()
            (tmp_path / "away").rename(tmp_path / "checkpoints")
        checkpointer.write()
        assert checkpointer.failing == failing
    assert lines(tmp_path) == 1


async def test_a_checkpoint_follows_a_hundred_records_at_once(engine: Engine, tmp_path: Path) -> None:
    trail = Trail()
    async with (
        checkpointing(Checkpointer(trail, folder(tmp_path))),
        running(Writer(engine, [trail], METRICS)) as writer,
    ):
        await asyncio.gather(*(writer.commit({trail: event(number)}) for number in range(module.RECORDS)))
        await until(lambda: lines(tmp_path) >= 2, module.SECONDS / 2)
    assert verify(engine, folder(tmp_path)).faults == []


async def test_a_failure_is_shown_and_calls_go_on(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.05)
    (tmp_path / "checkpoints").write_text("a file stands where the folder should be", encoding="utf-8")
    trail = Trail()
    checkpointer = Checkpointer(trail, folder(tmp_path), METRICS)
    async with checkpointing(checkpointer), running(Writer(engine, [trail], METRICS)) as writer:
        await writer.commit({trail: event(1)})
        assert checkpointer.failing
        (tmp_path / "checkpoints").unlink()
        await until(lambda: not checkpointer.failing, 10)
    assert verify(engine, folder(tmp_path)).faults == []


def test_half_a_line_of_a_full_disk_is_not_written_on(tmp_path: Path) -> None:
    checkpointer, checkpoints = Checkpointer(trail := Trail(), folder(tmp_path)), folder(tmp_path)
    checkpointer.write()
    with checkpoints.path(trail.writer).open("ab") as file:
        file.write(b'{"at"')
    checkpointer.write()
    assert len(list(checkpoints.read(trail.writer))) == 2


def append_only(_: int, __: int) -> None:
    """As the kernel answers for a file with `chattr +a`, whatever the length."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


async def test_a_folder_that_can_only_be_appended_to_is_written_to(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "ftruncate", append_only)
    trail = await signed_trail(engine, folder(tmp_path), CALLS)
    assert [one.seq for one in folder(tmp_path).read(trail.writer)] == [0, 2, 4, 6]
    assert verify(engine, folder(tmp_path)).faults == []


@pytest.mark.parametrize("lost", [0, 40], ids=["nothing", "half a line"])
async def test_what_a_failing_disk_left_in_such_a_folder_is_finished(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    trail = Trail()
    checkpointer = Checkpointer(trail, folder(tmp_path))
    checkpointer.write()
    cut, fsync = os.ftruncate, os.fsync

    def fail(file: int) -> None:
        cut(file, os.fstat(file).st_size - lost)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "ftruncate", append_only)
    async with running(Writer(engine, [trail], METRICS)) as writer:
        for number in range(3):
            await writer.commit({trail: event(number)})
            monkeypatch.setattr(os, "fsync", fail if number < 2 else fsync)
            checkpointer.write()
            assert checkpointer.failing == (number < 2)
    assert [one.seq for one in folder(tmp_path).read(trail.writer)] == [0, 1, 2, 3]
    assert verify(engine, folder(tmp_path)).faults == []


async def test_verification_beside_a_running_writer_finds_no_fault(engine: Engine, tmp_path: Path) -> None:
    async def verify_often() -> None:
        while not done.is_set():
            assert (await asyncio.to_thread(verify, engine, folder(tmp_path))).faults == []

    done = asyncio.Event()
    task = asyncio.create_task(verify_often())
    for _ in range(3):
        await signed_trail(engine, folder(tmp_path), 20)
    done.set()
    await task


def test_a_key_is_a_seed_or_pem(tmp_path: Path) -> None:
    secret = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert SigningKeys(pem).key == SigningKeys(KEY).key
    assert SigningKeys(f"{OLD_KEY}\n,{pem}").key == SigningKeys(OLD_KEY).key


def test_what_is_no_key_is_refused_without_a_word_of_it() -> None:
    other = x25519.X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in ("", ",", "short", base64.b64encode(b"k" * 31).decode(), other, "-----BEGIN nothing"):
        with pytest.raises(ValueError, match="key") as refused:
            SigningKeys(text)
        assert text.strip(",") not in str(refused.value) or not text.strip(",")


def test_the_folder_may_be_away(engine: Engine, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
    assert verify(engine, folder(tmp_path)).faults == []
