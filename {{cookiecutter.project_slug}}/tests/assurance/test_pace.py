"""The rules at another pace: durations shrink, and nothing else does."""

import subprocess
from pathlib import Path

import pytest
import yaml

from assurance.drills.pace import alerts, expressions, paced, paced_expression, read_rules, shorter
from tests.programs import program

RULES = read_rules()
SHRUNK = [
    ("rate(x_total[5m]) > 5", "rate(x_total[5000ms]) > 5"),
    ("increase(x_total[14d] offset 1d)", "increase(x_total[20160000ms] offset 1440000ms)"),
    ("max_over_time(x[1h30m:1m])", "max_over_time(x[90000ms:1000ms])"),
    ("x offset -5m", "x offset -5000ms"),
    ("x[1ms]", "x[1ms]"),
]
KEPT = [
    "slo:spent:rate5m > 14.4 * 0.005",
    """x{path="[5m] offset 1h", other='[1m]'} # not [5m] either""",
    "x unless on (job) y > 60",
]


@pytest.mark.parametrize(("before", "after"), SHRUNK)
def test_the_durations_of_an_expression_are_divided(before: str, after: str) -> None:
    assert paced_expression(before, 60) == after


@pytest.mark.parametrize("expression", KEPT)
def test_what_only_looks_like_a_duration_stays(expression: str) -> None:
    assert paced_expression(expression, 60) == expression


def test_a_duration_of_nothing_stays_nothing() -> None:
    assert [shorter(one, 60) for one in ("0s", "10m", "1w", "30ms")] == ["0s", "10000ms", "10080000ms", "1ms"]


def test_of_a_rule_only_what_lasts_is_changed() -> None:
    rule = {"alert": "A", "expr": "rate(x[1h]) > 3", "for": "5m", "labels": {"window": "5m"}}
    group = {"name": "every 5m", "interval": "1m", "rules": [rule]}
    there = paced({"groups": [group]}, 60)["groups"][0]
    assert there == {"name": "every 5m", "rules": [{**rule, "expr": "rate(x[60000ms]) > 3", "for": "5000ms"}]}


def test_every_shipped_alert_is_found_with_its_runbook() -> None:
    assert "alerts.yaml" in RULES
    assert all(page.startswith("docs/runbooks/") for page in alerts(RULES).values())
    assert all(expressions(RULES, name) for name in alerts(RULES))


@pytest.mark.parametrize("name", RULES)
def test_the_shipped_rules_are_rules_at_any_pace(name: str, tmp_path: Path) -> None:
    promtool = program("promtool", package="prometheus")
    for pace in (12, 60, 8640):
        path = tmp_path / f"{pace}-{name}"
        path.write_text(yaml.safe_dump(paced(RULES[name], pace)), encoding="utf-8")
        ended = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
