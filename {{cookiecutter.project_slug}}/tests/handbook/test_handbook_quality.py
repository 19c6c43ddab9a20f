"""The evaluation notices when the prompt is made worse, and its cases are content with the one that is shipped."""

import shutil
from pathlib import Path

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.handbook import handbook

from assurance.evals.question import Asker
from assurance.evals.report import Verdict, conclusion
from assurance.evals.run import judge
from assurance.evals.suite import read_suites
from tests.service import Service, Surroundings, running_service

WITHOUT_DOCUMENTS = """---
version: "2"
owner: somebody in a hurry
inputs: []
---
You answer questions of staff about their company's handbook. Be helpful.
"""


async def evaluated(service: Service) -> Verdict:
    suites = [suite for suite in read_suites() if suite.name == "handbook"]
    async with aiohttp.ClientSession() as http:
        (found,) = await judge(suites, Asker(http, service.url, service.issuer.token("eval")))
    return found


async def test_the_prompt_that_is_shipped_passes(service: Service) -> None:
    found = await evaluated(service)
    assert found.share == 1, list(conclusion([found]))


async def test_a_prompt_made_worse_falls(tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("documents", "prompts"):
        shutil.copytree(handbook.HERE / part, tmp_path / part)
    (tmp_path / "prompts" / "answer.md").write_text(WITHOUT_DOCUMENTS, encoding="utf-8")
    monkeypatch.setattr(handbook, "HERE", tmp_path)
    async with running_service(tmp_path, around) as service:
        found = await evaluated(service)
    assert not found.passed
    assert any("handbook/days_of_leave: Says: does not say '28'" in line for line in conclusion([found]))
