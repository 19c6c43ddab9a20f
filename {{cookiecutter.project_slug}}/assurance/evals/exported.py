"""Scores for dashboards and alerts: a gauge, and an event for each judgement, where OTEL_EXPORTER_OTLP_ENDPOINT is set.

No question and no answer is in them, and no reason either, as it may quote one.
"""

import os
from collections import defaultdict
from statistics import fmean

from opentelemetry._logs import Logger, LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from {{ cookiecutter.package_name }} import __name__ as package
from {{ cookiecutter.package_name }}.telemetry import names

from assurance.evals.outcome import Row, Run

SCORE = "app.evaluation.score"
SUITE, EVALUATOR = "app.suite", "app.evaluator"
ALL = "all"  # in an evaluator's place: the share of answers that passed
SECONDS = 10


def export(run: Run) -> None:
    """A collector that is away delays this by seconds and fails nothing."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or package})
    metering = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(timeout=SECONDS))], resource=resource)
    logging = LoggerProvider(resource=resource)
    logging.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(timeout=SECONDS)))
    try:
        gauge(metering.get_meter(names.SCOPE), run)
        events(logging.get_logger(names.SCOPE), run)
    finally:
        metering.shutdown(timeout_millis=SECONDS * 1000)
        logging.shutdown()


def gauge(meter: Meter, run: Run) -> None:
    """Of each suite, model and evaluator the share of answers that contented it."""
    found: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for row in run.rows:
        for evaluator, content in {ALL: row.passed, **row.checks}.items():
            found[row.suite, row.model, evaluator].append(content)
    score = meter.create_gauge(SCORE, description="Share of an evaluation's answers that were good enough")
    for (suite, model, evaluator), contents in found.items():
        score.set(fmean(contents), {SUITE: suite, names.ROUTE: model, EVALUATOR: evaluator})


def events(logger: Logger, run: Run) -> None:
    """gen_ai.evaluation.result, of OpenTelemetry's GenAI conventions, by the answer's id."""
    for row in run.rows:
        for evaluator, content in row.checks.items():
            logger.emit(
                LogRecord(event_name="gen_ai.evaluation.result", attributes=_attributes(row, evaluator, content))
            )


def _attributes(row: Row, evaluator: str, content: bool) -> dict[str, str | float]:
    answer = {"gen_ai.response.id": f"chatcmpl-{row.audit_id}"} if row.audit_id else {}
    return {
        "gen_ai.evaluation.name": evaluator,
        "gen_ai.evaluation.score.value": float(content),
        "gen_ai.evaluation.score.label": "pass" if content else "fail",
        SUITE: row.suite,
        names.ROUTE: row.model,
        **answer,
    }
