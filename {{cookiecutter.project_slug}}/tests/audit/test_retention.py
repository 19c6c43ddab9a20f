import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import Recorder, retain, verify
from {{ cookiecutter.package_name }}.audit import retention as module
from {{ cookiecutter.package_name }}.audit.event import TIME

from tests.audit.signed import altered, folder, signed_trail
from tests.audit.trails import records

OLD = (datetime.now(UTC) - timedelta(days=300)).strftime(TIME)
Trails = tuple[Engine, Recorder, str, str]  # the writers: of an old chain, and of a young one


@pytest.fixture
async def trails(engine: Engine, tmp_path: Path) -> Trails:
    old = await signed_trail(engine, folder(tmp_path), 3, at=OLD)
    young = await signed_trail(engine, folder(tmp_path), 2)
    return engine, Recorder(engine, folder(tmp_path)), old.writer, young.writer


def faults(trails: Trails) -> list[str]:
    engine, recorder, *_ = trails
    return [f"{one.writer} {one.seq} {one.reason}" for one in verify(engine, recorder.checkpoints).faults]


def test_what_is_old_leaves_tombstones_and_whole_chains(trails: Trails) -> None:
    engine, recorder, old, young = trails
    hashes = [one["hash"] for one in records(engine) if one["writer"] == old]
    assert retain(recorder, 200, "the law") == 6
    left = [one for one in records(engine) if one["writer"] == old]
    assert [one["hash"] for one in left] == hashes
    assert {one["body"] for one in left} == {""}
    assert {one["subject"] for one in left} == {None}
    assert len([one for one in records(engine) if one["writer"] == young and one["body"]]) == 4
    verdict = verify(engine, recorder.checkpoints)
    assert (verdict.tombstones, verdict.records, verdict.faults) == (6, 11, [])


def test_the_removal_is_itself_recorded_and_never_removed(trails: Trails) -> None:
    engine, recorder, old, _ = trails
    retain(recorder, 200, "the law")
    (record,) = [json.loads(one["body"]) for one in records(engine) if one["kind"] == "retained"]
    assert (record["reason"], record["days"]) == ("the law", 200)
    assert (record["removed"]["writer"], record["removed"]["first"], record["removed"]["last"]) == (old, 1, 6)
    assert record["by"]
    assert retain(recorder, 0, "everything") == 4
    assert len([one for one in records(engine) if one["kind"] == "retained" and one["body"]]) == 2
    assert faults(trails) == []


def test_a_reason_that_is_no_text_takes_nothing_from_the_removal(trails: Trails) -> None:
    """As a terminal with another encoding types it."""
    _, recorder, *_ = trails
    assert retain(recorder, 200, "gel\udcf6scht") == 6
    assert faults(trails) == []


def test_it_goes_on_where_it_stopped_and_in_pieces(trails: Trails, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, recorder, *_ = trails
    monkeypatch.setattr(module, "CHUNK", 4)
    assert retain(recorder, 200, "") == 6
    assert retain(recorder, 200, "") == 0
    assert len([one for one in records(engine) if one["kind"] == "retained"]) == 2
    assert faults(trails) == []


DAMAGE: dict[str, Callable[[str], str]] = {
    "a tombstone's hash is changed": lambda old: (
        f"UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE writer = '{old}' AND seq = 2"
    ),
    "the last tombstone is removed": lambda old: f"DELETE FROM audit WHERE writer = '{old}' AND seq = 6",
    "a tombstone is removed": lambda old: f"DELETE FROM audit WHERE writer = '{old}' AND seq = 2",
    "all tombstones are removed": lambda old: f"DELETE FROM audit WHERE writer = '{old}'",
    "a tombstone names somebody": lambda old: f"UPDATE audit SET subject = 'eve' WHERE writer = '{old}' AND seq = 2",
    "the record of it is removed": lambda old: "DELETE FROM audit WHERE kind = 'retained'",
    "the record of it is changed": lambda old: (
        "UPDATE audit SET body = replace(body, '\"last\":6', '\"last\":5') WHERE kind = 'retained'"
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_to_tombstones_is_named(trails: Trails, what: str) -> None:
    engine, recorder, old, _ = trails
    retain(recorder, 200, "")
    altered(engine, DAMAGE[what](old))
    assert faults(trails)


def test_each_record_that_became_a_tombstone_by_itself_is_named(trails: Trails) -> None:
    engine, recorder, _, young = trails
    retain(recorder, 200, "")
    blank = "kind = 'removed', body = '', at = '', call_id = '', tenant = NULL, subject = NULL, trace_id = NULL"
    for seq in range(4, 0, -1):
        altered(engine, f"UPDATE audit SET {blank} WHERE writer = '{young}' AND seq = {seq}")
        assert faults(trails) == [f"{young} {seq} was removed, and no record says by whom and why"]
