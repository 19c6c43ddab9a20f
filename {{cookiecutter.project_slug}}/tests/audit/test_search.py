import json
from pathlib import Path

from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import AuditEvent, Kind, Recorder, Search, Trail, retain, search

from tests.audit.signed import folder, signed_trail
from tests.audit.test_retention import OLD
from tests.command import invoked as run


def write(engine: Engine, *events: AuditEvent) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        Trail().write(connection, events)


def test_pages_follow_each_other_newest_first_even_at_the_same_time(engine: Engine) -> None:
    at = "2026-03-01T00:00:00.000000Z"
    for _ in range(2):
        write(engine, *(AuditEvent(Kind.STARTED, f"{number:032x}", "acme", "ada", at=at) for number in range(5)))
    first, place = search(engine, Search("acme", limit=6))
    rest, end = search(engine, Search("acme", after=place, limit=6))
    assert (len(first), len(rest), end) == (6, 4, None)
    found = [(one["writer"], one["seq"]) for one in first + rest]
    assert found == sorted(set(found), reverse=True)


def test_an_operator_searches_all_tenants_by_kind_and_time(engine: Engine) -> None:
    kinds = (Kind.STARTED, Kind.REFUSED, Kind.FINISHED, Kind.REFUSED)
    old = "2026-03-01T09:15:00.000000Z"
    write(engine, *(AuditEvent(kind, "a" * 32, "acme", at=old) for kind in kinds))
    write(engine, *(AuditEvent(kind, "b" * 32, "globex") for kind in kinds))
    url = engine.url.render_as_string(hide_password=False)

    def found(*words: str) -> list[tuple[str, str]]:
        lines = run("audit", "search", *words, DATABASE_URL=url).stdout.splitlines()
        return [(one["tenant"], one["kind"]) for one in map(json.loads, lines)]

    assert len(found()) == 8
    assert found("--kind", "refused") == [("globex", "refused")] * 2 + [("acme", "refused")] * 2
    assert found("--kind", "refused", "--since", "15m") == [("globex", "refused")] * 2
    assert found("--until", "2026-03-01T09:15", "--kind", "refused") == []
    assert found("--until", "2026-03-01T09:16", "--kind", "refused", "--kind", "started") == [
        *(("acme", "refused"), ("acme", "refused"), ("acme", "started"))
    ]
    assert found("--since", "1d", "--tenant", "acme") == []
    assert found("--call", "a" * 32, "--limit", "1") == [("acme", "refused")]
    for wrong in (["--kind", "refusal"], ["--since", "yesterday"], ["--limit", "0"]):
        assert run("audit", "search", *wrong, DATABASE_URL=url).exit_code == 2


async def test_a_search_passes_over_what_was_removed(engine: Engine, tmp_path: Path) -> None:
    await signed_trail(engine, folder(tmp_path), 2, at=OLD)
    retain(Recorder(engine, folder(tmp_path)), 200, "the law")
    found, _ = search(engine, Search(None))
    assert [one["kind"] for one in found] == ["retained"]


def test_a_search_says_when_there_is_more(engine: Engine) -> None:
    write(engine, *(AuditEvent(Kind.STARTED, f"{number:032x}", "acme") for number in range(5)))
    url = engine.url.render_as_string(hide_password=False)
    for limit, count, more in ((5, 5, False), (4, 4, True), (3, 3, True), (9, 5, False)):
        done = run("audit", "search", "--limit", str(limit), DATABASE_URL=url)
        calls = [json.loads(line)["seq"] for line in done.stdout.splitlines()]
        assert calls == [5, 4, 3, 2, 1][:count]
        assert ("There are older ones" in done.stderr) == more


def test_a_record_of_another_tenant_is_never_found(engine: Engine) -> None:
    write(engine, AuditEvent(Kind.STARTED, "a" * 32, "globex", "ada", "b" * 32), AuditEvent(Kind.LOADED, "c" * 32))
    for wanted in (Search("acme"), Search("acme", call="a" * 32), Search("acme", trace="b" * 32), Search("")):
        assert search(engine, wanted) == ([], None)
