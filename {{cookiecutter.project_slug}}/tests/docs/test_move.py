"""The diff of docs/change-the-provider.md: applied as it stands, with the same evaluation cases before and after."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx2

from assurance.evals.run import main
from assurance.evals.suite import HERE
from local.stack import Stack, local_stack, running_service
from tests.docs.pages import DOCS, blocks
from tests.service import TESTED

(DIFF,) = blocks(DOCS / "change-the-provider.md", "diff")
BEFORE, AFTER = ("\n".join(line[1:] for line in DIFF.splitlines() if line[0] in f" {sign}") for sign in "-+")


def moved(models: str) -> str:
    assert models.count(BEFORE) == 1
    return models.replace(BEFORE, AFTER)


async def evaluated(stack: Stack, config: Path) -> dict[str, Any]:
    """The report of `assurance/evals/cases/assistant.yaml`, asked of a service with this configuration."""
    folder = config.parent
    environment = {
        "CONFIG_DIR": str(config),
        "DATABASE_URL": f"sqlite:///{config}.db",
        "AUDIT_CHECKPOINTS": f"{config}-checkpoints",
        "LOG_LEVEL": "WARNING",
    }
    async with running_service(stack, environment) as service:
        options = {
            "--url": service.url,
            "--issuer": stack.issuer,
            "--cases": str(folder / "cases"),
            "--baselines": str(folder / "none"),
            "--reports": f"{config}-reports",
        }
        await asyncio.to_thread(main, [word for option in options.items() for word in option])
    return report(Path(f"{config}-reports", "latest.json"))


def report(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


async def asked(stack: Stack) -> set[str]:
    """Which models the model server was asked for, and in which wire format, since the last time."""
    async with httpx2.AsyncClient(base_url=stack.model_url) as http:
        found = set((await http.get("/control/stats")).json()["by_model"])
        await http.post("/control/reset")
    return found


def test_the_move_is_a_diff_of_three_lines() -> None:
    assert [line[0] for line in DIFF.splitlines() if line[0] != " "] == ["-", "-", "+", "+", "-", "+"]


async def test_the_same_cases_pass_before_and_after_the_move(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    shutil.copy(HERE / "cases" / "assistant.yaml", tmp_path / "cases")
    before, after = (Path(shutil.copytree(TESTED, tmp_path / name)) for name in ("before", "after"))
    models = after / "models.yaml"
    models.write_text(moved(models.read_text(encoding="utf-8")), encoding="utf-8")
    async with local_stack() as stack:
        first = await evaluated(stack, before)
        assert await asked(stack) == {"openai/local-large"}
        second = await evaluated(stack, after)
        assert await asked(stack) == {"anthropic/local-large"}
    assert (first["passed"], second["passed"]) == (True, True), (first, second)
    rows = [[(row["case"], row["passed"]) for row in one["verdicts"][0]["rows"]] for one in (first, second)]
    assert rows[0] == rows[1] != []
