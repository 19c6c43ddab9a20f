"""One JSON line an event, from our code and from libraries alike, with request and trace ids."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from .request_id import request_id

LONGEST_TEXT = 2_000
LONGEST_LINE = 500  # of a traceback
MOST_SCRUBBED = 20_000  # of a traceback: cut before, half a secret would not be recognised
Scrub = Callable[[str], str]


def configure_logs(level: str, scrub: Scrub) -> None:
    """`scrub` removes secrets and personal data from every text before it is written."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
        structlog.processors.format_exc_info,
        _scrubber(scrub),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=lambda event, **_: _dumps(event).decode()),
            ],
        )
    )
    logging.basicConfig(level=max(logging.getLevelName(level), logging.WARNING), handlers=[handler], force=True)


def _add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if identifier := request_id():
        event["request_id"] = identifier
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _scrubber(scrub: Scrub) -> Processor:
    def process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        for key, value in event.items():
            if isinstance(value, str) and key not in ("timestamp", "level", "trace_id", "span_id", "request_id"):
                is_traceback = key == "exception"
                event[key] = _end_of(scrub(value[-MOST_SCRUBBED:])) if is_traceback else scrub(value[:LONGEST_TEXT])
        return event

    return process


def _end_of(traceback: str) -> str:
    """A traceback says in its last line what happened."""
    kept, size = [], 0
    for line in reversed(traceback.splitlines()):
        size += len(line[:LONGEST_LINE]) + 1
        if size > LONGEST_TEXT:
            break
        kept.append(line[:LONGEST_LINE])
    return "\n".join(reversed(kept))


def _dumps(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
