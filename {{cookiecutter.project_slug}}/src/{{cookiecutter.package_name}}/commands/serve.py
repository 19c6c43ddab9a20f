import gc
import math
import signal
import sys

import click

from ..configfile import Faults
from ..settings import Settings
from .configured import with_settings

GRACE = 5  # seconds after SIGTERM, beyond the longest deadline of a route, in which what it ended with is recorded


@click.command()
@with_settings
def serve(settings: Settings) -> None:
    """Run the service. In the local environment migrations are applied first."""
    import uvicorn

    from ..app import create_app
    from ..database import migrate as apply_migrations
    from ..database import opened
    from ..governance import open_scrub
    from ..services import read_to_start
    from ..telemetry import configure_logs

    configuration, _ = read_to_start(settings, Faults())  # open_services tells what is only a warning
    configure_logs(settings.log_level, open_scrub(*configuration.policy.patterns))
    with opened(settings.database_url) as engine:  # raises now for what waiting would not fix
        if settings.environment == "local":
            apply_migrations(engine)
    # Once everything is answered, uvicorn sends itself the signal that it was sent: to have ended so is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = create_app(settings)
    _spare_the_collector()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(configuration.catalogue.longest_deadline) + GRACE,
        forwarded_allow_ips=settings.trusted_proxies or "",
    )


def _spare_the_collector() -> None:
    """Objects made at start live on; scanning them at each collection took a fifth of every request (docs/adr/T018)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@click.command()
@with_settings
def migrate(settings: Settings) -> None:
    """Bring the database's tables up to date."""
    from ..database import migrate as apply_migrations
    from ..database import open_engine

    apply_migrations(open_engine(settings.database_url))
    click.echo("The database is up to date.")
