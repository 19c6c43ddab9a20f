import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from ..configfile import ConfigurationError, Faults
from ..settings import misspelt, settings_despite
from .http import fetch

SECONDS = 10  # to answer whether it is there


@click.command()
@click.option("--json", "as_json", is_flag=True, help="also with what production refuses, for the go-live report")
def doctor(as_json: bool) -> None:
    """Say what is missing on this machine, and what to do about it."""
    findings = list(_findings())
    if as_json:
        named = [dict(zip(("good", "found", "next"), one, strict=True)) for one in findings]
        click.echo(json.dumps({"findings": named, **_of_production()}))
    else:
        for good, text, remedy in findings:
            click.echo(f"ok     {text}" if good else f"WRONG  {text}\n       next: {remedy}")
    sys.exit(0 if all(good for good, *_ in findings) else 1)


def _of_production() -> dict[str, list[str]]:
    """Told wherever it runs, as staging would tell it; and without the value of any secret."""
    from ..services import read_to_start

    faults = Faults()
    settings = settings_despite(faults).model_copy(update={"environment": "staging"})
    try:
        _, unfit = read_to_start(settings, faults)
    except ConfigurationError as error:
        unfit = [*error.faults, *settings.faults()]
    refused = [one for one in unfit if one not in (*settings.doubts(), *misspelt())]
    return {"production": refused, "telemetry": settings.telemetry()}


def _findings() -> Iterator[tuple[bool, str, str]]:
    """Whether it is there, what was found, and what to do where it is not."""
    from ..services import read_to_start

    yield sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", "install Python 3.11 or newer"
    faults = Faults()
    settings = settings_despite(faults)
    try:
        read, _ = read_to_start(settings, faults)
        within = f", within {read.policy.organisation}" if read.policy.organisation else ""
        yield True, f"the configuration in {settings.config_dir}/ is whole{within}", ""
    except ConfigurationError as error:
        for fault in error.faults:
            is_setting = fault.partition(": ")[0].isupper()
            yield False, fault, f"{'docs/settings.md says' if is_setting else 'its comments say'} what may stand there"
    yield from ((False, one, "correct its name; docs/settings.md has all") for one in misspelt())
    for name, variable, url in (
        ("issuer", "OIDC_ISSUER", f"{settings.oidc_issuer}/.well-known/openid-configuration"),
        ("service", "PORT or PUBLIC_URL", f"{settings.public_url}/readyz"),
    ):
        there, said = _answer(url)
        remedy = f"start it with 'make serve', or correct {variable}"
        yield there, f"the {name} {'answers' if there else 'does not answer'} at {url}", remedy
        if name == "issuer":
            continue
        for what, reason in said.get("waiting_for", {}).items():
            yield False, f"the {name} waits for {what}: {reason}", "docs/runbooks/service-not-ready.md says what to do"
        for deployment in said.get("failing", []):
            yield False, f"the deployment {deployment} fails", "see docs/runbooks/model-deployment-failing.md"


def _answer(url: str) -> tuple[bool, dict[str, Any]]:
    try:
        said = fetch(url, seconds=SECONDS)
    except click.ClickException:
        return False, {}
    return True, said if isinstance(said, dict) else {}
