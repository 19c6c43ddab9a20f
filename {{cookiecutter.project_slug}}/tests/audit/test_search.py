from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import AuditEvent, Kind, Search, Trail, search


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


def test_a_record_of_another_tenant_is_never_found(engine: Engine) -> None:
    write(engine, AuditEvent(Kind.STARTED, "a" * 32, "globex", "ada", "b" * 32), AuditEvent(Kind.LOADED, "c" * 32))
    for wanted in (Search("acme"), Search("acme", call="a" * 32), Search("acme", trace="b" * 32), Search("")):
        assert search(engine, wanted) == ([], None)
