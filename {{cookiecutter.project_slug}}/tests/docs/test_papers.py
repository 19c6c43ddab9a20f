"""Papers: of the configuration in force, about the controls there are, with questions that can be counted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from assurance.readiness.project import OPEN
from tests.docs.pages import DOCS, PROJECT, blocks, names, pages, rows, text

PRINT = "python3 local/venv.py python -m assurance.papers"
REGISTER = DOCS / "governance" / "model-register.md"
THREATS = DOCS / "governance" / "threat-model.md"


def controls() -> set[str]:
    return set(yaml.safe_load(text(PROJECT / "controls.yaml"))["controls"])


def printed() -> str:
    deployments = yaml.safe_load(text(PROJECT / "config" / "models.yaml"))["deployments"].values()
    keys = {entry["api_key_env"]: "unused" for entry in deployments if "api_key_env" in entry}
    environment = {**os.environ, **keys, "ENVIRONMENT": "local", "CONFIG_DIR": "config", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "assurance.papers"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=True)
    return done.stdout.decode().replace("\r\n", "\n")


def test_the_model_register_is_of_the_models_in_force() -> None:
    (on_paper,) = blocks(REGISTER, "text")
    assert on_paper == printed(), f"{REGISTER} is out of date. Replace its block by what this prints: {PRINT}"
    assert blocks(REGISTER, "sh") == [f"{PRINT}\n"]


def test_the_threat_model_names_every_control_and_no_other() -> None:
    answers = [cells for cells in rows(THREATS) if len(cells) == 2]
    named = [name for _, cell in answers for name in names(cell)]
    assert set(named) == controls()
    assert len(named) == len(set(named)), "a control stands where it answers most"
    assert all(names(cell) for _, cell in answers), "a threat without a control is what remains"


def test_the_threat_model_says_what_is_not_solved_and_draws_where_trust_changes() -> None:
    assert "Prompt injection is not solved" in text(THREATS)
    (drawing,) = blocks(THREATS, "mermaid")
    for system in ("identity provider", "model provider", "database", "telemetry", "documents"):
        assert system in drawing


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_an_open_question_has_an_owner_and_a_week(page: Path) -> None:
    asked = re.findall(r"^- \*\*Open\*\*.*$", text(page), re.MULTILINE)
    assert [line for line in asked if not OPEN.fullmatch(line)] == []
