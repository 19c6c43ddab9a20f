"""The way of spans to the collector: whatever becomes of it, no request waits and memory stays bounded."""

import threading
from collections.abc import Sequence

from opentelemetry.metrics import Counter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

MOST_WAITING = 2_048  # spans; more than this, and the collector has not kept up for seconds
FAREWELL = 2.0  # seconds after which the end of the process waits for no further try


class _Counted(SpanExporter):
    """`sent`: spans that the collector has taken or refused for good. Written by the exporting thread alone."""

    def __init__(self, exporter: SpanExporter, dropped: Counter) -> None:
        self.sent = 0
        self._exporter = exporter
        self._dropped = dropped

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self.sent += len(spans)
            if result is not SpanExportResult.SUCCESS:
                self._dropped.add(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class BoundedSpans(SpanProcessor):
    """Batches as the SDK does, but drops by count what is too much: the SDK's own queue would not tell how many."""

    def __init__(self, exporter: SpanExporter, dropped: Counter) -> None:
        self._exporter = _Counted(exporter, dropped)
        self._dropped = dropped
        self._batches = BatchSpanProcessor(self._exporter, max_queue_size=2 * MOST_WAITING)
        self._handed_over = 0

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._handed_over - self._exporter.sent >= MOST_WAITING:
            self._dropped.add(1)
            return
        self._handed_over += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        ending = threading.Timer(FAREWELL, self._exporter.shutdown)
        ending.daemon = True
        ending.start()
        self._batches.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves its result out
        ending.cancel()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)
