from sqlalchemy import Engine, insert, select

from {{ cookiecutter.package_name }}.audit import Kind
from {{ cookiecutter.package_name }}.audit.tables import audit, of_kind


def test_rare_kinds_are_found_by_their_index_and_not_by_reading_every_call(engine: Engine) -> None:
    calls = [
        {"writer": "w", "seq": seq, "at": "2026", "kind": Kind.STARTED, "call_id": "c", "body": "{}", "hash": "h"}
        for seq in range(5_000)
    ]
    wanted = select(audit.c.body).where(of_kind(Kind.RETAINED))
    query = wanted.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(audit), calls)
        connection.exec_driver_sql("ANALYZE audit")
        explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        plan = " ".join(map(str, connection.exec_driver_sql(f"{explain} {query}").all()))
    assert "ix_audit_rare" in plan
