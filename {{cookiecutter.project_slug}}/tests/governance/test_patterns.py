"""Rules of redaction of an organisation's own, in policy.yaml."""

from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.governance import open_redactor, open_scrub

from tests.command import invoked as run
from tests.service import Surroundings, configuration, running_service

BELGIAN = r"\b\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}\b"
CHANGES: dict[str, Any] = {"patterns": {"national_id": BELGIAN}, "redact": {"public": ["secret", "national_id"]}}


def test_a_pattern_is_a_rule_beside_the_others() -> None:
    redactor = open_redactor({"national_id": BELGIAN})
    text = "85.07.30-033.28 and ada@example.com"
    assert redactor(text, ["national_id"]) == "[national_id] and ada@example.com"
    assert redactor(text, ["email"]) == "85.07.30-033.28 and [email]"
    assert open_scrub({"national_id": BELGIAN})(text) == "[national_id] and [email]"


async def test_a_provider_is_not_sent_what_the_pattern_finds(tmp_path: Path, around: Surroundings) -> None:
    async with running_service(tmp_path, around, changes={"policy": CHANGES}) as service:
        assert (await service.ask("I am 85.07.30-033.28.")).status_code == 200
        assert (await around.upstream.stats())["last"]["messages"][0]["content"] == "I am [national_id]."


FAULTS = [
    ("a(", "is no regular expression"),
    ("x{0,3}", "matches a text in which nothing is"),
    ("a+", "repeats without end"),
    (r"a\\*", "repeats without end"),
    (".*", "repeats without end"),
    (r"\d{3,}", "repeats without end"),
    ("(a|b){,}c", "repeats without end"),
    ("a" * 201, "is long"),
]


@pytest.mark.parametrize(("pattern", "reason"), FAULTS)
def test_a_pattern_that_is_none_is_told_by_line(tmp_path: Path, pattern: str, reason: str) -> None:
    folder = configuration(tmp_path, policy={"patterns": {"mine": pattern}})
    refused = run("policy", CONFIG_DIR=str(folder))
    assert refused.exit_code == 78
    assert reason in refused.stderr
    assert "policy.yaml:" in refused.stderr


def test_names_that_clash_or_are_unknown_are_told(tmp_path: Path) -> None:
    changes = {"patterns": {"email": "x", "A b": "x", "mine": r"\+\*x"}, "redact": {"public": ["mine", "salary"]}}
    told = run("policy", CONFIG_DIR=str(configuration(tmp_path, policy=changes))).stderr
    assert "'email' is taken" in told
    assert "'A b' is taken, or no name" in told
    assert "'salary' is no rule; there are secret, email" in told
    assert "'mine'" not in told
