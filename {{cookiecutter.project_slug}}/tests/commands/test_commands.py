"""The commands for configuration and database."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }} import services
from {{ cookiecutter.package_name }}.governance import Feature

from tests.audit.signed import KEY, OLD_KEY, altered, folder, signed_trail
from tests.command import invoked as run
from tests.service import Service, configuration, deployment

ROUTES = {"assistant": {"try": ["only"]}}


@pytest.fixture
def where(engine: Engine, tmp_path: Path) -> dict[str, str]:
    models = {"deployments": {"only": deployment("http://127.0.0.1:1", region="us")}, "routes": ROUTES}
    return {
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "AUDIT_SIGNING_KEY": KEY,
        "CONFIG_DIR": str(configuration(tmp_path / "config", models=models)),
    }


async def test_verify_says_what_is_whole_and_names_a_tail_that_is_gone(
    engine: Engine, where: dict[str, str], tmp_path: Path
) -> None:
    trail = await signed_trail(engine, folder(tmp_path), 2)
    whole = run("audit", "verify", **where)
    assert (whole.exit_code, whole.stdout) == (
        0,
        "The trail verifies: 4 records by 1 writer, 0 calls without an end.\n",
    )
    altered(engine, "DELETE FROM audit WHERE seq = 4")
    cut = run("audit", "verify", **where)
    assert cut.exit_code == 1
    assert f"record 4 of writer {trail.writer}: is missing" in cut.stdout


async def test_retain_wants_a_reason_for_less_than_six_months(
    engine: Engine, where: dict[str, str], tmp_path: Path
) -> None:
    await signed_trail(engine, folder(tmp_path), 1)
    for missing in ([], ["--force"], ["--reason", "no"]):
        assert run("audit", "retain", "--days", "182", *missing, **where).exit_code == 2
    assert "0 records" in run("audit", "retain", "--days", "183", **where).stdout
    done = run("audit", "retain", "--days", "0", "--force", "--reason", "erasure of ada", **where)
    assert "2 records removed." in done.stdout
    assert "(2 of them removed)" in run("audit", "verify", **where).stdout
    altered(engine, "DELETE FROM audit WHERE seq = 2")
    refused = run("audit", "retain", "--days", "183", **where)
    assert refused.exit_code == 1
    assert "Nothing was removed" in refused.stderr


async def test_an_export_that_cannot_be_is_told_in_one_line_and_leaves_nothing(
    engine: Engine, where: dict[str, str], tmp_path: Path
) -> None:
    await signed_trail(engine, folder(tmp_path), 1)
    signed = folder(tmp_path).sizes()
    out = tmp_path / "out"
    another_key = {**where, "AUDIT_SIGNING_KEY": OLD_KEY}
    assert "[Errno 2]" in run("audit", "export", str(out / "trail.jsonl"), **where).stderr
    out.mkdir()
    for words in (["export", str(out / "trail.jsonl")], ["acknowledge", "--reason", "x"]):
        refused = run("audit", *words, **another_key)
        assert refused.exit_code == 1
        assert "is not signed with a key of AUDIT_SIGNING_KEY, or after its end. docs/runbooks/" in refused.stderr
        assert len(refused.output.splitlines()) == 1
    assert list(out.iterdir()) == []
    run("audit", "export", str(out / "trail.jsonl"), **where)
    assert [path.name for path in out.iterdir()] == ["trail.jsonl"]
    assert run("audit", "verify", **where).exit_code == 0
    assert len(folder(tmp_path).sizes()) == len(signed) + 1


def test_stop_and_start_name_what_they_do(where: dict[str, str]) -> None:
    unknown = run("stop", "deployment", "first", "--reason", "x", **where)
    assert unknown.exit_code == 2
    assert "there are only" in unknown.stderr
    assert run("stop", "route", "assistant", **where).exit_code == 2
    assert run("stop", "route", "assistant", "--reason", "it raves", **where).exit_code == 0
    assert "stopped: route assistant: it raves" in run("policy", **where).stdout
    assert "is started" in run("start", "route", "assistant", **where).stdout
    assert "was not stopped" in run("start", "route", "assistant", **where).stdout
    assert "stopped:" not in run("policy", **where).stdout


def test_the_matrix_marks_what_is_stopped(where: dict[str, str]) -> None:
    def internal(of: str) -> str:
        return next(line for line in of.splitlines() if "internal" in line)

    assert internal(run("policy", **where).stdout).split()[2:] == ["only", "analyst,", "employee,", "steward"]
    for what, name in (("deployment", "only"), ("route", "assistant")):
        run("stop", what, name, "--reason", "x", **where)
        assert "only (stopped)" in internal(run("policy", **where).stdout)
        cell = next(
            row for row in json.loads(run("policy", "--json", **where).stdout) if row["data_class"] == "internal"
        )
        assert (cell["deployments"], cell["stopped"]) == (["only"], ["only"])
        run("start", what, name, **where)
    run("stop", "tenant", "acme", "--reason", "unpaid", **where)
    assert "stopped: tenant acme: unpaid" in run("policy", **where).stdout


def test_a_stop_of_a_tenant_that_never_asked_is_done_and_doubted(where: dict[str, str]) -> None:
    stopped = run("stop", "tenant", "acne", "--reason", "unpaid", **where)
    assert "start tenant acne" in stopped.stdout
    assert "No tenant 'acne' has asked anything so far" in stopped.stderr
    assert "stopped: tenant acne: unpaid" in run("policy", **where).stdout


def test_a_feature_that_is_registered_wrongly_is_a_fault(
    where: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_features", lambda policy, faults: {"mine": print})
    told = run("policy", **where)
    assert told.exit_code == 78
    assert "services.py: _features: mine: call the open_" in told.stderr
    lost = Feature("asistant", lambda governed: pytest.fail("it was opened"))
    monkeypatch.setattr(services, "_features", lambda policy, faults: {"mine": lost})
    told = run("policy", **where)
    assert told.exit_code == 78
    assert "mine: asks the route 'asistant'; config/models.yaml has assistant" in told.stderr


def test_explain_names_the_rule_that_decides(where: dict[str, str]) -> None:
    def explained(role: str, data_class: str) -> tuple[int, str]:
        done = run("policy", "explain", "--role", role, "--class", data_class, "--route", "assistant", **where)
        return done.exit_code, done.stdout

    status, text = explained("employee", "internal")
    assert status == 0
    assert "policy.yaml:" in text
    assert "models.yaml:" in text
    assert text.endswith("may be answered by only\n")
    status, text = explained("employee", "confidential")
    assert status == 1
    assert "role employee may send data up to 'internal', and 'confidential' is above it" in text
    status, text = explained("analyst", "confidential")
    assert status == 1
    assert "demands regions [eu, local]; only has us" in text
    assert "does not have the permission models:ask" in explained("auditor", "public")[1]
    unknown = run("policy", "explain", "--role", "boss", "--class", "public", "--route", "assistant", **where)
    assert unknown.exit_code == 2
    assert "'boss' is unknown; there are analyst, auditor" in unknown.stderr


async def test_usage_comes_as_table_csv_and_json(service: Service) -> None:
    await service.ask()
    url = str(service.engine.url)
    table = run("usage", "--by", "user,route", DATABASE_URL=url).stdout.splitlines()
    assert table[0].split()[:3] == ["user", "route", "calls"]
    assert table[1].split()[:3] == ["ada", "assistant", "1"]
    assert run("usage", "--csv", "--by", "user", DATABASE_URL=url).stdout.splitlines()[1].startswith("ada,1,")
    assert json.loads(run("usage", "--json", "--by", "tenant", DATABASE_URL=url).stdout)[0]["tenant"] == "acme"
    assert run("usage", "--by", "colour", DATABASE_URL=url).exit_code == 2


def test_a_database_without_tables_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    told = run("usage", DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert told.exit_code == 1
    assert "Has 'migrate' been run?" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "verify"],
        ["audit", "export", "trail.jsonl"],
        ["feedback", "list"],
        ["start", "tenant", "acme"],
        ["usage"],
    ],
    ids=" ".join,
)
def test_a_database_that_is_not_there_is_told_and_not_made(
    words: list[str], where: dict[str, str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone.db"
    told = run(*words, **{**where, "DATABASE_URL": f"sqlite:///{gone}"})
    assert told.exit_code == 78
    assert f"DATABASE_URL: there is no file {gone}" in told.stderr
    assert not list(tmp_path.glob("gone.db*"))
