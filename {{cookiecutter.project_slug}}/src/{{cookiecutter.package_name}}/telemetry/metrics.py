"""The instruments. Labels come from configuration and code, never from a caller, so their number is bounded."""

from __future__ import annotations

from opentelemetry.metrics import Meter

from . import names

# Model calls take from tens of milliseconds to minutes; the bounds are the GenAI conventions' advice.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)


class Metrics:
    def __init__(self, meter: Meter) -> None:
        def seconds(name: str, description: str):  # type: ignore[no-untyped-def]  # the SDK's own type says it
            return meter.create_histogram(
                name, unit="s", description=description, explicit_bucket_boundaries_advisory=SECONDS
            )

        self.http_duration = seconds(names.METRIC_HTTP_DURATION, "Time to answer an HTTP request")
        self.attempt_duration = seconds(names.METRIC_ATTEMPT_DURATION, "Time of one attempt at one deployment")
        self.first_chunk = seconds(names.METRIC_FIRST_CHUNK, "Time until a stream's first chunk")
        self.call_duration = seconds(
            names.METRIC_CALL_DURATION, "Time of a governed call, attempts and commits included"
        )
        self.commit_duration = seconds(names.METRIC_COMMIT_DURATION, "Time of one group commit")
        self.tokens = meter.create_histogram(
            names.METRIC_TOKENS,
            unit="{token}",
            description="Tokens of one answer",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self.cost = meter.create_counter(names.METRIC_COST, unit="{USD}", description="Money spent on answers")
        self.refusals = meter.create_counter(names.METRIC_REFUSALS, description="Requests refused, by error code")
        self.commit_failures = meter.create_counter(
            names.METRIC_COMMIT_FAILURES, description="Group commits that failed"
        )
        self.commit_failures.add(0)  # an alert on its increase would miss the first one if it were not there before
        self.checkpoint_failures = meter.create_counter(
            names.METRIC_CHECKPOINT_FAILURES, description="Checkpoints of the audit trail that could not be written"
        )
        self.checkpoint_failures.add(0)  # likewise
        self.writer_queue = meter.create_up_down_counter(
            names.METRIC_WRITER_QUEUE, description="Writes that wait for a group commit"
        )
