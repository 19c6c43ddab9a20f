"""The YAML of docs/change-the-provider.md and of the README, applied as a reader would apply it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.governance import Policy
from {{ cookiecutter.package_name }}.services import read_configuration
from {{ cookiecutter.package_name }}.settings import Settings

from tests.docs.pages import DOCS, PROJECT, blocks, names, rows, text
from tests.prices import known_models
from tests.service import CONFIG, configuration

PAGE = DOCS / "change-the-provider.md"
WRITTEN: list[dict[str, Any]] = [
    yaml.safe_load(block) for page in (PROJECT / "README.md", PAGE) for block in blocks(page, "yaml")
]
CHANGES = [part for part in WRITTEN if "deployments" in part]
(CLASSES,) = [part["data_classes"] for part in WRITTEN if "data_classes" in part]


def entry(change: dict[str, Any]) -> dict[str, Any]:
    (found,) = change["deployments"].values()
    return dict(found)


def route_of(change: dict[str, Any]) -> str:
    (name,) = change["routes"]
    return str(name)


@pytest.fixture(params=CHANGES, ids=lambda change: "-".join(change["deployments"]))
def change(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def settings(folder: Path, change: dict[str, Any]) -> Settings:
    """The project's deployments and routes, and the page's; classes are the page's, whatever the policy says by now."""
    models, access = (yaml.safe_load(text(CONFIG / name)) for name in ("models.yaml", "access.yaml"))
    rules = {"data_classes": CLASSES, "default_class": "internal", "limits": {}, "redact": {}}
    config = configuration(
        folder,
        models={section: models[section] | change[section] for section in ("deployments", "routes")},
        policy=rules | {"ceilings": dict.fromkeys(access["roles"], "restricted")},
    )
    return Settings(oidc_issuer="https://login.example.com", oidc_audience="service", config_dir=config)


@pytest.fixture
def policy(tmp_path: Path, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Policy:
    monkeypatch.setenv(entry(change)["api_key_env"], "a-key")
    return read_configuration(settings(tmp_path, change)).policy


def test_the_change_loads_and_the_documented_classes_are_refused(policy: Policy, change: dict[str, Any]) -> None:
    documented = {names(row[0])[0]: row[1] == "yes" for row in rows(PAGE) if row[1] in ("yes", "no")}
    answered = {name: bool(policy.matrix[name, route_of(change)].deployments) for name in policy.classes}
    assert answered == documented
    for name in (name for name, yes in answered.items() if not yes):
        (reason,) = policy.matrix[name, route_of(change)].kept_out
        assert "demands regions [eu, local]" in reason
        assert reason.endswith("has us")


def test_without_its_key_the_change_is_a_fault_by_file_and_line(
    tmp_path: Path, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = entry(change)["api_key_env"]
    monkeypatch.delenv(key, raising=False)
    monkeypatch.delenv(f"{key}_FILE", raising=False)
    with pytest.raises(ConfigurationError, match=rf"models\.yaml:\d+: .* takes its key from {key}, which is not set"):
        read_configuration(settings(tmp_path, change))


def test_what_nothing_may_answer_can_be_refused_on_purpose(
    tmp_path: Path, change: dict[str, Any], policy: Policy
) -> None:
    assert policy.uncovered()
    route = route_of(change)
    said = {"routes": {route: change["routes"][route] | {"refuses": ["confidential", "restricted"]}}}
    assert not read_configuration(settings(tmp_path, change | said)).policy.uncovered()


def test_models_and_prices_are_those_that_litellm_knows(change: dict[str, Any], litellm_prices: dict[str, Any]) -> None:
    described = entry(change)
    known = litellm_prices[described.get("openai") or described["litellm"].partition("/")[2]]
    assert described["price"]["input_per_million"] == pytest.approx(known["input_cost_per_token"] * 1e6)
    assert described["price"]["output_per_million"] == pytest.approx(known["output_cost_per_token"] * 1e6)
    assert "deprecation_date" not in known


@pytest.fixture(scope="module")
def litellm_prices() -> dict[str, Any]:
    return known_models()
