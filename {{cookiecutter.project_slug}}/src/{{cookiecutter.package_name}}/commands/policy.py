from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .configured import with_settings

if TYPE_CHECKING:
    from ..governance import Cell, Policy, Row, Stops


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def policy(context: click.Context, as_json: bool) -> None:
    """Print which deployments may answer whom, for which class of data; and what is stopped."""
    if context.invoked_subcommand is None:
        print_matrix(as_json)


@with_settings
def print_matrix(settings: Settings, as_json: bool) -> None:
    from ..governance import matrix
    from ..identity import Permission
    from ..services import read_configuration

    configuration = read_configuration(settings)
    stopped = _stopped(settings)
    access, compiled = configuration.access, configuration.policy
    may_ask = [role for role in sorted(access.roles) if Permission.ASK in access.permissions([role])]
    rows = list(matrix(compiled, may_ask, stopped))
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows]))
        return
    click.echo(f"policy {compiled.version}{f' within {compiled.organisation}' if compiled.organisation else ''}")
    for line in _drawn(rows, compiled):
        click.echo(f"  {line}".rstrip())
    silent = sorted(access.roles.keys() - {row.role for row in rows if row.deployments})
    click.echo(f"  may ask nothing: {', '.join(silent) or '-'}")
    for (what, name), reason in stopped.items():
        click.echo(f"  stopped: {what} {name}: {reason}")


def _drawn(rows: Iterable[Row], compiled: Policy) -> Iterator[str]:
    """A line for each route and class: roles differ in what they may send, never in who answers it."""
    groups = {key: list(group) for key, group in groupby(rows, key=lambda row: (row.route, row.data_class))}
    answers = {(route, name): _answers(compiled.matrix[name, route], groups[route, name]) for route, name in groups}
    width = max(32, *map(len, answers.values()))
    yield f"{'route':<16} {'class':<16} {'answered by':<{width}} asked by"
    for (route, name), group in groups.items():
        roles = ", ".join(row.role for row in group if row.deployments) or "-"
        yield f"{route:<16} {name:<16} {answers[route, name]:<{width}} {roles}"
        cell = compiled.matrix[name, route]
        yield from (f"{'':<33} {reason}" for reason in cell.kept_out if not cell.deployments)


def _answers(cell: Cell, group: Iterable[Row]) -> str:
    stopped = next((row.stopped for row in group if row.deployments), ())
    names = (f"{one.name} (stopped)" if one.name in stopped else one.name for one in cell.deployments)
    return ", ".join(names) or "- none -"


def _stopped(settings: Settings) -> Stops:
    """Empty if there is no database yet: then the matrix only reflects the files."""
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
@click.option("--route", required=True, help="or a model that asks it")
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
    feature = configuration.features.get(route)
    _check("route", route := feature.route if feature else route, compiled.catalogue.routes)
    found = explain(compiled, role, data_class, route)
    rules, deployments = list(found.rules), list(found.deployments)
    if feature:
        rules.insert(0, f"this model asks the route {route}")
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
