"""Telemetry that goes nowhere, for tests of what reports to it."""

from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer

from {{ cookiecutter.package_name }}.telemetry import Metrics, Telemetry

METRICS = Metrics(NoOpMeter("tests"))
TELEMETRY = Telemetry(NoOpTracer(), METRICS)
