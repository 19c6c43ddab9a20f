"""The tracer and the instruments, built once and handed down; no global provider, so that tests can have their own."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.propagate import inject
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context
from prometheus_client import CollectorRegistry, start_http_server

from ..errors import ServiceError
from . import names
from .delivery import BoundedSpans
from .metrics import Metrics
from .sampler import OwnSampler


@dataclass(frozen=True)
class Telemetry:
    tracer: Tracer
    metrics: Metrics

    @contextmanager
    def step(self, name: str) -> Iterator[Span]:
        """A span for a part of a request's work. An error is recorded by its reason or type, never by its message."""
        span = self.tracer.start_span(name)
        try:
            yield span
        except BaseException as error:
            outcome = error.reason if isinstance(error, ServiceError) else type(error).__name__
            span.set_attributes({names.OUTCOME: outcome, names.ERROR_TYPE: outcome})
            span.set_status(StatusCode.ERROR, outcome)
            raise
        finally:
            span.end()


def trace_headers(span: Span) -> Mapping[str, str]:
    """Headers that let another service continue our trace. No baggage, as that could pass on a caller's data."""
    headers: dict[str, str] = {}
    inject(headers, set_span_in_context(span, Context()))
    return headers


@contextmanager
def open_telemetry(
    *, service: str, version: str, environment: str, otlp: bool, metrics_port: int | None
) -> Iterator[Telemetry]:
    """With `otlp`, the exporters read addresses and headers from the standard OTEL_* variables themselves."""
    resource = Resource.create(
        {"service.name": service, "service.version": version, "deployment.environment.name": environment}
    )
    # Where no collector takes spans there are only their ids, and what a caller who traces asks for.
    tracing = TracerProvider(None if otlp else ParentBased(ALWAYS_OFF), resource)
    if otlp:
        tracing.sampler = OwnSampler(tracing.sampler)  # that of OTEL_TRACES_SAMPLER
    with _prometheus(metrics_port) as readers:
        if otlp:
            exporter = OTLPMetricExporter(certificate_file=_authorities())
            readers = [*readers, PeriodicExportingMetricReader(exporter)]
        # An exemplar is a fourth of what a record costs, and neither dashboards nor alerts show one.
        wanted = "OTEL_METRICS_EXEMPLAR_FILTER" in os.environ
        metering = MeterProvider(
            readers, resource=resource, exemplar_filter=None if wanted else AlwaysOffExemplarFilter()
        )
        metrics = Metrics(metering.get_meter(names.SCOPE, version))
        if otlp:
            spans = OTLPSpanExporter(certificate_file=_authorities())
            tracing.add_span_processor(BoundedSpans(spans, metrics.spans_dropped))
        try:
            yield Telemetry(tracing.get_tracer(names.SCOPE, version), metrics)
        finally:
            tracing.shutdown()
            metering.shutdown(timeout_millis=2_000)


def _authorities() -> str | None:
    """Uses SSL_CERT_FILE for the collector too, unless an OTEL_* variable names a certificate."""
    signals = ("", "TRACES_", "METRICS_")
    meant = any(os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}CERTIFICATE") for signal in signals)
    return None if meant else os.environ.get("SSL_CERT_FILE")


@contextmanager
def _prometheus(port: int | None) -> Iterator[Sequence[MetricReader]]:
    if port is None:
        yield []
        return
    registry = CollectorRegistry()
    server, thread = start_http_server(port, registry=registry)
    try:
        yield [PrometheusMetricReader(registry=registry)]
    finally:
        server.shutdown()
        thread.join()
