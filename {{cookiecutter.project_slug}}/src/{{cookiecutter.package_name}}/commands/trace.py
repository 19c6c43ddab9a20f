import os
import sys
from typing import Any

import click

from .http import fetch


@click.command()
@click.argument("trace_id")
def trace(trace_id: str) -> None:
    """Draw a request's trace as a tree, from the local trace sink."""
    port = os.environ.get("LOCAL_TRACE_PORT", "8920")
    hint = "Start the local stack with 'make serve'; if its trace sink is elsewhere, set LOCAL_TRACE_PORT."
    spans = fetch(f"http://127.0.0.1:{port}/traces/{trace_id}", hint=hint)
    if not isinstance(spans, list) or not spans:
        where = "Spans arrive within five seconds; the id is the one after 'trace' on a receipt."
        click.echo(f"The local trace sink knows no trace {trace_id}. {where}", err=True)
        sys.exit(1)
    _draw(spans, parent=None, depth=0)


def _draw(spans: list[dict[str, Any]], parent: str | None, depth: int) -> None:
    known = {span["span_id"] for span in spans}
    for span in sorted(spans, key=lambda one: int(one["start_ns"])):
        above = span["parent_id"] if span["parent_id"] in known else None
        if above == parent:
            milliseconds = (int(span["end_ns"]) - int(span["start_ns"])) / 1e6
            click.echo(f"{'  ' * depth}{span['name']}  {milliseconds:.1f} ms  {_told(span['attributes'])}")
            _draw(spans, span["span_id"], depth + 1)


def _told(attributes: dict[str, Any]) -> str:
    return "  ".join(
        f"{name.removeprefix('app.')}={value}" for name, value in attributes.items() if name.startswith("app.")
    )
