"""The service's command: what one asks a running service, its configuration or its database."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from dotenv import load_dotenv

from . import __version__, commands
from .commands import with_settings
from .configfile import ConfigurationError, Faults
from .settings import Settings, settings_despite

GRACE = 30  # seconds that running answers get after SIGTERM


@click.group()
@click.version_option(__version__)
def main() -> None:
    """An AI service. Settings come from the environment and from a file .env; docs/settings.md lists them."""
    load_dotenv(Path(".env"))


for command in commands.COMMANDS:
    main.add_command(command)


@main.command()
@with_settings
def serve(settings: Settings) -> None:
    """Run the service. In the local environment migrations are applied first."""
    import uvicorn

    from .app import create_app
    from .database import migrate as apply_migrations
    from .database import opened
    from .governance import open_scrub
    from .services import read_to_start
    from .telemetry import configure_logs

    configuration, _ = read_to_start(settings, Faults())  # open_services tells what is only a warning
    configure_logs(settings.log_level, open_scrub(configuration.policy.patterns))
    with opened(settings.database_url) as engine:
        if settings.environment == "local":
            apply_migrations(engine)
    # Once everything is answered, uvicorn sends itself the signal that it was sent: to have ended so is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = create_app(settings)
    _spare_the_collector()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        forwarded_allow_ips=settings.trusted_proxies or "",
    )


def _spare_the_collector() -> None:
    """What is there by now stays: to look through it again and again took a fifth of each request (docs/adr/T018)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@main.command()
@with_settings
def migrate(settings: Settings) -> None:
    """Bring the database's tables up to date."""
    from .database import migrate as apply_migrations
    from .database import open_engine

    apply_migrations(open_engine(settings.database_url))
    click.echo("The database is up to date.")


@main.command()
@click.option("--user", required=True, help="ada, grace, sam, olga, nils or eve")
def token(user: str) -> None:
    """Print an access token of the local identity provider."""
    click.echo(_local_token(user))


@main.command()
@click.argument("question")
@click.option("--user", required=True, help="whose question it is, at the local identity provider")
@click.option("--model", default="assistant", show_default=True)
@click.option("--data-class", help="default: the policy's")
@click.option("--json", "as_json", is_flag=True, help="print the whole answer as JSON")
@with_settings
def ask(settings: Settings, question: str, user: str, model: str, data_class: str | None, as_json: bool) -> None:
    """Ask the running service, over HTTP like any client."""
    headers = {"Authorization": f"Bearer {_local_token(user)}"}
    if data_class:
        headers["X-Data-Class"] = data_class
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    answer = _http(f"{settings.public_url}/v1/chat/completions", body, headers)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif "error" in answer:
        error = answer["error"]
        click.echo(f"refused ({error['code']}): {error['message']} [request {error['request_id']}]", err=True)
    else:
        click.echo(answer["choices"][0]["message"]["content"])
        click.echo(f"\n{receipt_line(answer['receipt'])}")
    sys.exit(1 if "error" in answer else 0)


def receipt_line(receipt: dict[str, Any]) -> str:
    cost = "cost unknown" if receipt["cost_usd"] is None else f"${receipt['cost_usd']:.6f}"
    return (
        f"receipt: {receipt['deployment']} ({receipt['region']}) · {receipt['data_class']} · "
        f"attempt {receipt['attempts']} · "
        f"{receipt['input_tokens']}+{receipt['output_tokens']} tokens · {cost} · {receipt['latency_ms']} ms\n"
        f"audit {receipt['audit_id']} · trace {receipt['trace_id']}"
    )


@main.command()
@click.argument("trace_id")
def trace(trace_id: str) -> None:
    """Draw a request's trace as a tree, from the local trace sink."""
    port = os.environ.get("LOCAL_TRACE_PORT", "8920")
    hint = "Start the local stack with 'make serve'; if its trace sink is elsewhere, set LOCAL_TRACE_PORT."
    spans = _http(f"http://127.0.0.1:{port}/traces/{trace_id}", hint=hint)
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


@main.command()
def doctor() -> None:
    """Say what is missing on this machine, and what to do about it."""
    findings = list(_findings())
    for good, text in findings:
        click.echo(f"{'ok     ' if good else 'MISSING'}  {text}")
    sys.exit(0 if all(good for good, _ in findings) else 1)


def _findings() -> list[tuple[bool, str]]:
    found = [(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}; 3.11 or newer is needed")]
    from .services import read_to_start

    faults = Faults()
    settings = settings_despite(faults)
    try:
        read_to_start(settings, faults)
        found.append((True, f"the configuration in {settings.config_dir}/ is whole"))
    except ConfigurationError as error:
        found.extend((False, fault) for fault in error.faults)
    for name, url in (
        ("issuer", f"{settings.oidc_issuer}/.well-known/openid-configuration"),
        ("service", f"{settings.public_url}/readyz"),
    ):
        answer = _http(url, missing_is_none=True)
        found.append(
            (
                answer is not None,
                f"the {name} {'answers' if answer is not None else 'does not answer'} at {url}",
            )
        )
    return found


def _local_token(user: str) -> str:
    """The local stack is no part of the package, so it is asked as a program."""
    command = [sys.executable, "-m", "local.sign_in", user]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 # our own module
    if asked.returncode:
        reason = asked.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise click.ClickException(f"The local identity provider gave no token: {reason[0]}")
    return asked.stdout.strip()


_START_IT = "Start it with 'make serve'; if it runs elsewhere, set PORT or PUBLIC_URL."


def _http(
    url: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    missing_is_none: bool = False,
    hint: str = _START_IT,
) -> Any:
    import urllib.error
    import urllib.request

    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})  # noqa: S310 # an address of ours
    try:
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 # likewise
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except (OSError, ValueError):
        if missing_is_none:
            return None
        raise click.ClickException(f"Nothing answers at {url}. {hint}") from None
