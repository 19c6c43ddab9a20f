"""How is it running?"""

from . import names
from .logs import configure_logs
from .metrics import Metrics
from .request_id import Observed, request_id
from .telemetry import Telemetry, open_telemetry, trace_headers

__all__ = [
    "Metrics",
    "Observed",
    "Telemetry",
    "configure_logs",
    "names",
    "open_telemetry",
    "request_id",
    "trace_headers",
]
