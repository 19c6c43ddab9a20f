"""config/models.examples.yaml: entries that load, at prices and with names that are current."""

import re
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from {{ cookiecutter.package_name }}.configfile import Faults, read
from {{ cookiecutter.package_name }}.configuration import digests
from {{ cookiecutter.package_name }}.gateway import ModelsFile
from {{ cookiecutter.package_name }}.settings import Settings

from tests.docs.pages import PROJECT, text
from tests.prices import known_models

FILE = PROJECT / "config" / "models.examples.yaml"
ENTRIES: dict[str, dict[str, Any]] = yaml.safe_load(text(FILE))["deployments"]
WANTED = {
    "gpt",
    "azure-gpt-eu",
    "claude",
    "bedrock-claude-eu",
    "gemini",
    "vertex-gemini-eu",
    "mistral",
    "ollama",
    "vllm",
}
KNOWN = known_models()


def name_in_the_table(entry: dict[str, Any]) -> str:
    if "litellm" in entry:
        provider, _, model = entry["litellm"].partition("/")
        return str(model if provider in ("anthropic", "bedrock") else entry["litellm"])
    if ".azure.com" in entry["base_url"]:
        return f"azure/eu/{entry['openai']}"
    return str(entry["openai"]).replace("google/", "vertex_ai/")


def test_every_entry_loads() -> None:
    faults = Faults()
    assert read(FILE, ModelsFile, faults), faults.found
    assert ENTRIES.keys() >= WANTED


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry["hosted_by"] == "provider"])
def test_a_provider_s_model_is_known_and_has_its_price(name: str) -> None:
    entry = ENTRIES[name]
    known = KNOWN[name_in_the_table(entry)]
    assert entry["price"]["input_per_million"] == pytest.approx(known["input_cost_per_token"] * 1e6)
    assert entry["price"]["output_per_million"] == pytest.approx(known["output_cost_per_token"] * 1e6)
    ends = known.get("deprecation_date", "9999-12-31")
    if ends < (datetime.now(UTC) + timedelta(days=90)).date().isoformat():
        warnings.warn(f"{FILE.name}: the model of '{name}' ends on {ends}; list another", stacklevel=1)


def test_the_file_is_dated_and_each_entry_names_its_source() -> None:
    begin, *entries = re.split(r"^  (?=[a-z0-9-]+:)", text(FILE).partition("routes:")[0], flags=re.MULTILINE)
    assert re.search(r"as of 20\d\d-\d\d", begin)
    assert "CHECK YOUR CONTRACT" in begin
    assert [entry.partition(":")[0] for entry in entries if "# " not in entry or "https://" not in entry] == []


def test_the_service_does_not_read_it() -> None:
    settings = Settings(oidc_issuer="https://login.example.com", oidc_audience="service", config_dir=FILE.parent)
    assert FILE.name not in digests(settings)
