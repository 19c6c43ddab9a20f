"""Which tables are there? Alembic's migrations, applied and counted."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

_MIGRATIONS = Path(__file__).parents[3] / "migrations"


def migrate(engine: Engine) -> None:
    """Both branches, the template's and the team's, to their heads."""
    config = _config()
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            # However long one takes; and when several replicas start at once, one migrates and the others wait.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('migrations'))"))
        config.attributes["connection"] = connection
        command.upgrade(config, "heads")


def pending(engine: Engine) -> bool:
    """Whether this version lacks tables. A revision it does not know is a newer version's, which has ours behind it:
    while replicas are replaced, and after a step back, an older one goes on serving."""
    with engine.connect() as connection:
        applied = set(MigrationContext.configure(connection).get_current_heads())
    heads, known = _scripts()
    return not (heads <= applied or applied - known)


@cache
def _scripts() -> tuple[set[str], set[str]]:
    """The last revision of each branch, and all: read once, as they are part of the version that runs."""
    scripts = ScriptDirectory.from_config(_config())
    return set(scripts.get_heads()), {script.revision for script in scripts.walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
