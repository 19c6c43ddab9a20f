import json
from dataclasses import asdict

import click

from ..settings import Settings
from ..wording import counted
from .configured import with_settings


@click.group()
def feedback() -> None:
    """What people said of answers."""


@feedback.command("list")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True)
@with_settings
def list_command(settings: Settings, most: int, as_json: bool) -> None:
    """The newest ratings, without a word of what was said. `words`: whether there is something to show."""
    from ..feedback import listed
    from ..store import open_database

    rows = listed(open_database(settings), most)
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        words = "words" if row["words"] else "-"
        where = f"{row['model']} ({row['deployment']})"
        click.echo(f"{row['call_id']}  {row['at'][:16]}  {row['score']:4.2f}  {words:5}  {row['data_class']}  {where}")


@feedback.command()
@click.argument("feedback_id")
@with_settings
def show(settings: Settings, feedback_id: str) -> None:
    """Print one rating with what was said, as JSON. The trail keeps that it was read."""
    from ..feedback import disclose
    from ..services import open_feedback_seal
    from ..store import open_recorder

    shared = disclose(open_recorder(settings), open_feedback_seal(settings), feedback_id)
    if shared is None:
        raise click.ClickException(f"Nothing said in words is kept for {feedback_id}; see 'feedback list'.")
    click.echo(json.dumps(asdict(shared)))


@feedback.command("expire")
@with_settings
def expire_command(settings: Settings) -> None:
    """Remove words whose time is over, for good; run it once a day. Scores stay."""
    from ..feedback import expire
    from ..store import open_recorder

    click.echo(f"Removed the words of {counted(expire(open_recorder(settings)), 'rating')}.")
