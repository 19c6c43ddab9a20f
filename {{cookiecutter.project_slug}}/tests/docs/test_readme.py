"""What the README shows is what one sees."""

from {{ cookiecutter.package_name }}.commands import receipt_line

from tests.docs.pages import PROJECT, blocks

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
