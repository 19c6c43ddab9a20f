"""What the README shows is what one sees."""

from {{ cookiecutter.package_name }}.cli import receipt_line

from tests.docs.pages import PROJECT, blocks

SHOWN = {
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


def test_a_receipt_is_shown_as_the_command_prints_it() -> None:
    lines = "".join(blocks(PROJECT / "README.md", "text")).splitlines()
    assert {line for line in lines if line.startswith("receipt:")} <= {receipt_line(SHOWN)}
