"""Which model answers, on a laptop? Two wire formats, an answer made of the documents given, and faults on demand."""

from .server import model_server

__all__ = ["model_server"]
