"""Alembic's entry: the package runs it with a connection; `alembic` itself is never called."""

from alembic import context

from {{ cookiecutter.package_name }}.audit import tables  # noqa: F401 # registers its table
from {{ cookiecutter.package_name }}.database import metadata
from {{ cookiecutter.package_name }}.feedback import ratings  # noqa: F401 # registers its table
from {{ cookiecutter.package_name }}.governance import ledger, switches  # noqa: F401 # register their tables
from {{ cookiecutter.package_name }}.identity import sessions  # noqa: F401 # registers its table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
)
context.run_migrations()
