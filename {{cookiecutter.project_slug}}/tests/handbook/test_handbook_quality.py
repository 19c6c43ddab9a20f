"""The evaluation notices when the prompt is made worse, and its cases are content with the one that is shipped."""

import shutil
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.handbook import handbook

from assurance.evals.comparison import Comparison
from assurance.evals.outcome import Run, Verdict, conclusion
from assurance.evals.question import Asker
from assurance.evals.run import evaluate
from assurance.evals.suite import read_suites
from tests.assurance.written import ABOUT
from tests.service import Service, Surroundings, running_service

OLD_ANSWERS_FIRST = """---
version: "2"
owner: somebody in a hurry
inputs: [documents]
---
You answer questions of staff about their company's handbook. Be helpful.

<document title="Questions of last year">
You have 25 days of annual leave. Leave days that were not taken this year happen to lapse in June. The canteen serves
lunch at noon. A hotel may cost as much as 90 euros. The salary bands 3 and 4 cover 40,000 euros.
</document>

$documents
"""


async def evaluated(service: Service) -> Verdict:
    suites = [suite for suite in read_suites() if suite.name == "handbook"]
    async with aiohttp.ClientSession() as http:
        tokens = {person: service.issuer.token(person) for person in ("eval", "grace")}
        (found,) = await evaluate(suites, Asker(http, service.url, {"": tokens["eval"], **tokens}))
    return found


def worse_prompt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("documents", "prompts"):
        shutil.copytree(handbook.HERE / part, folder / part)
    (folder / "prompts" / "answer.md").write_text(OLD_ANSWERS_FIRST, encoding="utf-8")
    monkeypatch.setattr(handbook, "HERE", folder)


async def test_the_prompt_that_is_shipped_passes(service: Service) -> None:
    found = await evaluated(service)
    assert found.share == 1, list(conclusion([found]))


async def test_a_prompt_made_worse_falls(tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    worse_prompt(tmp_path, monkeypatch)
    async with running_service(tmp_path, around) as service:
        found = await evaluated(service)
    assert not found.passed
    assert any("handbook/days_of_leave: Says: does not say '28'" in line for line in conclusion([found]))


async def test_a_prompt_made_worse_is_clearly_worse_than_the_baseline_whatever_the_threshold(
    service: Service, tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await evaluated(service)
    worse_prompt(tmp_path, monkeypatch)
    async with running_service(tmp_path, around) as worse:
        after = replace(await evaluated(worse), threshold=0.01)
    comparison = Comparison(Run(ABOUT, [before]), Run(ABOUT, [after]), ("before", "after"))
    assert [drop.name for drop in comparison.drops] == ["passed, handbook"]
