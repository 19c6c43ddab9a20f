"""docs/governance/policy-matrix.md is what the policy says."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.docs.pages import DOCS, PROJECT, blocks

CONFIG = PROJECT / "config"
PRINT = "python3 local/venv.py {{ cookiecutter.project_slug }} policy"


def printed(folder: Path) -> str:
    """In a folder of its own, where no .env file is; a key must be there and is never used."""
    deployments = yaml.safe_load((CONFIG / "models.yaml").read_text(encoding="utf-8"))["deployments"].values()
    environment = {
        **os.environ,
        **{entry["api_key_env"]: "unused" for entry in deployments if "api_key_env" in entry},
        "OIDC_ISSUER": "https://login.example.com",
        "OIDC_AUDIENCE": "service",
        "CONFIG_DIR": str(CONFIG),
        "PYTHONPATH": str(PROJECT / "src"),
        "PYTHONIOENCODING": "utf-8",
    }
    command = [sys.executable, "-m", "{{ cookiecutter.package_name }}", "policy"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def test_the_matrix_on_paper_is_the_one_in_force(tmp_path: Path) -> None:
    page = DOCS / "governance" / "policy-matrix.md"
    (on_paper,) = blocks(page, "text")
    version, in_force = printed(tmp_path).replace("\r\n", "\n").split("\n", 1)
    assert version.startswith("policy ")
    assert on_paper == in_force, f"{page} is out of date. Replace its block by all but the first line of: {PRINT}"


def test_the_page_names_the_command_that_writes_it_again() -> None:
    assert blocks(DOCS / "governance" / "policy-matrix.md", "sh") == [f"{PRINT}\n"]
