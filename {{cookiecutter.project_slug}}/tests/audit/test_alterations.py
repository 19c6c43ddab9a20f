"""Every record of a trail that has every kind: each change, removal, exchange and insertion is named by its place."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import (
    AuditEvent,
    Checkpointer,
    Checkpoints,
    Kind,
    Trail,
    Verdict,
    verify,
)
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.database import open_engine

from tests.audit.signed import folder
from tests.audit.trails import Copy, Record, records
from tests.tables import make_tables

COLUMNS = [column.name for column in audit.columns]
DETAILS: dict[str, Any] = {
    "roles": ["employee"],
    "cost_micro_usd": 12,
    "estimated": False,
    "finish_reason": None,
    "attempts": [{"deployment": "first", "outcome": "timeout"}, {"deployment": "second", "outcome": "answered"}],
    "prompt": {"name": "answer", "version": "3", "digest": "d" * 64},
    "reason": 'caf\u00e9 \u202e \x00 "\\',
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Copy, Checkpoints]:
    """One chain with a record of each kind, a checkpoint before it and after every third."""
    path = tmp_path_factory.mktemp("trail")
    engine, checkpoints, trail = open_engine(f"sqlite:///{path / 'service.db'}"), folder(path), Trail()
    make_tables(engine)
    checkpointer = Checkpointer(trail, checkpoints)
    checkpointer.write()
    for number, kind in enumerate(Kind, 1):
        with engine.execution_options(writes=True).begin() as connection:
            trail.write(connection, [AuditEvent(kind, f"{number:032x}", "acme", "ada", "7" * 32, DETAILS)])
        trail.committed()
        if number % 3 == 0 or number == len(Kind):
            checkpointer.write()
    copied = Copy(engine)
    engine.dispose()
    return copied, checkpoints


def judged(whole: tuple[Copy, Checkpoints], altered: list[Record]) -> Verdict:
    copy, checkpoints = whole
    return copy.verdict(altered, checkpoints)


def named(verdict: Verdict) -> int:
    """Where the first fault is."""
    assert verdict.faults
    return verdict.faults[0].seq


def test_the_trail_as_it_was_written_verifies(whole: tuple[Copy, Checkpoints]) -> None:
    assert judged(whole, whole[0].records).faults == []
    assert len(whole[0].records) == len(Kind)


def others(value: Any) -> list[Any]:
    """What somebody might write instead, of the same type and of another one."""
    match value:
        case bool():
            return [not value, None]
        case int():
            return [value + 1, str(value)]
        case None:
            return ["", 0]
        case str():
            return [f"{value}x", value[:-1], None]
        case list():
            return [[*value, value[0]], value[1:], value[::-1] if len(value) > 1 else []]
        case _:
            return [{**value, "more": 1}, {name: value[name] for name in list(value)[1:]}]


def places(content: Any, path: tuple[Any, ...] = ()) -> Any:
    """Every place in a JSON value, however deep."""
    yield path
    for name in content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield from places(content[name], (*path, name))


def at(content: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        content = content[name]
    return content


def put(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(content))
    at(changed, path[:-1])[path[-1]] = value
    return changed


def test_each_change_of_each_field_of_each_record_is_named(whole: tuple[Copy, Checkpoints]) -> None:
    tried = 0
    for record in whole[0].records:
        body = json.loads(record["body"])
        for path in filter(None, places(body)):
            for value in others(at(body, path)):
                if value == at(body, path):
                    continue
                forged = json.dumps(put(body, path, value), sort_keys=True, separators=(",", ":"))
                # The column that repeats the field is changed with it, as somebody would who knows the table.
                column = (
                    {path[0]: value} if path[0] in ("at", "kind", "call_id", "tenant", "subject", "trace_id") else {}
                )
                if any(part is None for name, part in column.items() if name in ("at", "kind", "call_id")):
                    continue  # the table refuses it
                altered = [{**one, **column, "body": forged} if one is record else one for one in whole[0].records]
                assert named(judged(whole, altered)) == record["seq"], (path, value)
                tried += 1
    assert tried > 30 * len(Kind)


def test_each_removed_record_is_named_the_last_one_too(whole: tuple[Copy, Checkpoints]) -> None:
    for record in whole[0].records:
        assert named(judged(whole, [one for one in whole[0].records if one is not record])) == record["seq"]


def test_each_exchange_of_two_records_is_named(whole: tuple[Copy, Checkpoints]) -> None:
    for first, second in itertools.combinations(whole[0].records, 2):
        swapped = {first["seq"]: {**second, "seq": first["seq"]}, second["seq"]: {**first, "seq": second["seq"]}}
        assert named(judged(whole, [swapped.get(one["seq"], one) for one in whole[0].records])) == first["seq"]


def test_each_record_inserted_anywhere_is_named(whole: tuple[Copy, Checkpoints]) -> None:
    everything = whole[0].records
    for record, place in itertools.product(everything, range(len(everything) + 1)):
        moved = [{**one, "seq": one["seq"] + 1} for one in everything[place:]]
        assert named(judged(whole, [*everything[:place], {**record, "seq": place + 1}, *moved])) in (
            place + 1,
            place + 2,
        )


def test_each_end_that_is_cut_off_is_named(whole: tuple[Copy, Checkpoints]) -> None:
    for left in range(len(Kind)):
        assert named(judged(whole, whole[0].records[:left])) == left + 1


ALTERED = st.sampled_from(["change", "remove", "exchange", "insert", "cut"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(ALTERED, st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=4))
def test_no_several_alterations_at_once_hide_each_other(
    whole: tuple[Copy, Checkpoints], alterations: list[tuple[str, int, int]]
) -> None:
    altered = list(whole[0].records)
    for kind, first, second in alterations:
        altered = _altered(altered, kind, first, second)
    numbered = [{**one, "seq": place} for place, one in enumerate(altered, 1)]
    assert bool(judged(whole, numbered).faults) == (numbered != whole[0].records)


def _altered(found: list[Record], kind: str, first: int, second: int) -> list[Record]:
    if not found:
        return found
    first, second = first % len(found), second % len(found)
    match kind:
        case "change":
            return [{**one, "subject": "eve"} if place == first else one for place, one in enumerate(found)]
        case "remove":
            return [one for place, one in enumerate(found) if place != first]
        case "exchange":
            found = list(found)
            found[first], found[second] = found[second], found[first]
            return found
        case "insert":
            return [*found[:first], found[second], *found[first:]]
        case _:
            return found[:first]


def lines_of(checkpoints: Checkpoints) -> tuple[Path, list[str]]:
    (path,) = checkpoints.folder.glob("*.jsonl")
    return path, path.read_text(encoding="ascii").splitlines(keepends=True)


def faults_with(whole: tuple[Copy, Checkpoints], lines: list[str]) -> list[str]:
    path, before = lines_of(whole[1])
    path.write_text("".join(lines), encoding="ascii")
    try:
        return [one.reason for one in judged(whole, whole[0].records).faults]
    finally:
        path.write_text("".join(before), encoding="ascii")


def test_each_change_of_each_field_of_each_checkpoint_is_named(whole: tuple[Copy, Checkpoints]) -> None:
    _, lines = lines_of(whole[1])
    for place, line in enumerate(lines):
        for field, value in json.loads(line).items():
            for forged in others(value):
                text = json.dumps({**json.loads(line), field: forged}, sort_keys=True, separators=(",", ":")) + "\n"
                reason, *_ = faults_with(whole, [*lines[:place], text, *lines[place + 1 :]])
                assert reason.startswith(f"line {place + 1} of "), field


def test_a_line_inserted_into_the_checkpoints_is_named(whole: tuple[Copy, Checkpoints]) -> None:
    _, lines = lines_of(whole[1])
    stranger = json.dumps({**json.loads(lines[0]), "writer": "f" * 32}, sort_keys=True, separators=(",", ":")) + "\n"
    for place in range(len(lines) + 1):
        assert faults_with(whole, [*lines[:place], stranger, *lines[place:]])


def test_checkpoints_that_were_all_removed_are_missed(whole: tuple[Copy, Checkpoints]) -> None:
    assert "without a checkpoint" in faults_with(whole, [])[0]
    path, lines = lines_of(whole[1])
    path.unlink()
    assert "without a checkpoint" in judged(whole, whole[0].records).faults[0].reason
    path.write_text("".join(lines), encoding="ascii")


def test_checkpoints_in_another_order_or_fewer_of_them_say_the_same(whole: tuple[Copy, Checkpoints]) -> None:
    """Each stands for itself; what a removed last one would have shown is for the folder to protect."""
    _, lines = lines_of(whole[1])
    for place in range(len(lines)):
        assert faults_with(whole, lines[place:] + lines[:place]) == []
        assert faults_with(whole, [one for number, one in enumerate(lines) if number != place]) == []


def test_damage_of_each_kind_is_named_in_a_real_database(engine: Engine, tmp_path: Path) -> None:
    trail, checkpoints = Trail(), folder(tmp_path)
    checkpointer = Checkpointer(trail, checkpoints)
    checkpointer.write()
    with engine.execution_options(writes=True).begin() as connection:
        trail.write(connection, [AuditEvent(kind, kind, "acme", "ada", "7" * 32, DETAILS) for kind in Kind])
    trail.committed()
    checkpointer.write()
    everything = records(engine)
    for record in everything:
        for altered in (
            [{**one, "subject": "eve"} if one is record else one for one in everything],
            [one for one in everything if one is not record],
        ):
            with engine.execution_options(writes=True).begin() as connection:
                connection.execute(audit.delete())
                connection.execute(audit.insert(), altered)
            assert [one.seq for one in verify(engine, checkpoints).faults] == [record["seq"]]
