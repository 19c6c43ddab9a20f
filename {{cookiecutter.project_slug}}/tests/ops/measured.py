"""A service that has been used a little, so that it has something to show, and an evaluation of it."""

from collections import defaultdict

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from assurance.evals.exported import gauge
from tests.assurance.written import ROW, run_of
from tests.service import Service


async def use(service: Service) -> None:
    """An answer, a stream, a fallback, five ways to get none, a rating, and a look at whether it is ready."""
    assert (await service.ask()).status_code == 200
    assert (await service.ask(stream=True)).status_code == 200
    await service.upstream.fails_with("500", model="local-large", times=1)
    assert (await service.ask()).status_code == 200
    await service.upstream.fails_with("truncated", times=1)
    assert '"error"' in (await service.ask(stream=True)).text
    await service.upstream.fails_with("500", times=2)
    assert (await service.ask()).status_code == 503
    await service.upstream.fails_with("400-filter", times=1)
    assert (await service.ask()).status_code == 400
    assert (await service.ask(headers={"X-Data-Class": "restricted"})).status_code == 403
    forged = {"Authorization": "Bearer forged"}
    assert (await service.http.get(f"{service.url}/v1/models", headers=forged)).status_code == 401
    rated = {"response_id": (await service.ask()).json()["id"], "score": 1}
    saved = await service.http.post(f"{service.url}/v1/feedback", json=rated, headers=service.headers())
    assert saved.status_code == 200
    await service.http.get(f"{service.url}/readyz")


def evaluated() -> CollectorRegistry:
    """The metrics of a run of the evaluation, as a collector passes them on."""
    registry = CollectorRegistry()
    metering = MeterProvider([PrometheusMetricReader(registry=registry)])
    gauge(metering.get_meter("evaluation"), run_of(ROW))
    return registry


def labels_of(exposed: str) -> dict[str, set[str]]:
    """Of what /metrics says: each name with the labels that it comes with."""
    labels: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            labels[sample.name] |= set(sample.labels)
    return dict(labels)
