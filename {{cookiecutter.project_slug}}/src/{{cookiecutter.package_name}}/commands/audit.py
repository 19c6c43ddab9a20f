from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..settings import Settings
from ..wording import counted
from .configured import with_settings

_GO_ON = "docs/runbooks/trail-does-not-verify.md says how to go on."


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.option("--json", "as_json", is_flag=True)
@with_settings
def verify(settings: Settings, as_json: bool) -> None:
    """Check every record by its chain and checkpoints. Exit status 1 names the first bad record of each chain."""
    from ..audit import verify as verify_trail
    from ..store import open_checkpoints, open_database

    verdict = verify_trail(open_database(settings), open_checkpoints(settings))
    if as_json:
        faults = [{"writer": one.writer, "seq": one.seq, "reason": one.reason} for one in verdict.faults]
        numbers = {name: getattr(verdict, name) for name in ("records", "tombstones", "lost", "unfinished", "unsigned")}
        click.echo(json.dumps({**numbers, "faults": faults}))
    else:
        for fault in verdict.faults:
            click.echo(str(fault))
        state = "does NOT verify" if verdict.faults else "verifies"
        removed = f" ({verdict.tombstones} of them removed)" if verdict.tombstones else ""
        lost = f", {counted(verdict.lost, 'record')} lost and acknowledged" if verdict.lost else ""
        unsigned = f", {counted(verdict.unsigned, 'record')} not signed yet" if verdict.unsigned else ""
        click.echo(
            f"The trail {state}: {counted(verdict.records, 'record')}{removed} "
            f"by {counted(verdict.writers, 'writer')}, "
            f"{counted(verdict.unfinished, 'call')} without an end{unsigned}{lost}."
        )
    sys.exit(1 if verdict.faults else 0)


@audit.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_settings
def export_command(settings: Settings, file: Path) -> None:
    """Write records, checkpoints and public keys into FILE; docs/governance/audit-format.md tells how to verify it."""
    from ..audit import export
    from ..store import open_clerk

    try:
        exported = export(open_clerk(settings), file)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"Nothing was exported: {error}. {_GO_ON}") from None
    click.echo(f"{file}: {counted(exported.records, 'record')}, SHA-256 {exported.digest}")
    click.echo(f"Public keys, to be handed over on another way: {' '.join(exported.keys)}")


@audit.command("retain")
@click.option("--days", required=True, type=click.IntRange(min=0), help="what is older is removed")
@click.option("--reason", default="", help="the trail keeps it")
@click.option("--force", is_flag=True, help="for fewer days than the law may ask for, with a reason")
@with_settings
def retain_command(settings: Settings, days: int, reason: str, force: bool) -> None:
    """Remove old records for good. Tombstones keep the chains whole, and the removal is recorded."""
    from ..audit import SHORTEST_DAYS, retain
    from ..audit import verify as verify_trail
    from ..store import open_clerk

    if days < SHORTEST_DAYS and not (force and reason):
        raise click.UsageError(
            f"Less than {SHORTEST_DAYS} days may break the law; with --force and a --reason it is your decision."
        )
    clerk = open_clerk(settings)
    if verify_trail(clerk.engine, clerk.checkpoints).faults:
        raise click.ClickException("The trail does not verify; see 'audit verify'. Nothing was removed.")
    click.echo(f"{counted(retain(clerk, days, reason), 'record')} removed.")


@audit.command("acknowledge")
@click.option("--reason", required=True, help="what happened; the trail keeps it")
@with_settings
def acknowledge_command(settings: Settings, reason: str) -> None:
    """Go on after a backup was put back: record which signed records are lost. Then start the service again."""
    from ..audit import acknowledge
    from ..store import open_clerk

    try:
        lost = acknowledge(open_clerk(settings), reason)
    except ValueError as error:
        raise click.ClickException(f"Nothing was acknowledged: {error}. {_GO_ON}") from None
    for one in lost:
        click.echo(f"writer {one.writer}: records {one.after + 1} to {one.signed} are lost")
    click.echo("That is recorded now; start the service again." if lost else "Nothing that was signed is lost.")


@audit.command("record-evaluation")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings
def record_evaluation_command(settings: Settings, file: Path) -> None:
    """Put on the trail what FILE, the latest.json of 'make eval', says of a run: digests and numbers, no answer."""
    from ..audit import record_evaluation
    from ..store import open_clerk

    try:
        report = record_evaluation(open_clerk(settings), file)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Recorded: {'passed' if report.passed else 'NOT passed'}, {counted(len(report.rows), 'answer')}.")
