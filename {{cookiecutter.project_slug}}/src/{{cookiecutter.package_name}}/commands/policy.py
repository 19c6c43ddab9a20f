from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .configured import with_settings

if TYPE_CHECKING:
    from ..governance import Stops


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def policy(context: click.Context, as_json: bool) -> None:
    """Print which deployments may answer, by route and class of data, and what is stopped."""
    if context.invoked_subcommand is None:
        matrix(as_json)


@with_settings
def matrix(settings: Settings, as_json: bool) -> None:
    from ..services import read_configuration

    compiled = read_configuration(settings).policy
    rows = [(route, name, [one.name for one in cell.deployments]) for (name, route), cell in compiled.matrix.items()]
    if as_json:
        click.echo(
            json.dumps([{"route": route, "data_class": name, "deployments": found} for route, name, found in rows])
        )
        return
    click.echo(f"policy {compiled.version}")
    for route, name, found in rows:
        click.echo(f"  {route:<16} {name:<16} {', '.join(found) or '- none -'}")
        for reason in () if found else compiled.matrix[name, route].kept_out:
            click.echo(f"  {'':<33} {reason}")
    for (what, name), reason in _stopped(settings).items():
        click.echo(f"  stopped: {what} {name}: {reason}")


def _stopped(settings: Settings) -> Stops:
    """Nothing, where there is no database yet: the matrix is of the files alone."""
    from sqlalchemy.exc import SQLAlchemyError

    from ..database import open_engine
    from ..governance import stops

    file = settings.sqlite_file()
    if file and not file.exists():
        return {}
    try:
        return stops(open_engine(settings.database_url))
    except SQLAlchemyError as error:
        click.echo(f"What is stopped cannot be told: the database does not say ({type(error).__name__}).", err=True)
        return {}


@policy.command("explain")
@click.option("--role", required=True)
@click.option("--class", "data_class", required=True)
@click.option("--route", required=True)
@click.option("--json", "as_json", is_flag=True)
@with_settings
def explain_command(settings: Settings, role: str, data_class: str, route: str, as_json: bool) -> None:
    """Say which rule decides. Exit status 1 where it is a refusal."""
    from ..governance import explain
    from ..identity import Permission
    from ..services import read_configuration

    configuration = read_configuration(settings)
    compiled = configuration.policy
    _check("role", role, configuration.access.roles)
    _check("class", data_class, compiled.classes)
    _check("route", route, compiled.catalogue.routes)
    found = explain(compiled, role, data_class, route)
    rules, deployments = list(found.rules), list(found.deployments)
    if Permission.ASK not in configuration.access.permissions([role]):
        rules, deployments = [f"access.yaml: role {role} does not have the permission {Permission.ASK}"], []
    if as_json:
        click.echo(json.dumps({"deployments": deployments, "rules": rules}))
    else:
        for rule in rules:
            click.echo(rule)
        click.echo(f"may be answered by {', '.join(deployments)}" if deployments else "refused")
    sys.exit(0 if deployments else 1)


def _check(option: str, name: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if name not in names:
        raise click.BadParameter(f"'{name}' is unknown; there are {', '.join(names)}", param_hint=f"--{option}")
