import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ..configfile import ConfigurationError, Faults
from ..settings import settings_despite

BAD_CONFIGURATION = 78  # EX_CONFIG of sysexits.h
_NO_TABLE_CODES = ("42P01", "SQLITE_ERROR")
_NO_TABLE = (
    "Has 'migrate' been run? If the tables were there before, change nothing: docs/runbooks/audit-store-changed.md."
)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        faults = Faults()
        settings = settings_despite(faults)
        try:
            if faults.found:
                from ..services import read_to_start

                read_to_start(settings, faults)  # raises them with all others: one round of corrections is enough
            command(settings, *args, **kwargs)
        except ConfigurationError as error:
            click.echo("The configuration has faults:", err=True)
            for fault in error.faults:
                click.echo(f"  {fault}", err=True)
            sys.exit(BAD_CONFIGURATION)
        except SQLAlchemyError as error:
            from ..database import why_not

            said = why_not(error)
            raise click.ClickException(f"{said}. {_NO_TABLE}" if said.endswith(_NO_TABLE_CODES) else said) from None

    return run
