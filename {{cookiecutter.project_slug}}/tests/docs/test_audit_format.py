"""docs/governance/audit-format.md: its script verifies an export, and finds what was done to one."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import (
    Kind,
    Recorder,
    SigningKeys,
    acknowledge_gaps,
    export,
    retain,
    verify,
)
from {{ cookiecutter.package_name }}.governance import stop

from tests.audit.signed import KEY, OLD_KEY, altered, folder, signed_trail
from tests.audit.test_retention import OLD
from tests.audit.trails import records
from tests.command import invoked as run
from tests.docs.pages import DOCS, blocks, text

PAGE = DOCS / "governance" / "audit-format.md"
Line = dict[str, Any]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (block,) = blocks(PAGE, "python")
    path = tmp_path / "verify_export.py"
    path.write_text(block, encoding="utf-8")
    return path


@pytest.fixture
async def exported(engine: Engine, tmp_path: Path) -> Path:
    """Of an old chain, which is removed, a young one, and those of the commands."""
    await signed_trail(engine, folder(tmp_path), 2, at=OLD)
    await signed_trail(engine, folder(tmp_path), 2)
    retain(Recorder(engine, folder(tmp_path)), 200, "the law")
    stop(Recorder(engine, folder(tmp_path)), "tenant", "acme", "\u202e=cmd()\r\n\x1b[31m")
    export(Recorder(engine, folder(tmp_path)), tmp_path / "export.jsonl")
    return tmp_path / "export.jsonl"


def verified(script: Path, export: Path, *keys: str) -> subprocess.CompletedProcess[str]:
    """Isolated: nothing of ours can be imported."""
    given = keys or tuple(SigningKeys(KEY).public_texts().values())
    command = [sys.executable, "-I", str(script), str(export), *given]
    return subprocess.run(command, cwd=export.parent, capture_output=True, text=True, check=False)


def read(export: Path) -> list[Line]:
    return [json.loads(line) for line in export.read_text(encoding="ascii").splitlines()]


def test_the_script_has_at_most_seventy_lines() -> None:
    (block,) = blocks(PAGE, "python")
    assert len(block.splitlines()) <= 70


def test_a_whole_export_verifies(script: Path, exported: Path, engine: Engine) -> None:
    done = verified(script, exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("10 records, ")
    (record,) = [json.loads(one["body"]) for one in records(engine) if one["kind"] == Kind.EXPORTED]
    assert (record["records"], record["file"]) == (10, "export.jsonl")
    assert not exported.with_name("export.jsonl.partial").exists()


def test_each_line_has_one_line(exported: Path) -> None:
    content = exported.read_bytes()
    assert content.isascii()
    assert not set(content) & {0x1B, 0x0D, 0x00}


def test_every_alteration_of_every_line_is_found(script: Path, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "alterations.py").write_text(ALTERATIONS, encoding="utf-8")
    keys = SigningKeys(KEY).public_texts().values()
    command = [sys.executable, "-I", str(tmp_path / "alterations.py"), str(exported), str(script), *keys]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    missed, tried = json.loads(done.stdout)
    assert missed == []
    assert tried > 5 * len(read(exported))


# In one process, as there are many.
ALTERATIONS = """
import contextlib, io, json, runpy, sys

export, script, *keys = sys.argv[1:]
with open(export) as file:
    whole = [json.loads(line) for line in file]
sys.argv = [script, "changed.jsonl", *keys]


def passes(lines):
    with open("changed.jsonl", "w") as file:
        file.writelines(json.dumps(line) + chr(10) for line in lines)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(script)
    except SystemExit as end:
        return end.code == 0
    except Exception:
        return False


def other(value):
    if isinstance(value, int):
        return value + 1
    place = len(value) // 2
    return value[:place] + ("0" if value[place : place + 1] != "0" else "1") + value[place + 1 :]


def alterations():
    for place, line in enumerate(whole[1:], 1):
        before, after = whole[:place], whole[place + 1 :]
        if line["type"] == "record":
            yield f"line {place} removed", before + after
            yield f"line {place} twice", [*before, line, line, *after]
        for name, value in line.items():
            yield f"line {place}: {name}", [*before, dict(line, **dict([(name, other(value))])), *after]


assert passes(whole)
results = [(what, passes(lines)) for what, lines in alterations()]
print(json.dumps([[what for what, passed in results if passed], len(results)]))
"""


@pytest.mark.parametrize("keys", [[], [OLD_KEY]], ids=["no key", "another key"])
def test_an_export_is_believed_by_the_keys_that_were_given_only(script: Path, exported: Path, keys: list[str]) -> None:
    given = [text for key in keys for text in SigningKeys(key).public_texts().values()]
    command = [sys.executable, "-I", str(script), str(exported), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not signed with a key that was given" in done.stdout


def test_a_key_vouches_for_nothing_that_was_signed_after_its_end(script: Path, exported: Path) -> None:
    (public,) = SigningKeys(KEY).given()
    assert verified(script, exported, f"{public}@2999-01-31T09:15:00Z").returncode == 0
    done = verified(script, exported, f"{public}@2026-01-31T09:15:00Z")
    assert (done.returncode, "after its key's end" in done.stdout) == (1, True)


async def test_a_chain_whose_missing_checkpoints_are_acknowledged_verifies(
    script: Path, engine: Engine, tmp_path: Path
) -> None:
    recorder = Recorder(engine, folder(tmp_path))
    for keys in (KEY, OLD_KEY):
        trail = await signed_trail(engine, folder(tmp_path, keys), 2)
        if keys == KEY:
            folder(tmp_path).path(trail.writer).unlink()
    acknowledge_gaps(
        recorder, verify(engine, recorder.checkpoints).open_gaps, "the share was down, the old key is lost"
    )
    export(recorder, tmp_path / "export.jsonl")
    done = verified(script, tmp_path / "export.jsonl")
    assert (done.returncode, done.stdout.endswith(", 0 faults\n")) == (0, True), done.stdout
    for place, line in enumerate(read(tmp_path / "export.jsonl")):
        if line["type"] == "record" and line["writer"] == trail.writer:
            shorter = [one for number, one in enumerate(read(tmp_path / "export.jsonl")) if number != place]
            (tmp_path / "cut.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in shorter), encoding="ascii")
            assert verified(script, tmp_path / "cut.jsonl").returncode == 1


def test_an_export_to_standard_output_is_the_same_and_its_digest_stands_beside_it(
    script: Path, engine: Engine, tmp_path: Path
) -> None:
    stop(Recorder(engine, folder(tmp_path)), "tenant", "acme", "unpaid")
    url = engine.url.render_as_string(hide_password=False)
    where = {"DATABASE_URL": url, "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"), "AUDIT_SIGNING_KEY": KEY}
    done = run("audit", "export", "-", **where)
    assert done.exit_code == 0
    (tmp_path / "trail.jsonl").write_bytes(done.stdout_bytes)
    assert verified(script, tmp_path / "trail.jsonl").returncode == 0
    assert f"SHA-256 {hashlib.sha256(done.stdout_bytes).hexdigest()}" in done.stderr
    (record,) = [json.loads(one["body"]) for one in records(engine) if one["kind"] == Kind.EXPORTED]
    assert (record["file"], record["records"]) == ("-", 1)


def test_an_export_of_a_trail_with_a_hole_shows_it(
    script: Path, exported: Path, engine: Engine, tmp_path: Path
) -> None:
    altered(engine, "DELETE FROM audit WHERE kind = 'finished' AND seq = 4")
    again = tmp_path / "again.jsonl"
    export(Recorder(engine, folder(tmp_path)), again)
    done = verified(script, again)
    assert done.returncode == 1
    assert "record 4 is missing" in done.stdout


def test_every_kind_of_record_is_in_the_document() -> None:
    page = text(PAGE)
    assert [kind for kind in Kind if f"`{kind}`" not in page] == []
