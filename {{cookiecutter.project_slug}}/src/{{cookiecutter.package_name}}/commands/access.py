import asyncio
import sys

import click

from ..configfile import ConfigurationError, Faults, read
from ..settings import Settings, is_loopback
from ..wording import counted
from .configured import with_settings


@click.group()
def access() -> None:
    """Who may do what, and why not."""


@access.command()
@click.argument("token")
@with_settings
def explain(settings: Settings, token: str) -> None:
    """Tell which claim of TOKEN gave which role, and why a permission is missing.

    '-' reads it from standard input, which keeps it out of the shell's history.
    """
    from .. import identity
    from ..services import read_configuration

    unverified = sys.stdin.read().strip() if token == "-" else token  # noqa: S105 # a dash
    rules = read_configuration(settings).access
    lines = asyncio.run(identity.explain(unverified, rules, settings.oidc_issuer, settings.oidc_audience))
    click.echo("\n".join(lines))
    sys.exit(0 if lines[0].startswith("accepted") else 1)


@access.command()
@click.option("--provider", required=True, help="a file of config/presets, without .yaml")
@click.option("--public-url", help="where the service will be; default: PUBLIC_URL")
@click.option("--audience", help="default: OIDC_AUDIENCE")
@with_settings
def request(settings: Settings, provider: str, public_url: str | None, audience: str | None) -> None:
    """Print the ticket for the identity team: what this service needs of them, and why."""
    from .. import identity

    known = {path.stem: path for path in (settings.config_dir / "presets").glob("*.yaml")}
    if provider not in known:
        raise click.BadParameter(f"there is no preset '{provider}', but {', '.join(sorted(known)) or 'none at all'}")
    faults = Faults()
    preset = read(known[provider], identity.AccessRules, faults)
    if preset is None:
        raise click.ClickException(str(ConfigurationError(faults.found)))
    address = public_url or settings.public_url
    if is_loopback(address):
        click.echo(f"{address} is this machine: give --public-url, the address that people will use.", err=True)
    if not audience and "oidc_audience" not in settings.model_fields_set:
        click.echo(
            f"'{settings.oidc_audience}' is a laptop's audience: give --audience, or set OIDC_AUDIENCE.", err=True
        )
    audience = audience or settings.oidc_audience
    click.echo(identity.ticket(preset.content, provider=provider, public_url=address, audience=audience))


@access.command("sign-out")
@click.option("--tenant", required=True)
@click.option("--user", required=True, help="as the audit trail names them")
@click.option("--reason", required=True, help="the audit trail keeps it")
@with_settings
def sign_out(settings: Settings, tenant: str, user: str, reason: str) -> None:
    """End every session of one person, on all machines and replicas, at once. A token is good until it expires."""
    from ..audit import Kind
    from ..identity import Seal, end_sessions
    from ..store import open_recorder

    recorder = open_recorder(settings)
    with recorder.transaction() as connection:
        ended = end_sessions(connection, Seal(settings.secret_key, "sessions"), tenant, user)
        recorder.record(connection, Kind.LOGGED_OUT, {"sessions": ended, "reason": reason}, tenant, user)
    click.echo(f"{counted(ended, 'session')} of {user} of {tenant} ended.")
