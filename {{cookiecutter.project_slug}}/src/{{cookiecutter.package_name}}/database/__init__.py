"""Where is it kept? In tables that migrations make, written by one Writer that commits for all who wait."""

from .dialects import Bulk, bulk_insert, given_rows, patient
from .engine import DoesNotAnswer, check_durability, metadata, open_engine, opened
from .failure import why_not
from .schema import migrate, pending
from .writer import LARGEST_BATCH, Book, Writer, running

__all__ = [
    "LARGEST_BATCH",
    "Book",
    "Bulk",
    "DoesNotAnswer",
    "Writer",
    "bulk_insert",
    "check_durability",
    "given_rows",
    "metadata",
    "migrate",
    "open_engine",
    "opened",
    "patient",
    "pending",
    "running",
    "why_not",
]
