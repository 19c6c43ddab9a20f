import json
from datetime import datetime

import click

from ..settings import Settings
from .configured import with_settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--by", default="day", show_default=True, help="day, tenant, user, route, deployment; commas between")
@click.option("--since", type=_DAY, help="the first day, in UTC")
@click.option("--until", type=_DAY, help="the last day")
@click.option("--tenant")
@click.option("--user")
@click.option("--csv", "form", flag_value="csv")
@click.option("--json", "form", flag_value="json")
@with_settings
def usage(
    settings: Settings,
    by: str,
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    user: str | None,
    form: str | None,
) -> None:
    """What was used and what it cost, with a bar for each row's cost: --by day draws it over time.

    What a feature asked stands under its route, which 'policy explain --route FEATURE' names.
    """
    from ..database import patient
    from ..governance import DIMENSIONS, Question, as_csv, as_table, columns_of, used
    from ..store import open_database

    names = tuple(dict.fromkeys(by.split(",")))
    if unknown := [name for name in names if name not in DIMENSIONS]:
        raise click.BadParameter(f"'{unknown[0]}' is none of {', '.join(DIMENSIONS)}", param_hint="--by")
    first, last = since and since.date(), until and until.date()
    question = Question(names, first, last, tenant, user)
    rows = used(patient(open_database(settings)), question)
    match form:
        case "json":
            click.echo(json.dumps(rows))
        case "csv":
            click.echo(as_csv(columns_of(question), rows), nl=False)
        case _:
            click.echo(as_table(columns_of(question), rows))
