from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .configured import with_settings

if TYPE_CHECKING:
    from ..governance import What

_WHAT = click.argument("what", type=click.Choice(["deployment", "route", "tenant"]))


@click.command()
@_WHAT
@click.argument("name")
@click.option("--reason", required=True, help="callers are told, and the audit trail keeps it")
@with_settings
def stop(settings: Settings, what: What, name: str, reason: str) -> None:
    """Stop a deployment, a route or a tenant on every replica, within two seconds."""
    from .. import governance
    from ..services import read_configuration
    from ..store import open_recorder

    catalogue = read_configuration(settings).catalogue
    known = {"deployment": set(catalogue.deployments), "route": set(catalogue.routes)}.get(what, {name})
    if name not in known:
        raise click.BadParameter(f"there is no {what} '{name}'; there are {', '.join(sorted(known))}")
    governance.stop(open_recorder(settings), what, name, reason)
    click.echo(f"The {what} {name} is stopped. Undo it with: start {what} {name}")


@click.command()
@_WHAT
@click.argument("name")
@click.option("--reason", default="", help="the audit trail keeps it")
@with_settings
def start(settings: Settings, what: What, name: str, reason: str) -> None:
    """Undo a stop."""
    from .. import governance
    from ..store import open_recorder

    was_stopped = governance.start(open_recorder(settings), what, name, reason)
    click.echo(f"The {what} {name} {'is started' if was_stopped else 'was not stopped'}.")
