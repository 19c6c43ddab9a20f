import json
import subprocess
import sys
from typing import Any

import click

from ..settings import Settings
from ..wording import counted
from .configured import with_settings
from .http import fetch


@click.command()
@click.option("--user", required=True, help="ada, grace, sam, olga, nils or eve")
def token(user: str) -> None:
    """Print an access token of the local identity provider."""
    click.echo(_local_token(user))


@click.command()
@click.argument("question")
@click.option("--user", required=True, help="whose question it is, at the local identity provider")
@click.option("--model", default="assistant", show_default=True)
@click.option("--data-class", help="one of policy.yaml; default: its default_class")
@click.option("--json", "as_json", is_flag=True, help="print the whole answer as JSON")
@with_settings
def ask(settings: Settings, question: str, user: str, model: str, data_class: str | None, as_json: bool) -> None:
    """Ask the running service, over HTTP like any client."""
    if not question.strip():
        raise click.BadParameter("it is empty; nothing was sent", param_hint="QUESTION")
    headers = {"Authorization": f"Bearer {_local_token(user)}"}
    if data_class:
        headers["X-Data-Class"] = data_class
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    answer = fetch(f"{settings.public_url}/v1/chat/completions", body, headers)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif "error" in answer:
        error = answer["error"]
        said = error["message"].replace("X-Data-Class", "--data-class")
        click.echo(f"refused ({error['code']}): {said} [request {error['request_id']}]", err=True)
    else:
        click.echo(answer["choices"][0]["message"]["content"])
        click.echo(f"\n{receipt_line(answer['receipt'])}")
    sys.exit(1 if "error" in answer else 0)


def receipt_line(receipt: dict[str, Any]) -> str:
    cost = "cost unknown" if receipt["cost_usd"] is None else f"${receipt['cost_usd']:.6f}"
    more = ", a fallback" if receipt["fallback"] else ", none failed" if receipt["attempts"] > 1 else ""
    return (
        f"receipt: {receipt['deployment']} ({receipt['region']}) · {receipt['data_class']} · "
        f"{counted(receipt['attempts'], 'attempt')}{more} · "
        f"{receipt['input_tokens']}+{receipt['output_tokens']} tokens · {cost} · {receipt['latency_ms']} ms\n"
        f"audit {receipt['audit_id']} · trace {receipt['trace_id']}"
    )


def _local_token(user: str) -> str:
    """The local stack is no part of the package, so it is asked as a program."""
    command = [sys.executable, "-m", "local.sign_in", user]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 # our own module
    if asked.returncode:
        reason = asked.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise click.ClickException(f"The local identity provider gave no token: {reason[0]}")
    return asked.stdout.strip()
