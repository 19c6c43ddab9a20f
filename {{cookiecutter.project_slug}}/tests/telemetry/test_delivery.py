"""A collector that is slow or gone: nobody waits for it, memory is bounded, and what was dropped is counted."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from {{ cookiecutter.package_name }}.telemetry import names
from {{ cookiecutter.package_name }}.telemetry.delivery import FAREWELL, MOST_WAITING, BoundedSpans

MANY = 3 * MOST_WAITING


class Collector(SpanExporter):
    """Takes nothing until `answers` is set; `result` is what it says then."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.answers = threading.Event()
        self.result = result
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.answers.wait(60)
        self.taken += len(spans)
        return self.result

    def shutdown(self) -> None:
        self.result = SpanExportResult.FAILURE
        self.answers.set()


class Sending:
    def __init__(self, collector: Collector) -> None:
        self.reader = InMemoryMetricReader()
        counter = MeterProvider([self.reader], shutdown_on_exit=False).get_meter("test")
        self._dropped = counter.create_counter(names.METRIC_SPANS_DROPPED)
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(BoundedSpans(collector, self._dropped))

    def spans(self, many: int) -> None:
        tracer = self.provider.get_tracer("test")
        for _ in range(many):
            tracer.start_span("one").end()

    def dropped(self) -> int:
        data: Any = self.reader.get_metrics_data()
        if data is None:
            return 0
        (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
        return int(metric.data.data_points[0].value)


def test_what_a_silent_collector_does_not_take_is_dropped_and_counted() -> None:
    collector = Collector()
    sending = Sending(collector)
    sending.spans(MANY)
    assert sending.dropped() == MANY - MOST_WAITING
    collector.answers.set()
    sending.provider.shutdown()
    assert collector.taken == MOST_WAITING
    assert sending.dropped() == MANY - MOST_WAITING


def test_after_a_silence_spans_are_taken_again() -> None:
    collector = Collector()
    sending = Sending(collector)
    sending.spans(MANY)
    collector.answers.set()
    sending.provider.force_flush()
    sending.spans(10)
    sending.provider.shutdown()
    assert collector.taken == MOST_WAITING + 10


@pytest.mark.parametrize("raising", [False, True])
def test_what_the_collector_refuses_is_counted(raising: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector(SpanExportResult.FAILURE)
    collector.answers.set()
    if raising:
        monkeypatch.setattr(collector, "export", lambda _: 1 / 0)
    sending = Sending(collector)
    sending.spans(7)
    sending.provider.shutdown()
    assert sending.dropped() == 7


def test_the_end_does_not_wait_for_a_collector_that_is_gone() -> None:
    collector, begun = Collector(), time.monotonic()
    sending = Sending(collector)
    sending.spans(600)
    sending.provider.shutdown()
    assert time.monotonic() - begun < FAREWELL + 3
    assert sending.dropped() == 600
