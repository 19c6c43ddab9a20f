"""The command as a person runs it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from {{ cookiecutter.package_name }}.commands import receipt_line

from tests.command import USUAL, invoked, run
from tests.programs import free_port
from tests.service import CONFIG, Service, configuration, deployment

ROUTES = {"assistant": {"try": ["only"]}}


def replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path) -> str:
    models = {"deployments": {"only": deployment("http://127.0.0.1:1", region="us")}, "routes": ROUTES}
    return str(configuration(tmp_path / "config", models=models))


def test_policy_prints_the_matrix_with_the_rule_that_keeps_a_deployment_out(config: str) -> None:
    shown = invoked("policy", CONFIG_DIR=config)
    assert shown.exit_code == 0
    assert "confidential     - none -" in shown.stdout
    assert "demands regions [eu, local]; only has us" in shown.stdout
    rows = json.loads(invoked("policy", "--json", CONFIG_DIR=config).stdout)
    cells = {(row["role"], row["data_class"], row["route"]): row["deployments"] for row in rows}
    assert len(cells) == len(rows) == 3 * 4  # auditors and operators may not ask
    assert cells["analyst", "internal", "assistant"] == ["only"]
    assert cells["analyst", "confidential", "assistant"] == cells["employee", "confidential", "assistant"] == []


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
    refused = invoked("serve", CONFIG_DIR=config, OIDC_ISSUER="login.example.com", PORT="many")
    assert refused.exit_code == 78
    assert "OIDC_ISSUER: " in refused.stderr
    assert "PORT: " in refused.stderr


def test_faults_of_settings_of_every_file_and_of_the_environment_are_told_in_one_message(config: str) -> None:
    folder = Path(config)
    replace(folder / "models.yaml", "    region: us\n", "")
    replace(folder / "models.yaml", "    - only\n", "    - only\n  other:\n    try: [elsewhere]\n")
    replace(folder / "policy.yaml", "  employee: internal", "  employee: internal\n  employee: public\n  clerk: public")
    replace(folder / "access.yaml", "audit:read", "audit:reads")
    wrong = {"ENVIRONMENT": "production", "PORT": "many", "SECRET_KEY_FILE": "/nowhere/secret"}
    for command in (("serve",), ("policy",), ("doctor",)):
        refused = invoked(*command, CONFIG_DIR=config, **wrong)
        told = refused.stderr + refused.stdout
        for fault in (
            "PORT: ",
            "SECRET_KEY_FILE: ",
            "OIDC_ISSUER: ",
            "DATABASE_URL: ",
            "deployments.only.region: Field required",
            "no deployment is called 'elsewhere'",
            "'employee' stands here a second time",
            "role 'clerk' does not exist",
            "roles.auditor.0: ",
        ):
            assert told.count(fault) == 1, (command, fault, told)
        assert "SECRET_KEY: " not in told  # its file is the fault; what stands in for it is none of its own
        assert refused.exit_code == (1 if command == ("doctor",) else 78)


async def test_what_production_would_refuse_is_warned_of_once(config: str, tmp_path: Path) -> None:
    process = Process(tmp_path, config, ENVIRONMENT="staging", OIDC_CLIENT_ID="web")
    try:
        await process.alive()
    finally:
        output = process.ended()
    warned = [line["fault"] for line in map(json.loads, output.splitlines()) if line["event"] == "configuration_fault"]
    wanted = {"OIDC_ISSUER", "PUBLIC_URL", "SECRET_KEY", "DATABASE_URL", "TRUSTED_PROXIES"}
    assert {one.partition(":")[0] for one in warned} >= wanted
    assert any("has no deployment that may see confidential data" in one for one in warned)
    assert len(warned) == len(set(warned))


def test_running_answers_get_the_longest_deadline_of_a_route_to_end(tmp_path: Path) -> None:
    routes = {"quick": {"try": ["only"], "deadline": "10s"}, "assistant": {"try": ["only"], "deadline": "90s"}}
    models = {"deployments": {"only": deployment("http://127.0.0.1:1")}, "routes": routes}
    config = configuration(tmp_path / "config", models=models)
    # In a process of its own, as it changes what a signal does.
    told = """if True:
        import uvicorn
        from {{ cookiecutter.package_name }}.cli import main
        uvicorn.run = lambda app, **options: print("GIVEN", options["timeout_graceful_shutdown"])
        main(["serve"])
    """
    path = os.pathsep.join(str(Path(one).resolve()) for one in sys.path)
    environment = {**os.environ, **USUAL, "PYTHONPATH": path, "CONFIG_DIR": str(config)}
    command = [sys.executable, "-c", told]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    (line,) = [one for one in ended.stdout.splitlines() if one.startswith("GIVEN")]
    assert 90 < int(line.removeprefix("GIVEN ")) < 100, ended.stderr


class Process:
    """`serve`, which does not end by itself."""

    def __init__(self, folder: Path, config: str, **environment: str) -> None:
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        usual = {**USUAL, "CONFIG_DIR": config}
        usual |= {"PYTHONPATH": os.pathsep.join(str(Path(one).resolve()) for one in sys.path), "PORT": str(port)}
        self._running = subprocess.Popen(
            [sys.executable, "-m", "{{ cookiecutter.package_name }}", "serve"],
            cwd=folder,
            env={**os.environ, **usual, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    async def alive(self) -> None:
        async with httpx2.AsyncClient() as http:
            for _ in range(600):
                try:
                    await http.get(f"{self._url}/livez")
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
                else:
                    return

    def ended(self) -> str:
        self._running.terminate()
        return self._running.communicate(timeout=60)[0]


def test_production_lists_everything_it_refuses(config: str) -> None:
    refused = invoked("serve", CONFIG_DIR=config, ENVIRONMENT="production")
    assert refused.exit_code == 78
    for name in ("OIDC_ISSUER", "PUBLIC_URL", "DATABASE_URL", "route 'assistant' has no deployment that may see"):
        assert name in refused.stderr
    assert "a local model server" in refused.stderr


async def test_verify_names_an_altered_record(service: Service) -> None:
    await service.ask()
    url = str(service.engine.url)
    where = {"DATABASE_URL": url, "AUDIT_CHECKPOINTS": str(service.checkpoints)}
    assert invoked("audit", "verify", **where).exit_code == 0
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET body = replace(body, 'ada', 'eve') WHERE kind = 'started'")
    broken = invoked("audit", "verify", **where)
    assert broken.exit_code == 1
    assert "record 2 of writer" in broken.stdout
    assert json.loads(invoked("audit", "verify", "--json", **where).stdout)["faults"][0]["seq"] == 2


def test_a_setting_that_names_no_overlay_is_a_fault_beside_all_others(config: str, tmp_path: Path) -> None:
    replace(Path(config) / "models.yaml", "- only", "- other")
    nowhere = str(tmp_path / "nowhere" / "policy.yaml")
    for command in (("serve",), ("policy",)):
        refused = invoked(*command, CONFIG_DIR=config, ORGANISATION_POLICY=nowhere)
        assert refused.exit_code == 78
        where = "nowhere/policy.yaml: cannot be read (FileNotFoundError); ORGANISATION_POLICY must say where it is"
        assert where in refused.stderr
        assert "no deployment is called 'other'" in refused.stderr


def test_policy_and_doctor_name_the_overlay_in_force(config: str, tmp_path: Path) -> None:
    overlay = tmp_path / "policy.yaml"
    overlay.write_text("tenant_limits: {requests_per_minute: 9}\n", encoding="utf-8")
    where = {"CONFIG_DIR": config, "ORGANISATION_POLICY": str(overlay)}
    within = f"within {tmp_path.name}/policy.yaml"
    assert invoked("policy", **where).stdout.splitlines()[0].endswith(f" {within}")
    assert f"is whole, {within}" in invoked("doctor", **where).stdout
    assert "within" not in invoked("policy", CONFIG_DIR=config, ORGANISATION_POLICY="").stdout


def test_a_doubt_is_not_among_what_production_refuses(config: str) -> None:
    shown = invoked("doctor", "--json", CONFIG_DIR=config, OIDC_CLIENT_ID="web")
    refused = {one.partition(":")[0] for one in json.loads(shown.stdout)["production"]}
    assert "SECRET_KEY" in refused
    assert "TRUSTED_PROXIES" not in refused


def test_doctor_says_what_is_missing(config: str) -> None:
    shown = invoked("doctor", CONFIG_DIR=config)
    assert shown.exit_code == 1
    assert "WRONG  the issuer does not answer" in shown.stdout
    replace(Path(config) / "policy.yaml", "hosted_by", "hosted_bye")
    lines = invoked("doctor", CONFIG_DIR=config, PORT="many").stdout.splitlines()
    missing = [place for place, line in enumerate(lines) if line.startswith("WRONG")]
    assert len(missing) >= 4
    assert all(lines[place + 1].startswith("       next: ") for place in missing)


def test_a_fault_in_a_route_brings_none_about_who_asks_it(config: str) -> None:
    replace(Path(config) / "models.yaml", "    try:", "    deadline: 60 secs\n    try:")
    _, *told = invoked("policy", CONFIG_DIR=config).stderr.splitlines()
    assert len(told) == 1, told
    assert "/models.yaml:" in told[0]


async def test_doctor_tells_which_deployment_fails(service: Service) -> None:
    await service.upstream.fails_with("500", model="local-large")
    for _ in range(5):
        await service.ask()
    here = {"PUBLIC_URL": service.url, "OIDC_ISSUER": service.issuer.url, "CONFIG_DIR": str(CONFIG)}
    told = await asyncio.to_thread(run, "doctor", **here)
    assert told.returncode == 1
    assert "WRONG  the deployment first fails\n       next: see docs/runbooks/" in told.stdout


def test_doctor_names_a_variable_that_is_nearly_a_setting(config: str) -> None:
    others = {"LOCAL_IDP_PORT": "1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "x", "OIDC_CLIENT_SECRET_FILE": ""}
    told = invoked("doctor", CONFIG_DIR=config, OIDC_ISUER="https://x", LOGLEVEL="DEBUG", **others).stdout
    for wrong, meant in (("OIDC_ISUER", "OIDC_ISSUER"), ("LOGLEVEL", "LOG_LEVEL")):
        assert f"{wrong}: is no setting; did you mean {meant}?" in told
    assert told.count("is no setting") == 2


def test_a_fault_in_a_class_brings_no_further_ones_about_who_names_it(config: str) -> None:
    replace(Path(config) / "policy.yaml", "retention_days", "retention_dais")
    told = invoked("policy", CONFIG_DIR=config).stderr.splitlines()
    assert len(told) == 2, told
    assert told[1].endswith("is not a known setting; did you mean 'retention_days'?")
    replace(Path(config) / "policy.yaml", "retention_dais", "retention_days")
    replace(Path(config) / "policy.yaml", "  confidential:\n    re", "  confidental:\n    re")
    _, *told = invoked("policy", CONFIG_DIR=config).stderr.splitlines()
    assert "there are public, internal, confidental, restricted" in told[0]
    assert all("/policy.yaml:" in line for line in told)


def test_an_empty_question_is_not_sent() -> None:
    refused = invoked("ask", " ", "--user", "ada", PUBLIC_URL="http://127.0.0.1:1")
    assert refused.exit_code == 2
    assert "nothing was sent" in refused.stderr


def test_a_receipt_tells_calls_of_tools_from_a_fallback() -> None:
    one = {"deployment": "d", "region": "eu", "data_class": "internal", "input_tokens": 1, "output_tokens": 1}
    one |= {"cost_usd": None, "latency_ms": 1, "audit_id": "a", "trace_id": "t"}
    for attempts, fallback, said in (
        (1, False, "1 attempt ·"),
        (2, False, "2 attempts, none failed"),
        (2, True, "2 attempts, a fallback"),
    ):
        assert said in receipt_line({**one, "attempts": attempts, "fallback": fallback})
