"""docs/slos.md says what the rules say."""

import re
from itertools import chain

import yaml

from tests.docs.pages import DOCS, PROJECT, names, rows

GROUPS = [
    yaml.safe_load((PROJECT / "ops" / file).read_text(encoding="utf-8"))["groups"]
    for file in ("objectives.yaml", "alerts.yaml")
]
RULES = [rule for group in chain(*GROUPS) for rule in group["rules"]]
ROWS = list(rows(DOCS / "slos.md"))
OBJECTIVES = {names(row[0])[0]: row for row in ROWS if len(row) == 4}


def recorded(record: str) -> dict[str, str]:
    """The expression for each objective."""
    return {rule["labels"]["slo"]: rule["expr"] for rule in RULES if rule.get("record") == record}


def test_each_objective_has_the_number_of_its_rule() -> None:
    allowed = recorded("slo:allowed:per_event")
    assert {name: f"vector({names(row[3])[0]})" for name, row in OBJECTIVES.items()} == allowed


def test_each_share_is_what_its_budget_leaves() -> None:
    for name, (_, _, objective, allowed) in OBJECTIVES.items():
        number = float(names(allowed)[0])
        said = f"costs {number:g} USD" if name == "cost" else f"{100 * (1 - number):g} %"
        assert said in objective


def test_each_bound_is_that_of_its_rule() -> None:
    spent = recorded("slo:spent:rate5m")
    assert {name: names(row[2]) for name, row in OBJECTIVES.items()} == {
        name: re.findall(r'le="([^"]+)"', expression) for name, expression in spent.items()
    }


def test_each_alert_burns_at_the_rates_and_over_the_windows_of_its_rule() -> None:
    alerts = {rule["alert"]: rule["expr"] for rule in RULES if "alert" in rule}
    burns = [row for row in ROWS if len(row) == 5]
    told = [
        (row[0], f"slo:burn_rate:{window} > {names(row[1])[0]}") for row in burns for window in names(row[2] + row[3])
    ]
    assert told == [
        (name, comparison)
        for name, expression in alerts.items()
        for comparison in re.findall(r"slo:burn_rate:\w+ > [\d.]+", expression)
    ]
    assert [row[4] for row in burns] == [f"{30 / float(names(row[1])[0]):.0f} days" for row in burns]
