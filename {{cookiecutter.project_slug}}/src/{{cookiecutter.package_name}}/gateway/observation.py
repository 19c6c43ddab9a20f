"""One attempt at one deployment as span, metrics and log line tell of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode

from ..telemetry import Metrics, Telemetry, names, trace_headers
from .catalogue import Deployment
from .gateway import Attempt, PermittedCall
from .messages import R

_log = structlog.get_logger()


@contextmanager
def observed(telemetry: Telemetry, call: PermittedCall[R], deployment: Deployment) -> Iterator[Attempt]:
    operation = call.request.operation
    attributes = {
        names.OPERATION: operation,
        names.PROVIDER: deployment.provider,
        names.REQUEST_MODEL: deployment.model,
        names.DEPLOYMENT: deployment.name,
        names.REGION: deployment.entry.region,
        names.ROUTE: call.permit.route.name,
        names.DATA_CLASS: call.permit.data_class,
    }
    # A generator's frames run in its caller's context, so the span is handed on and not made current.
    span = telemetry.tracer.start_span(f"{operation} {deployment.model}", kind=SpanKind.CLIENT, attributes=attributes)
    attempt = Attempt(deployment.name, trace_headers=trace_headers(span))
    call.attempts.append(attempt)
    begun = time.monotonic()
    try:
        yield attempt
    finally:
        _tell(telemetry.metrics, span, call, deployment, attempt, time.monotonic() - begun - attempt.read)
        span.end()


def _tell(
    metrics: Metrics, span: Span, call: PermittedCall[R], deployment: Deployment, attempt: Attempt, seconds: float
) -> None:
    outcome, usage = attempt.outcome, attempt.usage
    span.set_attribute(names.OUTCOME, outcome)
    if usage:
        counts = {names.INPUT_TOKENS: usage.input_tokens, names.OUTPUT_TOKENS: usage.output_tokens}
        span.set_attributes(counts)
    if outcome != "answered":
        span.set_attribute(names.ERROR_TYPE, outcome)
        span.set_status(StatusCode.ERROR, outcome)
        _log.warning("attempt_failed", deployment=deployment.name, outcome=outcome)
    where = {names.ROUTE: call.permit.route.name, names.DEPLOYMENT: deployment.name, names.OUTCOME: outcome}
    metrics.attempt_duration.record(seconds, {**where, names.PROVIDER: deployment.provider})
    if attempt.first_chunk is not None:
        metrics.first_chunk.record(attempt.first_chunk, where)
