"""What /metrics says."""

from prometheus_client.parser import text_string_to_metric_families

from tests.service import Service


async def scraped(service: Service, port: int) -> dict[str, float]:
    """The sum over all labels of each."""
    summed: dict[str, float] = {}
    text = (await service.http.get(f"http://127.0.0.1:{port}/metrics")).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            summed[sample.name] = summed.get(sample.name, 0) + sample.value
    return summed
