"""The instruments. Labels come from configuration and code, never from a caller, so their number is bounded."""

from collections.abc import Callable, Mapping, Sequence

from opentelemetry.metrics import Counter, Histogram, Meter, Observation

from . import names

# Model calls take from tens of milliseconds to minutes; the bounds are the GenAI conventions' advice.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
SCORES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Metrics:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.http_duration = self._seconds(names.METRIC_HTTP_DURATION, "Time to answer an HTTP request")
        self.attempt_duration = self._seconds(names.METRIC_ATTEMPT_DURATION, "Time of one attempt at one deployment")
        self.first_chunk = self._seconds(names.METRIC_FIRST_CHUNK, "Time until one attempt's first chunk")
        self.call_duration = self._seconds(
            names.METRIC_CALL_DURATION, "Time of a governed call, attempts and commits included"
        )
        self.call_first_chunk = self._seconds(
            names.METRIC_CALL_FIRST_CHUNK, "Time until a stream's first words, attempts that failed and tools included"
        )
        self.deadline_left = self._seconds(names.METRIC_DEADLINE_LEFT, "Time that a governed call did not use up")
        self.commit_duration = self._seconds(names.METRIC_COMMIT_DURATION, "Time of one group commit")
        self.tokens = self._histogram(names.METRIC_TOKENS, "{token}", TOKENS, "Tokens of one answer")
        self.budget_left = self._histogram(
            names.METRIC_BUDGET_LEFT, "1", SHARES, "Share that a call finds left of the budget nearest to its end"
        )
        self.feedback = self._histogram(
            names.METRIC_FEEDBACK, "", SCORES, "What people said of answers: 0 useless, 1 just right"
        )
        self.cost = meter.create_counter(names.METRIC_COST, unit="{USD}", description="Money that attempts cost")
        self.refusals = meter.create_counter(names.METRIC_REFUSALS, description="Requests refused, by reason")
        self.fallbacks = meter.create_counter(
            names.METRIC_FALLBACKS, description="Deployments asked because another one failed: which, and how"
        )
        self.commit_failures = self._failures(names.METRIC_COMMIT_FAILURES, "Group commits that failed")
        self.checkpoint_failures = self._failures(
            names.METRIC_CHECKPOINT_FAILURES, "Checkpoints of the audit trail that could not be written"
        )
        self.spans_dropped = self._failures(
            names.METRIC_SPANS_DROPPED, "Spans that the collector did not take, or could not take in time"
        )

    def watch_queue(self, read: Callable[[], int]) -> None:
        """`read` is called when metrics are collected."""
        self._meter.create_observable_up_down_counter(
            names.METRIC_WRITER_QUEUE,
            [lambda _: [Observation(read())]],
            description="Writes that wait for a group commit",
        )

    def watch_in_flight(self, read: Callable[[], int]) -> None:
        """`read` is called when metrics are collected."""
        self._meter.create_observable_up_down_counter(
            names.METRIC_IN_FLIGHT,
            [lambda _: [Observation(read())]],
            description="Requests that count towards the cap",
        )

    def watch_readiness(self, read: Callable[[], Mapping[str, bool]]) -> None:
        """`read` is called when metrics are collected, and says of each check whether it last held."""
        self._meter.create_observable_gauge(
            names.METRIC_READY,
            [lambda _: [Observation(int(holds), {names.CHECK: name}) for name, holds in read().items()]],
            description="0 while the replica waits for it, and takes no requests",
        )

    def watch_issuer(self, read: Callable[[], int]) -> None:
        """`read` is called when metrics are collected."""
        self._meter.create_observable_counter(
            names.METRIC_ISSUER_FAILURES,
            [lambda _: [Observation(read())]],
            description="Fetches of the issuer's keys that brought none",
        )

    def watch_breakers(self, read: Callable[[], Mapping[str, bool]]) -> None:
        """`read` is called when metrics are collected, and says of each deployment whether it is left alone."""
        self._meter.create_observable_gauge(
            names.METRIC_BREAKER_OPEN,
            [lambda _: [Observation(int(is_open), {names.DEPLOYMENT: name}) for name, is_open in read().items()]],
            description="1 while a deployment is left alone",
        )

    def _seconds(self, name: str, description: str) -> Histogram:
        return self._histogram(name, "s", SECONDS, description)

    def _histogram(self, name: str, unit: str, bounds: Sequence[float], description: str) -> Histogram:
        return self._meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)

    def _failures(self, name: str, description: str) -> Counter:
        counter = self._meter.create_counter(name, description=description)
        counter.add(0)  # an alert on its increase would miss the first one if it were not there before
        return counter
