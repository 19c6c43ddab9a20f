from __future__ import annotations

import sys

import click

from ..configfile import ConfigurationError, Faults
from ..settings import settings_despite
from .http import fetch


@click.command()
def doctor() -> None:
    """Say what is missing on this machine, and what to do about it."""
    findings = list(_findings())
    for good, text in findings:
        click.echo(f"{'ok     ' if good else 'MISSING'}  {text}")
    sys.exit(0 if all(good for good, _ in findings) else 1)


def _findings() -> list[tuple[bool, str]]:
    from ..services import read_to_start

    found = [(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}; 3.11 or newer is needed")]
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
        there = _answers(url)
        found.append((there, f"the {name} {'answers' if there else 'does not answer'} at {url}"))
    return found


def _answers(url: str) -> bool:
    try:
        fetch(url)
    except click.ClickException:
        return False
    return True
