import json
import sys
from collections.abc import Collection
from contextlib import redirect_stdout
from pathlib import Path

import click

from ..settings import Settings
from ..wording import counted
from .audit_search import search_command
from .configured import with_settings

_GO_ON = "docs/runbooks/trail-does-not-verify.md says how to go on."


@click.group()
def audit() -> None:
    """The audit trail."""


audit.add_command(search_command)


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
        names = ("records", "tombstones", "lost", "gaps", "unfinished", "unsigned")
        click.echo(json.dumps({**{name: getattr(verdict, name) for name in names}, "faults": faults}))
    else:
        for fault in verdict.faults:
            click.echo(str(fault))
        state = "does NOT verify" if verdict.faults else "verifies"
        removed = f" ({verdict.tombstones} of them removed)" if verdict.tombstones else ""
        lost = f", {counted(verdict.lost, 'record')} lost and acknowledged" if verdict.lost else ""
        gaps = f", checkpoints of {counted(verdict.gaps, 'chain')} gone and acknowledged" if verdict.gaps else ""
        unsigned = f", {counted(verdict.unsigned, 'record')} not signed yet" if verdict.unsigned else ""
        click.echo(
            f"The trail {state}: {counted(verdict.records, 'record')}{removed} "
            f"by {counted(verdict.writers, 'writer')}, "
            f"{counted(verdict.unfinished, 'call')} without an end{unsigned}{lost}{gaps}."
        )
        if verdict.faults:
            click.echo(f"Change nothing in the database: {_GO_ON}")
    sys.exit(1 if verdict.faults else 0)


@audit.command("export", short_help="Write records, checkpoints and public keys into a file.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@with_settings
def export_command(settings: Settings, file: Path) -> None:
    """Write records, checkpoints and public keys into FILE; docs/governance/audit-format.md tells how to verify it.

    '-' is standard output. What stands there is an export only if the command ends with status 0.
    """
    from ..audit import export, export_into
    from ..store import open_recorder

    streamed = str(file) == "-"
    try:
        if streamed:
            out = sys.stdout.buffer
            with redirect_stdout(sys.stderr):  # what is logged meanwhile is no part of it
                exported = export_into(open_recorder(settings), out, "-")
        else:
            exported = export(open_recorder(settings), file)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"Nothing was exported: {error}. {_GO_ON}") from None
    click.echo(f"{file}: {counted(exported.records, 'record')}, SHA-256 {exported.digest}", err=streamed)
    click.echo(f"Public keys, to be handed over on another way: {' '.join(exported.keys)}", err=streamed)


@audit.command("retain")
@click.option("--days", required=True, type=click.IntRange(min=0), help="what is older is removed")
@click.option("--reason", default="", help="the trail keeps it")
@click.option("--force", is_flag=True, help="for fewer days than the law may ask for, with a reason")
@with_settings
def retain_command(settings: Settings, days: int, reason: str, force: bool) -> None:
    """Remove old records for good. Tombstones keep the chains whole, and the removal is recorded."""
    from ..audit import SHORTEST_DAYS, retain
    from ..audit import verify as verify_trail
    from ..store import open_recorder

    if days < SHORTEST_DAYS and not (force and reason):
        raise click.UsageError(
            f"Less than {SHORTEST_DAYS} days may break the law; with --force and a --reason it is your decision."
        )
    recorder = open_recorder(settings)
    if verify_trail(recorder.engine, recorder.checkpoints).faults:
        raise click.ClickException("The trail does not verify; see 'audit verify'. Nothing was removed.")
    click.echo(f"{counted(retain(recorder, days, reason), 'record')} removed.")


@audit.command("acknowledge", short_help="Go on after a backup was put back.")
@click.option("--reason", required=True, help="what happened; the trail keeps it")
@click.option(
    "--checkpoints",
    "chains",
    multiple=True,
    metavar="WRITER|all",
    help="of this chain, or of all, record instead that its checkpoints are gone or cannot be read",
)
@with_settings
def acknowledge_command(settings: Settings, reason: str, chains: tuple[str, ...]) -> None:
    """Go on after a backup was put back: record which signed records are lost. Then start the service again.

    With --checkpoints: go on after checkpoints were lost. What such a chain says now counts as signed from then on.
    """
    from ..audit import acknowledge
    from ..store import open_recorder

    try:
        if chains:
            _acknowledge_gaps(settings, chains, reason)
            return
        lost = acknowledge(open_recorder(settings), reason)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"Nothing was acknowledged: {error}. {_GO_ON}") from None
    for one in lost:
        click.echo(f"writer {one.writer}: records {one.after + 1} to {one.signed} are lost")
    click.echo("That is recorded now; start the service again." if lost else "Nothing that was signed is lost.")


def _acknowledge_gaps(settings: Settings, chains: Collection[str], reason: str) -> None:
    from ..audit import acknowledge_gaps
    from ..audit import verify as verify_trail
    from ..store import open_recorder

    recorder = open_recorder(settings)
    gaps = verify_trail(recorder.engine, recorder.checkpoints).open_gaps
    if unknown := sorted(set(chains) - {"all", *(one.writer for one in gaps)}):
        raise ValueError(f"checkpoints are not what is wrong with the chain {unknown[0]}, see 'audit verify'")
    chosen = [one for one in gaps if "all" in chains or one.writer in chains]
    if chosen:
        acknowledge_gaps(recorder, chosen, reason)
    for one in chosen:
        click.echo(f"writer {one.writer}: up to record {one.seq}, {counted(one.seq - one.after, 'record')} unsigned")
    click.echo("That is recorded now." if chosen else "No checkpoint is missing that was not acknowledged.")


@audit.command("record-evaluation", short_help="Put an evaluation's result on the trail.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings
def record_evaluation_command(settings: Settings, file: Path) -> None:
    """Put on the trail what FILE, the latest.json of 'make eval', says of a run: digests and numbers, no answer."""
    from ..audit import record_evaluation
    from ..store import open_recorder

    try:
        report = record_evaluation(open_recorder(settings), file)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Recorded: {'passed' if report.passed else 'NOT passed'}, {counted(len(report.rows), 'answer')}.")
