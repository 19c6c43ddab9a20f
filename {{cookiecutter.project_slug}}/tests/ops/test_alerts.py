"""Alerts, objectives, their rule tests, their runbooks, and the metrics that a running service really has."""

import re
import shlex
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from {{ cookiecutter.package_name }}.cli import main

from tests.ops.queries import unknown
from tests.programs import program

PROJECT = Path(__file__).parents[2]
OPS = PROJECT / "ops"
RUNBOOKS = {path.name: path for path in (PROJECT / "docs" / "runbooks").glob("*.md") if path.name != "README.md"}
RULE_TESTS = sorted(OPS.glob("alerts_*test.yaml"))


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((OPS / file).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {str(rule["alert"]): rule for rule in rules("alerts.yaml")}
RECORDED: dict[str, list[str]] = defaultdict(list)
for rule in rules("objectives.yaml"):
    RECORDED[rule["record"]].append(rule["expr"])
SECTIONS = [
    "What it means",
    "How bad",
    "First five minutes",
    "How to decide",
    "How to undo",
    "Whom to call",
    "Afterwards",
]


def queries(page: Path) -> list[str]:
    """What the page pastes to promtool."""
    asked = re.compile(r"""^promtool query instant "\$PROMETHEUS" '(.*)'$""", re.MULTILINE)
    return asked.findall(page.read_text(encoding="utf-8"))


EXPRESSIONS = {name: [str(rule["expr"])] for name, rule in ALERTS.items()}
EXPRESSIONS |= {name: queries(page) for name, page in RUNBOOKS.items()} | RECORDED


def promtool(*words: str | Path) -> str:
    command = [program("promtool", package="prometheus"), *words]
    ended = subprocess.run(command, cwd=OPS, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_rules_are_rules() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "alerts.yaml")
    assert f"{sum(map(len, RECORDED.values()))} rules found" in promtool("check", "rules", "objectives.yaml")


def test_the_rule_tests_pass() -> None:
    promtool("test", "rules", *RULE_TESTS)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_is_seen_firing_in_a_rule_test(name: str) -> None:
    assert f'alertname="{name}"' in "".join(path.read_text(encoding="utf-8") for path in RULE_TESTS)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_how_urgent_it_is_and_what_to_read(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    page = PROJECT / rule["annotations"]["runbook"]
    assert page.name in RUNBOOKS
    heading, _, urgency, *_ = page.read_text(encoding="utf-8").splitlines()
    assert heading == f"# {name}"
    assert urgency.startswith(f"A {rule['labels']['severity']}: ")


@pytest.mark.parametrize("name", RUNBOOKS)
def test_each_runbook_is_called_for_and_complete(name: str) -> None:
    text = RUNBOOKS[name].read_text(encoding="utf-8")
    named = [alert for alert, rule in ALERTS.items() if rule["annotations"]["runbook"].endswith(f"/{name}")]
    assert named or re.search("^When: ", text, re.MULTILINE), "no alert names it; begin it with a line 'When: …'"
    assert re.findall("^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert len(text.splitlines()) < 80
    assert f"]({name})" in (PROJECT / "docs" / "runbooks" / "README.md").read_text(encoding="utf-8")


def understand(words: list[str]) -> None:
    """Raises for a command, an option or an argument that the service's command does not have, or wants."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        command = command.commands[words.pop(0)]
    command.make_context("runbook", words)


def test_a_command_with_a_wrong_or_missing_option_is_noticed() -> None:
    understand(["audit", "acknowledge", "--reason", "a backup"])
    for wrong in (["audit", "acknowledge"], ["audit", "verify", "--fast"], ["stop", "replica", "one", "--reason", "x"]):
        with pytest.raises(click.UsageError):
            understand(wrong)


@pytest.mark.parametrize("name", RUNBOOKS)
def test_the_commands_of_a_runbook_exist(name: str, tmp_path: Path) -> None:
    page = RUNBOOKS[name].read_text(encoding="utf-8")
    commands = re.findall(r"python -m {{ cookiecutter.package_name }} ([^`|>;&\n]+)", page)
    for words in commands:
        understand(shlex.split(words))
    asked_for = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries(RUNBOOKS[name]))]
    assert asked_for or commands, "the first five minutes look at nothing"
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": asked_for}]}), encoding="utf-8")
    promtool("check", "rules", file)


@pytest.mark.parametrize("name", [name for name, asked in EXPRESSIONS.items() if asked])
async def test_what_is_asked_for_is_a_metric_of_the_service(name: str, found: dict[str, set[str]]) -> None:
    known = found | {record: {"slo"} for record in RECORDED}
    assert [one for expression in EXPRESSIONS[name] for one in unknown(expression, known)] == []


def test_each_metric_is_one_that_somebody_looks_at(found: dict[str, set[str]]) -> None:
    dashboards = [page.read_text(encoding="utf-8") for page in OPS.glob("dashboards/*.json")]
    asked_for = " ".join([*dashboards, *(one for several in EXPRESSIONS.values() for one in several)])
    families = {re.sub("_(bucket|count|sum|total)$", "", name) for name in found} - {"target_info"}
    assert {name for name in families if name not in asked_for} == set()
