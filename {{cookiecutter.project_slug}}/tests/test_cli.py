"""The command as a person runs it: a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.issuer import AUDIENCE
from tests.service import Service, configuration, deployment

ROUTES = {"assistant": {"try": ["only"]}}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "{{ cookiecutter.package_name }}", *arguments]
    usual = {"OIDC_ISSUER": "http://127.0.0.1:1", "OIDC_AUDIENCE": AUDIENCE, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment = {**os.environ, **usual, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path) -> str:
    models = {"deployments": {"only": deployment("http://127.0.0.1:1", region="us")}, "routes": ROUTES}
    return str(configuration(tmp_path / "config", models=models))


def test_policy_prints_the_matrix_with_the_rule_that_keeps_a_deployment_out(config: str) -> None:
    shown = run("policy", CONFIG_DIR=config)
    assert shown.returncode == 0
    assert "confidential     - none -" in shown.stdout
    assert "demands regions [eu, local]; only has us" in shown.stdout
    rows = json.loads(run("policy", "--json", CONFIG_DIR=config).stdout)
    assert rows[0] == {"route": "assistant", "data_class": "public", "deployments": ["only"]}


def test_every_fault_of_the_configuration_is_told_at_once(config: str) -> None:
    policy = Path(config) / "policy.yaml"
    replace(policy, "employee: internal", "employee: secret")
    replace(Path(config) / "models.yaml", "- only", "- other")
    refused = run("policy", CONFIG_DIR=config)
    assert refused.returncode == 78
    assert "no deployment is called 'other'" in refused.stderr
    assert "'secret' is no data class" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wrong_setting_is_named(config: str) -> None:
    refused = run("serve", CONFIG_DIR=config, OIDC_ISSUER="login.example.com", PORT="many")
    assert refused.returncode == 78
    assert "OIDC_ISSUER: " in refused.stderr
    assert "PORT: " in refused.stderr


def test_production_lists_everything_it_refuses(config: str) -> None:
    refused = run("serve", CONFIG_DIR=config, ENVIRONMENT="production")
    assert refused.returncode == 78
    for name in ("OIDC_ISSUER", "PUBLIC_URL", "DATABASE_URL", "route 'assistant' has no deployment that may see"):
        assert name in refused.stderr
    assert "a local model server" in refused.stderr


async def test_verify_names_an_altered_record(service: Service) -> None:
    await service.ask()
    url = str(service.engine.url)
    where = {"DATABASE_URL": url, "AUDIT_CHECKPOINTS": str(service.checkpoints)}
    assert run("audit", "verify", **where).returncode == 0
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET body = replace(body, 'ada', 'eve') WHERE kind = 'started'")
    broken = run("audit", "verify", **where)
    assert broken.returncode == 1
    assert "record 2 of writer" in broken.stdout
    assert json.loads(run("audit", "verify", "--json", **where).stdout)["faults"][0]["seq"] == 2


def test_doctor_says_what_is_missing(config: str) -> None:
    shown = run("doctor", CONFIG_DIR=config)
    assert shown.returncode == 1
    assert "MISSING  the issuer does not answer" in shown.stdout
