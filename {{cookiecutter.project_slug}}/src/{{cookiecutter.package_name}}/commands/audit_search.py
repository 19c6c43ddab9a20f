import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..settings import Settings
from .configured import with_settings

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_TIME = r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z?)?"  # or a beginning of one: text order is time order


class Moment(click.ParamType[str]):
    """Converts to a time as records have it, or to the beginning of one."""

    name = "time"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "15m|2h|7d|TIME"  # click would write a name in capitals

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if ago := re.fullmatch(r"(\d{1,4})([mhd])", value):
            return f"{datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}):%Y-%m-%dT%H:%M:%S}"
        if not re.fullmatch(_TIME, value):
            self.fail(f"'{value}' is neither 15m, 2h or 7d (ago) nor a time like 2026-01-31T09:15, in UTC", param, ctx)
        return str(value).rstrip("Z")


@click.command("search")
@click.option("--since", type=Moment(), help="15m, 2h or 7d ago; or a time in UTC, such as 2026-01-31T09:15")
@click.option("--until", type=Moment(), help="the same, which does not count")
@click.option("--kind", "kinds", multiple=True, help="such as started or refused; may be given again")
@click.option("--tenant", help="without it those of all tenants")
@click.option("--user")
@click.option("--call", help="the answer's id without 'chatcmpl-', or a receipt's audit_id")
@click.option("--trace")
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(min=1))
@with_settings
def search_command(
    settings: Settings,
    since: str | None,
    until: str | None,
    kinds: tuple[str, ...],
    tenant: str | None,
    user: str | None,
    call: str | None,
    trace: str | None,
    limit: int,
) -> None:
    """Print records, newest first, each as a line of JSON. What proves that they are whole is 'verify'."""
    from ..audit import Kind, Search, search_through
    from ..database import patient
    from ..store import open_database

    if unknown := [one for one in kinds if one not in list(Kind)]:
        raise click.BadParameter(f"'{unknown[0]}' is none of {', '.join(Kind)}", param_hint="--kind")
    wanted = Search(tenant, user, trace, call, since, until, limit=limit + 1, kinds=tuple(map(Kind, kinds)))
    for number, record in enumerate(search_through(patient(open_database(settings)), wanted)):
        if number == limit:
            click.echo(f"There are older ones, from {record['at']} on: give a larger --limit, or --until.", err=True)
        else:
            click.echo(json.dumps(record, sort_keys=True, separators=(",", ":")))
