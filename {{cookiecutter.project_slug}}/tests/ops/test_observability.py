"""Collector, Prometheus and Grafana: their configurations fit each other. No container is started here."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.schema import faults
from tests.programs import program

PROJECT = Path(__file__).parents[2]
OPS = PROJECT / "ops"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


COLLECTOR = read(OPS / "otel-collector.yaml")
PROMETHEUS = read(OPS / "prometheus.yaml")
SERVICES: dict[str, Any] = read(OPS / "compose.yaml")["services"]
ADDED = {name: one for name, one in SERVICES.items() if name != "service"}
# The settings that we use of each component, as the collector's own schemas of this version name them.
SETTINGS = {
    "otlp": {"protocols"},
    "memory_limiter": {"check_interval", "limit_percentage", "spike_limit_percentage"},
    "otlp_http": {"endpoint", "sending_queue"},
    "prometheus": {"endpoint", "metric_expiration"},
}
VERSION = "0.159.0"


def port(address: str) -> str:
    return address.rpartition(":")[2]


def mounts(name: str) -> dict[str, str]:
    """Of a service: where in the container each file or folder of the project is."""
    split = [volume.split(":") for volume in SERVICES[name]["volumes"]]
    return {parts[0]: parts[1] for parts in split if parts[0].startswith("./")}


def test_each_pipeline_limits_memory_first_and_uses_what_is_defined() -> None:
    pipelines = COLLECTOR["service"]["pipelines"]
    assert pipelines.keys() == {"traces", "metrics", "logs"}
    for role in ("receivers", "processors", "exporters"):
        assert {one for pipeline in pipelines.values() for one in pipeline[role]} == set(COLLECTOR[role])
    assert all(pipeline["processors"][0] == "memory_limiter" for pipeline in pipelines.values())


def test_the_collector_has_components_and_settings_of_its_version_and_prints_nothing() -> None:
    assert COLLECTOR.keys() == {"receivers", "processors", "exporters", "service"}
    components = {**COLLECTOR["receivers"], **COLLECTOR["processors"], **COLLECTOR["exporters"]}
    assert {name: set(settings) for name, settings in components.items()} == SETTINGS
    assert SERVICES["collector"]["image"].endswith(f":{VERSION}")
    assert f"opentelemetry-collector {VERSION}" in (OPS / "otel-collector.yaml").read_text(encoding="utf-8")


def test_the_collector_is_told_every_variable_that_it_reads() -> None:
    named = set(re.findall(r"\$\{env:(\w+)\}", (OPS / "otel-collector.yaml").read_text(encoding="utf-8")))
    assert named == set(SERVICES["collector"]["environment"])


def test_the_service_sends_to_the_collector_and_prometheus_reads_from_it() -> None:
    received = COLLECTOR["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    sent = SERVICES["service"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert sent == f"http://collector:{port(received)}"
    shown = COLLECTOR["exporters"]["prometheus"]["endpoint"]
    (job,) = PROMETHEUS["scrape_configs"]
    assert job["honor_labels"]
    assert job["static_configs"] == [{"targets": [f"collector:{port(shown)}"]}]


def test_prometheus_takes_its_configuration_and_every_rule() -> None:
    command = [program("promtool", package="prometheus"), "check", "config", "prometheus.yaml"]
    ended = subprocess.run(command, cwd=OPS, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rules = {path.name for path in OPS.glob("*.yaml") if "groups" in read(path)}
    assert set(PROMETHEUS["rule_files"]) == rules


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    (datasource,) = read(OPS / "grafana" / "datasource.yaml")["datasources"]
    (published,) = SERVICES["prometheus"]["ports"]
    assert datasource["url"] == f"http://prometheus:{port(published)}"
    assert datasource["jsonData"]["timeInterval"] == PROMETHEUS["global"]["scrape_interval"]
    (provider,) = read(OPS / "grafana" / "dashboards.yaml")["providers"]
    assert provider["options"]["path"] == mounts("grafana")["./ops/dashboards"]


def test_the_compose_file_is_one_and_adds_to_the_other() -> None:
    assert faults(OPS / "compose.yaml", "compose-spec") == ""
    assert set(SERVICES) & set(read(PROJECT / "compose.yaml")["services"]) == {"service"}


@pytest.mark.parametrize("name", ADDED)
def test_a_container_of_the_compose_file_has_a_version_few_rights_and_existing_files(name: str) -> None:
    service = ADDED[name]
    assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert all(one.startswith("127.0.0.1:") for one in service.get("ports", []))
    assert all((PROJECT / path).exists() for path in mounts(name))
