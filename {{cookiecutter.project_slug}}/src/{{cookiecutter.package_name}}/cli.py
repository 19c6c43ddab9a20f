"""The service's command line: one file in commands/ for each group of subcommands."""

from pathlib import Path

import click
from dotenv import load_dotenv

from . import __version__
from .commands import COMMANDS


@click.group()
@click.version_option(__version__)
def main() -> None:
    """An AI service. Settings come from the environment and from a file .env; docs/settings.md lists them."""
    load_dotenv(Path(".env"))


for command in COMMANDS:
    main.add_command(command)
