import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, insert, update

from {{ cookiecutter.package_name }}.audit import Kind, Trail, verify
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.audit.trail import link
from {{ cookiecutter.package_name }}.database import Writer, open_engine, running
from {{ cookiecutter.package_name }}.errors import AuditUnavailable

from tests.audit.trails import Copy, Record, generated, records, undone
from tests.audit.trails import event as audit_event
from tests.silence import METRICS
from tests.tables import make_tables

CALLS = 4
COLUMNS = [column.name for column in audit.columns]


@pytest.fixture
async def copy(tmp_path: Path) -> Copy:
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    make_tables(engine)
    await generated(engine, CALLS)
    engine.dispose()
    return Copy(engine)


def changed(record: Record, **values: Any) -> Record:
    return {**record, **values}


def replaced(copy: Copy, place: int, record: Record) -> list[Record]:
    return [record if one is copy.records[place] else one for one in copy.records]


def other(value: Any) -> Any:
    """Another value of the same type, as somebody would write it who has something to hide."""
    match value:
        case bool() | None:
            return not value
        case int():
            return value + 1
        case str():
            return f"{value[:-1]}{'0' if value[-1:] != '0' else '1'}"
        case _:
            return [*value, "steward"]


async def test_a_whole_trail_verifies(copy: Copy) -> None:
    verdict = copy.verdict(copy.records)
    assert (verdict.records, verdict.writers, verdict.unfinished, verdict.faults) == (2 * CALLS, 1, 0, [])
    assert copy.verdict([]).faults == []


async def test_each_changed_column_of_each_record_is_named(copy: Copy) -> None:
    for place, record in enumerate(copy.records):
        for column in COLUMNS:
            values = (0, 99, -1) if column == "seq" else (other(record[column]), "")
            for value in values:
                verdict = copy.verdict(replaced(copy, place, changed(record, **{column: value})))
                named = {(one.writer, one.seq) for one in verdict.faults}
                # One that left its place is missing there; the last one is missed by nobody, but fits nowhere else.
                assert named & {(record["writer"], record["seq"]), (record["writer"], value), (value, 1)}, column


async def test_each_changed_field_of_each_record_is_named(copy: Copy) -> None:
    for place, record in enumerate(copy.records):
        body = json.loads(record["body"])
        for field, value in body.items():
            forged = json.dumps({**body, field: other(value)}, sort_keys=True, separators=(",", ":"))
            columns = {field: other(value)} if field in COLUMNS and field not in ("writer", "seq") else {}
            faults = copy.verdict(replaced(copy, place, changed(record, body=forged, **columns))).faults
            assert [one.seq for one in faults] == [record["seq"]], field
            assert "does not fit its hash" in faults[0].reason


async def test_a_record_that_was_changed_and_hashed_again_breaks_at_the_next_one(copy: Copy) -> None:
    for place, record in enumerate(copy.records[:-1]):
        previous = copy.records[place - 1]["hash"] if place else "0" * 64
        body = record["body"].replace('"internal"', '"public"')
        faults = copy.verdict(replaced(copy, place, changed(record, body=body, hash=link(previous, body)))).faults
        assert [one.seq for one in faults] == [record["seq"] + 1]
        assert "the record before it" in faults[0].reason


async def test_each_removed_record_but_the_last_is_named(copy: Copy) -> None:
    for place in range(len(copy.records) - 1):
        faults = copy.verdict([one for number, one in enumerate(copy.records) if number != place]).faults
        assert [(one.seq, one.reason) for one in faults] == [(place + 1, "is missing")]


async def test_each_exchange_of_two_records_is_named(copy: Copy) -> None:
    for first in range(len(copy.records)):
        for second in range(first + 1, len(copy.records)):
            swapped = list(copy.records)
            swapped[first] = changed(copy.records[second], seq=first + 1)
            swapped[second] = changed(copy.records[first], seq=second + 1)
            assert [one.seq for one in copy.verdict(swapped).faults] == [first + 1]


async def test_each_inserted_record_is_named(copy: Copy) -> None:
    for place in range(len(copy.records)):
        for fits in (False, True):
            before, after = copy.records[:place], [changed(one, seq=one["seq"] + 1) for one in copy.records[place:]]
            body = copy.records[0]["body"].replace('"seq":1,', f'"seq":{place + 1},')
            digest = link(before[-1]["hash"] if before else "0" * 64, body) if fits else copy.records[0]["hash"]
            forged = changed(copy.records[0], seq=place + 1, body=body, hash=digest)
            faults = copy.verdict([*before, forged, *after]).faults
            if fits or place == 0:
                assert [one.seq for one in faults] == [place + 2]
                assert "the record before it" in faults[0].reason
            else:
                assert [one.seq for one in faults] == [place + 1]


@pytest.mark.parametrize(
    "value", ["99", "x'ff'", "'\u00e9'", "char(0)", "''"], ids=["number", "bytes", "letter", "nul", "empty"]
)
@pytest.mark.parametrize("column", ["seq", "at", "tenant", "body", "hash"])
async def test_a_value_of_the_wrong_type_is_a_fault_and_no_crash(copy: Copy, column: str, value: str) -> None:
    faults = copy.execute(f"UPDATE audit SET {column} = {value} WHERE seq = 3").faults
    assert [one.seq for one in faults] == [3]


async def test_a_last_record_that_is_no_record_is_named_even_with_the_right_hash(copy: Copy) -> None:
    for body in ("garbage", "[]", "7", "{}"):
        last = changed(copy.records[-1], body=body, hash=link(copy.records[-2]["hash"], body))
        assert [one.seq for one in copy.verdict([*copy.records[:-1], last]).faults] == [2 * CALLS]


async def test_damage_to_the_database_itself_is_named(engine: Engine) -> None:
    await generated(engine, CALLS)
    writable = engine.execution_options(writes=True)
    for statement in (
        update(audit).where(audit.c.seq == 3).values(subject="eve"),
        update(audit).where(audit.c.seq == 3).values(body=audit.c.body + " "),
        audit.delete().where(audit.c.seq == 3),
    ):
        with undone(engine):
            with writable.begin() as connection:
                connection.execute(statement)
            assert [one.seq for one in verify(engine).faults] == [3]
    assert verify(engine).faults == []


async def test_each_writer_has_a_chain_of_its_own(engine: Engine) -> None:
    trails = [Trail(), Trail()]
    async with running(Writer(engine, trails, METRICS)) as writer:
        for number in range(6):
            await writer.commit({trails[number % 2]: audit_event(number)})
    verdict = verify(engine)
    assert (verdict.records, verdict.writers, verdict.unfinished, verdict.faults) == (6, 2, 6, [])
    stolen = changed(records(engine)[0], writer=trails[1].writer, seq=4)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(audit), [stolen])
    assert [(one.writer, one.seq) for one in verify(engine).faults] == [(trails[1].writer, 4)]


async def test_two_processes_write_side_by_side_without_waiting_for_each_other(engine: Engine) -> None:
    async def life() -> None:
        trail = Trail()
        async with running(Writer(engine, [trail], METRICS)) as writer:
            await asyncio.gather(*(writer.commit({trail: audit_event(number)}) for number in range(50)))

    await asyncio.gather(life(), life())
    verdict = verify(engine)
    assert (verdict.records, verdict.writers, verdict.faults) == (100, 2, [])


@pytest.mark.parametrize("committed", [False, True], ids=["rolled back", "committed, but the answer was lost"])
async def test_after_a_lost_commit_the_chain_goes_on_from_what_is_in_the_table(engine: Engine, committed: bool) -> None:
    def lose(connection: Connection) -> None:
        if committed:
            connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]  # it is open
        raise RuntimeError("a fault of this test's making")

    trail = Trail()
    async with running(Writer(engine, [trail], METRICS)) as writer:
        await writer.commit({trail: audit_event(1)})
        event.listen(engine, "commit", lose)
        with pytest.raises(AuditUnavailable):
            await writer.commit({trail: audit_event(2)})
        event.remove(engine, "commit", lose)
        await writer.commit({trail: audit_event(3)})
    assert [one["seq"] for one in records(engine)] == ([1, 2, 3] if committed else [1, 2])
    assert verify(engine).faults == []


async def test_calls_without_an_end_are_counted(engine: Engine) -> None:
    trail = Trail()
    async with running(Writer(engine, [trail], METRICS)) as writer:
        await writer.commit({trail: audit_event(1)})
        await writer.commit({trail: audit_event(2)})
        await writer.commit({trail: audit_event(1, Kind.FINISHED)})
    assert verify(engine).unfinished == 1


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\u202e", "e\u0301", "x" * 1_000_000, '"\\', "\x1b[31m", "=cmd()"])
async def test_hostile_text_is_stored_and_verified(engine: Engine, text: str) -> None:
    trail = Trail()
    async with running(Writer(engine, [trail], METRICS)) as writer:
        await writer.commit({trail: audit_event(1, reason=text)})
    assert json.loads(records(engine)[0]["body"])["reason"] == text
    assert verify(engine).faults == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), JSON))
def test_the_canonical_form_is_ascii_on_one_line_and_its_own_fixed_point(details: dict[str, Any]) -> None:
    body = audit_event(1, **details).body("w", 1)
    assert body.isascii()
    assert body.isprintable()
    assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")) == body
    assert json.loads(body)["seq"] == 1  # no detail takes the place of what the record is about


def test_the_chain_can_be_followed_by_hand() -> None:
    """SHA-256 over the hash before, a line feed, and the record's text: `printf '%064d\n{}' 0 | sha256sum`."""
    assert link("0" * 64, "{}") == "5649d09ed68c17156095d175eef152856c5b1a81c117c409c1e00f096aa6838e"


async def test_times_are_of_one_length_so_that_their_text_sorts_by_time(copy: Copy) -> None:
    assert {len(one["at"]) for one in copy.records} == {27}
    assert [one["at"] for one in copy.records] == sorted(one["at"] for one in copy.records)
