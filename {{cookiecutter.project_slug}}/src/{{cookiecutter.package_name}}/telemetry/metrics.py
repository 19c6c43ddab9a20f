"""The instruments. Labels come from configuration and code, never from a caller, so their number is bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from opentelemetry.metrics import Histogram, Meter, Observation

from . import names

# Model calls take from tens of milliseconds to minutes; the bounds are the GenAI conventions' advice.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
SCORES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Metrics:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        histogram, counter = partial(_histogram, meter), meter.create_counter
        seconds = partial(histogram, "s", SECONDS)
        self.http_duration = seconds(names.METRIC_HTTP_DURATION, "Time to answer an HTTP request")
        self.attempt_duration = seconds(names.METRIC_ATTEMPT_DURATION, "Time of one attempt at one deployment")
        self.first_chunk = seconds(names.METRIC_FIRST_CHUNK, "Time until a stream's first chunk")
        self.call_duration = seconds(names.METRIC_CALL_DURATION, "Time of a governed call, from arrival to last commit")
        self.deadline_left = seconds(names.METRIC_DEADLINE_LEFT, "Time that a governed call did not use up")
        self.commit_duration = seconds(names.METRIC_COMMIT_DURATION, "Time of one group commit")
        self.tokens = histogram("{token}", TOKENS, names.METRIC_TOKENS, "Tokens of one answer")
        self.budget_left = histogram("1", SHARES, names.METRIC_BUDGET_LEFT, "Share left of the tightest budget")
        self.feedback = histogram("", SCORES, names.METRIC_FEEDBACK, "What people said: 0 useless, 1 just right")
        self.cost = counter(names.METRIC_COST, "{USD}", "Money spent on answers")
        self.fallbacks = counter(names.METRIC_FALLBACKS, "", "Deployments asked because another failed: which, how")
        self.refusals = counter(names.METRIC_REFUSALS, "", "Requests refused, by error code")
        self.commit_failures = counter(names.METRIC_COMMIT_FAILURES, "", "Group commits that failed")
        self.checkpoint_failures = counter(names.METRIC_CHECKPOINT_FAILURES, "", "Checkpoints that were not written")
        self.writer_queue = meter.create_up_down_counter(names.METRIC_WRITER_QUEUE, "", "Writes that wait")
        for alerted_on in (self.commit_failures, self.checkpoint_failures):
            alerted_on.add(0)  # an alert on its increase would miss the first one if it were not there before

    def watch_breakers(self, read: Callable[[], Mapping[str, bool]]) -> None:
        """`read` is called when metrics are collected, and says of each deployment whether it is left alone."""
        self._meter.create_observable_gauge(
            names.METRIC_BREAKER_OPEN,
            [lambda _: [Observation(int(is_open), {names.DEPLOYMENT: name}) for name, is_open in read().items()]],
            description="1 while a deployment is left alone",
        )


def _histogram(meter: Meter, unit: str, bounds: Sequence[float], name: str, description: str) -> Histogram:
    return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)
