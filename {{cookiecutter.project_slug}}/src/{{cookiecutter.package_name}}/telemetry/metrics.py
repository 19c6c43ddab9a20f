"""The instruments. Labels come from configuration and code, never from a caller, so their number is bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry.metrics import Meter, Observation

from . import names

# Model calls take from tens of milliseconds to minutes; the bounds are the GenAI conventions' advice.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)


class Metrics:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

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
        self.deadline_left = seconds(names.METRIC_DEADLINE_LEFT, "Time that a governed call did not use up")
        self.commit_duration = seconds(names.METRIC_COMMIT_DURATION, "Time of one group commit")
        self.tokens = meter.create_histogram(
            names.METRIC_TOKENS,
            unit="{token}",
            description="Tokens of one answer",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self.cost = meter.create_counter(names.METRIC_COST, unit="{USD}", description="Money spent on answers")
        self.budget_left = meter.create_histogram(
            names.METRIC_BUDGET_LEFT,
            unit="1",
            description="Share that a call finds left of the budget which is nearest to its end",
            explicit_bucket_boundaries_advisory=SHARES,
        )
        self.fallbacks = meter.create_counter(
            names.METRIC_FALLBACKS, description="Deployments asked because another one failed: which, and how"
        )
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

    def watch_breakers(self, read: Callable[[], Mapping[str, bool]]) -> None:
        """`read` is called when metrics are collected, and says of each deployment whether it is left alone."""
        self._meter.create_observable_gauge(
            names.METRIC_BREAKER_OPEN,
            [lambda _: [Observation(int(is_open), {names.DEPLOYMENT: name}) for name, is_open in read().items()]],
            description="1 while a deployment is left alone",
        )
