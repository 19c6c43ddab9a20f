"""What the README shows is what one sees."""

from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.commands import receipt_line

from tests.docs.pages import PROJECT, blocks
from tests.service import Surroundings, deployment, running_service

SHOWN = {
    "deployment": "local-large",
    "region": "local",
    "data_class": "internal",
    "attempts": 1,
    "fallback": False,
    "input_tokens": 224,
    "output_tokens": 40,
    "cost_usd": 0.000136,
    "latency_ms": 43,
    "audit_id": "ff6065da41794ff9a64730669ceeabea",
    "trace_id": "387ef261697e6dc1df828a188c8297c1",
}


def test_a_receipt_is_shown_as_the_command_prints_it() -> None:
    assert receipt_line(SHOWN) in "".join(blocks(PROJECT / "README.md", "text"))


async def test_the_numbers_are_those_that_one_gets(tmp_path: Path, around: Surroundings) -> None:
    """Of the example; whoever changes its prompt, documents or tool writes the new ones into README.md."""
    large = deployment(around.upstream.url, price={"input_per_million": 0.25, "output_per_million": 2})
    alone = {"deployments": {"local-large": large}, "routes": {"assistant": {"try": ["local-large"]}}}
    async with running_service(tmp_path, around, changes={"models": alone}) as service:
        answer = await service.ask("How many days of annual leave are there?", model="handbook")
    if answer.status_code == 404:
        pytest.skip("the example was deleted")
    receipt, counts = answer.json()["receipt"], ("input_tokens", "output_tokens", "cost_usd")
    assert {name: receipt[name] for name in counts} == {name: SHOWN[name] for name in counts}
