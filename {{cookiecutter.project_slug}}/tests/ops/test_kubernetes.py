"""Rules on ops/kubernetes. Where kubectl is installed, kustomize builds the whole."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from {{ cookiecutter.package_name }}.settings import Settings

from tests.command import invoked
from tests.ops.deadlines import time_to_stop
from tests.programs import program

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "ops" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[Any] = [
    content
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for content in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
TEMPLATES = {
    one["kind"]: (one["spec"].get("jobTemplate") or one)["spec"]["template"]
    for one in OBJECTS
    if one["kind"] in ("Deployment", "Job", "CronJob")
}
PODS = [one["spec"] for one in TEMPLATES.values()]
CONTAINERS = [container for pod in PODS for container in pod["containers"]]
SLUG = "{{ cookiecutter.project_slug }}"


def only(kind: str) -> Any:
    (found,) = [one for one in OBJECTS if one["kind"] == kind]
    return found


def is_part(wanted: dict[str, str], whole: dict[str, str]) -> bool:
    return wanted.items() <= whole.items()


def test_every_file_is_in_the_kustomization() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == {*files, "../../config"}
    kinds = {one["kind"] for one in OBJECTS}
    assert kinds >= {"Deployment", "Job", "CronJob", "Service", "NetworkPolicy", "PodDisruptionBudget"}
    assert "Secret" not in {one["kind"] for one in OBJECTS}


def test_no_pod_runs_as_root_or_talks_to_the_cluster() -> None:
    assert len(PODS) == 3
    for pod in PODS:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False


def test_no_container_may_write_or_gain_rights() -> None:
    for container in CONTAINERS:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}


def test_each_container_has_the_image_of_this_service_and_its_share() -> None:
    for container in CONTAINERS:
        name, _, tag = container["image"].partition(":")
        assert name == SLUG
        assert re.fullmatch(r"\d[\w.-]*", tag)
        assert "memory" in container["resources"]["limits"]
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])


def test_a_stopping_replica_has_time_for_its_answers() -> None:
    pod = only("Deployment")["spec"]["template"]["spec"]
    before = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > time_to_stop() + before


def test_a_replica_is_asked_whether_it_lives_and_whether_it_is_ready() -> None:
    container = only("Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["startupProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_metrics_name_the_pod_that_they_are_of() -> None:
    environment = only("Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    pod, attributes = environment  # in this order: a name stands for what was set before it
    assert pod["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert attributes == {"name": "OTEL_RESOURCE_ATTRIBUTES", "value": f"service.instance.id=$({pod['name']})"}


def test_prometheus_finds_each_pod_of_the_service_and_never_the_migration(tmp_path: Path) -> None:
    scraping = yaml.safe_load((PROJECT / "ops" / "prometheus-kubernetes.yaml").read_text(encoding="utf-8"))
    (job,) = scraping["scrape_configs"]
    kept, named = job["relabel_configs"]
    service, migration = (only(kind)["spec"]["template"] for kind in ("Deployment", "Job"))
    labels = ["app.kubernetes.io/name", "app.kubernetes.io/component"]
    asked = [f"__meta_kubernetes_pod_label_{re.sub('[./]', '_', label)}" for label in labels]
    assert (kept["action"], kept["source_labels"]) == ("keep", [*asked, "__meta_kubernetes_pod_container_port_name"])
    said = [service["metadata"]["labels"][label] for label in labels]
    ports = [port["name"] for port in service["spec"]["containers"][0]["ports"]]
    assert [one for one in ports if re.fullmatch(kept["regex"], ";".join([*said, one]))] == ["metrics"]
    assert migration["metadata"]["labels"].get(labels[1]) != said[1]
    assert named == {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "instance"}
    # Debian's promtool was built without Kubernetes.
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["static_configs"] = [{"targets": ["pod:9464"]}]
    scraping["rule_files"] = [str(PROJECT / "ops" / name) for name in scraping["rule_files"]]
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump(scraping), encoding="utf-8")
    command = [program("promtool", package="prometheus"), "check", "config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_requests_and_eviction_rules_reach_the_service_and_never_a_job() -> None:
    labels = {kind: template["metadata"]["labels"] for kind, template in TEMPLATES.items()}
    budget = only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    for selector in (only("Service")["spec"]["selector"], budget):
        assert [kind for kind in labels if is_part(selector, labels[kind])] == ["Deployment"]


def test_the_network_policy_holds_for_all_and_bars_the_metadata_service() -> None:
    policy = only("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for template in TEMPLATES.values():
        assert is_part(policy["podSelector"]["matchLabels"], template["metadata"]["labels"])
    blocks = [(peer["ipBlock"], rule["ports"]) for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]
    assert len(blocks) == 2
    for block, ports in blocks:
        names_only = block["cidr"] == "169.254.20.10/32" and {one["port"] for one in ports} == {53}
        assert names_only or "169.254.0.0/16" in block["except"]


def test_what_has_to_be_widened_for_is_in_the_network_policy_as_a_comment() -> None:
    """What docs/change-the-provider.md offers, by the address that is asked for it."""
    text = (FOLDER / "network.yaml").read_text(encoding="utf-8")
    rules = [line.strip().removeprefix("# - ") for line in text.splitlines() if line.strip().startswith("# - {")]
    addresses = [peer["ipBlock"]["cidr"] for rule in map(yaml.safe_load, rules) for peer in rule.get("to", [])]
    assert sorted(addresses) == ["169.254.169.252/32", "169.254.169.254/32", "169.254.170.23/32"]
    page = (PROJECT / "docs" / "change-the-provider.md").read_text(encoding="utf-8")
    assert text.count("# WIDEN") == 2
    assert "marked WIDEN" in page


def test_the_service_has_an_account_of_its_own_that_says_nothing_to_the_cluster() -> None:
    account = only("ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert TEMPLATES["Deployment"]["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_the_trail_is_verified_and_words_expire_each_day_where_the_service_keeps_them() -> None:
    job, pod, service = (
        only("CronJob")["spec"],
        TEMPLATES["CronJob"]["spec"],
        TEMPLATES["Deployment"]["spec"]["containers"][0],
    )
    assert re.fullmatch(r"\d+ \d+ \* \* \*", job["schedule"])
    assert not job.get("suspend")
    assert pod["restartPolicy"] == "Never"  # a status that is not 0 is the Job's failure, which is told
    commands = [container["command"][3:] for container in pod["containers"]]
    assert commands == [["audit", "verify"], ["feedback", "expire"]]
    for command in commands:
        assert invoked(*command, "--help").exit_code == 0
    volumes = {volume["name"]: volume for volume in TEMPLATES["Deployment"]["spec"]["volumes"]}
    for container in pod["containers"]:
        assert container["envFrom"] == service["envFrom"]
        assert container["volumeMounts"] == service["volumeMounts"]
    assert [one for one in pod["volumes"] if one["name"] != "tmp"] == [volumes["config"], volumes["checkpoints"]]


def test_what_removes_records_for_good_is_not_done_before_somebody_decided() -> None:
    text = (FOLDER / "daily.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "retain" in line]
    assert lines
    assert all(line.strip().startswith("#") for line in lines)
    assert "decision 0006" in text


def test_the_configuration_is_that_of_the_folder_config() -> None:
    generated = yaml.safe_load((PROJECT / "config" / "kustomization.yaml").read_text(encoding="utf-8"))
    (config,) = generated["configMapGenerator"]
    unread = {"kustomization.yaml", "models.examples.yaml"}
    assert {*config["files"], *unread} == {path.name for path in (PROJECT / "config").glob("*.yaml")}


def test_only_settings_that_exist_are_set() -> None:
    lines = (FOLDER / "settings.env").read_text(encoding="utf-8").splitlines()
    names = {line.partition("=")[0].lower() for line in lines if line and not line.startswith("#")}
    assert names <= set(Settings.model_fields)
    assert "oidc_issuer" in names


def test_checkpoints_outlive_a_replica_and_are_shared() -> None:
    claim = only("PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    pod = only("Deployment")["spec"]["template"]["spec"]
    (mounted,) = [one["mountPath"] for one in pod["containers"][0]["volumeMounts"] if one["name"] == "checkpoints"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "checkpoints"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert f"AUDIT_CHECKPOINTS={mounted}" in (PROJECT / "Dockerfile").read_text(encoding="utf-8")


def test_an_organisation_s_rules_are_three_lines_to_take_the_number_sign_from() -> None:
    text = (FOLDER / "deployment.yaml").read_text(encoding="utf-8")
    assert text.count("# ORGANISATION: ") == 1
    pod = yaml.safe_load(text.replace("# - {", "- {"))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (path,) = [Path(one["value"]) for one in container["env"] if one["name"].lower() in Settings.model_fields]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "organisation"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "organisation"]
    assert mount["readOnly"]
    assert path == Path(mount["mountPath"]) / "policy.yaml"
    page = (PROJECT / "docs" / "organisation-policy.md").read_text(encoding="utf-8")
    assert f"ConfigMap `{volume['configMap']['name']}` that has one key, `{path.name}`" in page


def test_kustomize_builds_it_with_every_reference_resolved() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed, and with it kustomize")
    ended = subprocess.run([kubectl, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    built = list(yaml.safe_load_all(ended.stdout))
    maps = {one["metadata"]["name"]: one["data"] for one in built if one["kind"] == "ConfigMap"}
    assert len(maps) == 2
    (pod,) = [one["spec"]["template"]["spec"] for one in built if one["kind"] == "Deployment"]
    assert pod["volumes"][0]["configMap"]["name"] in maps
    assert pod["containers"][0]["envFrom"][0]["configMapRef"]["name"] in maps
