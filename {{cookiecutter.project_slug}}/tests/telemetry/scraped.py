"""What /metrics says."""

from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.service import Service


async def samples(service: Service, port: int) -> list[Sample]:
    text = (await service.http.get(f"http://127.0.0.1:{port}/metrics")).text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


async def scraped(service: Service, port: int) -> dict[str, float]:
    """The sum over all labels of each."""
    summed: dict[str, float] = defaultdict(float)
    for sample in await samples(service, port):
        summed[sample.name] += sample.value
    return dict(summed)


async def by(service: Service, port: int, name: str, *labels: str) -> dict[str, float]:
    """Of one metric the sum for each value of the labels, which stand in one text."""
    summed: dict[str, float] = defaultdict(float)
    for sample in await samples(service, port):
        if sample.name == name:
            summed[" ".join(sample.labels.get(label, "") for label in labels).strip()] += sample.value
    return dict(summed)
