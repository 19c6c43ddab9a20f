from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .configured import with_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
    recorder = open_recorder(settings)
    governance.stop(recorder, what, name, reason)
    called = click.get_current_context().find_root().command_path
    click.echo(f"The {what} {name} is stopped. Undo it with: {called} start {what} {name}")
    if what == "tenant":
        _doubt(name, recorder.engine)


def _doubt(tenant: str, engine: Engine) -> None:
    """No refusal: one that has not asked yet may be stopped too. But a misspelt one would go on spending."""
    from ..governance import Question, used

    if not used(engine, Question(by=("tenant",), tenant=tenant)):
        known = [row["tenant"] for row in used(engine, Question(by=("tenant",)))]
        there = f"there are {', '.join(known)}" if known else "there are none"
        click.echo(f"No tenant '{tenant}' has asked anything so far; {there}.", err=True)


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
