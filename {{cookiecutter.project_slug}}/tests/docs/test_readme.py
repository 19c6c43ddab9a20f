"""The README: one page, and what it shows is what one sees."""

import re

from {{ cookiecutter.package_name }}.cli import receipt_line

from tests.docs.pages import PROJECT, blocks, text


def test_the_readme_is_one_page() -> None:
    assert len(text(PROJECT / "README.md").splitlines()) <= 90
    assert len(text(PROJECT / "AGENTS.md").splitlines()) <= 60


def test_the_receipt_has_the_form_that_the_command_prints() -> None:
    (shown,) = (block for block in blocks(PROJECT / "README.md", "text") if "receipt:" in block)
    receipt = {
        "deployment": "local-large",
        "region": "local",
        "data_class": "internal",
        "attempts": 1,
        "input_tokens": 216,
        "output_tokens": 33,
        "cost_usd": 0.00012,
        "latency_ms": 43,
        "audit_id": "ff6065da41794ff9a64730669ceeabea",
    }
    assert receipt_line(receipt) in re.split(r"\n+", shown)
