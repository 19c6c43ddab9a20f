"""Whichever CI system was chosen: its file is well formed and runs the same make targets as the others would."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.schema import faults

PROJECT = Path(__file__).parents[2]
TARGETS = ["make check", "make test", "make eval", "make prove", "make drill", "make sbom"]
# What tests and drills start, and the package of the image's Debian that brings it.
PACKAGES = {
    "chromium": "chromium",
    "curl": "curl",
    "pg_dump": "postgresql",
    "pg_restore": "postgresql",
    "postgres": "postgresql",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "redis-server": "redis-server",
}
SCHEMAS = {
    ".github/workflows/check.yml": "github-workflows",
    ".github/workflows/evaluate.yml": "github-workflows",
    ".gitlab-ci.yml": "gitlab-ci",
    "azure-pipelines.yml": "azure-pipelines",
}
SYSTEMS = {".github/workflows/check.yml": "GitHub", ".gitlab-ci.yml": "GitLab", "azure-pipelines.yml": "Azure"}
PIPELINES = [name for name in SCHEMAS if (PROJECT / name).exists()]


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def jobs(name: str) -> dict[str, Any]:
    content = yaml.safe_load(text(name))
    found = content.get("jobs", content)
    return {one["job"]: one for one in found} if isinstance(found, list) else found


def job(name: str) -> Any:
    (found,) = [content for pipeline in PIPELINES for title, content in jobs(pipeline).items() if title == name]
    return found


def commands(content: Any) -> list[str]:
    """Every text below a key that holds commands, in the job's order, but for the list of packages."""
    found: list[str] = []
    if isinstance(content, dict):
        for key, value in content.items():
            given = value if isinstance(value, list) else [value]
            if key in {"run", "script", "before_script"}:
                found += [str(one) for one in given if one != "apt-get update -qq"]
            else:
                found += commands(value)
    elif isinstance(content, list):
        for value in content:
            found += commands(value)
    return found


def test_there_is_a_pipeline() -> None:
    assert PIPELINES


@pytest.mark.parametrize("name", PIPELINES)
def test_the_pipeline_is_what_its_system_reads(name: str) -> None:
    assert faults(PROJECT / name, SCHEMAS[name]) == ""


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_stops_at_the_first_fault(name: str) -> None:
    assert not re.search(r"continue-?on-?error|allow_failure|\|\|", text(name), re.IGNORECASE)


def test_the_check_installs_the_programs_that_tests_start_and_runs_the_make_targets() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("*.py")]
    started = {program for source in sources for program in re.findall(r'\bprogram\("([\w-]+)"', source)}
    assert started <= set(PACKAGES), "say here which package brings it, and let the pipelines install that"
    installing, *made = commands(job("check"))
    assert {word for word in installing.split()[2:] if not word.startswith("-")} == {"make", *PACKAGES.values()}
    assert made == TARGETS


def test_the_deployed_service_is_evaluated_each_night_where_its_address_is_set() -> None:
    installing, evaluating = commands(job("evaluate"))
    assert installing.endswith(" make")
    assert evaluating == "make eval repeats=3"
    (said,) = commands(job("nothing_to_ask"))
    for content in (job("evaluate"), job("nothing_to_ask")):
        assert "EVAL_URL" in str(content.get("if") or content.get("condition") or content["rules"])
    assert "EVAL_URL is not set; docs/evaluation.md says how" in said
    assert all("schedule" in text(name) for name in PIPELINES if "evaluate" in jobs(name))


@pytest.mark.parametrize(
    ("name", "folder"), [("check", ".local"), ("evaluate", ".local/evals"), ("ready", ".local/readiness")]
)
def test_the_reports_are_kept_also_of_a_run_that_failed(name: str, folder: str) -> None:
    """Azure and GitHub have a step for it, GitLab a section of the job."""
    content = job(name)
    steps = content.get("steps", [{"artifacts": content.get("artifacts")}])
    (keeping,) = [one for one in steps if {"publish", "artifacts"} & set(one) or "/upload-" in one.get("uses", "")]
    assert re.search(rf"\W{re.escape(folder)}/?'", str(keeping))
    assert "always" in str(keeping)
    assert "uses" not in keeping or keeping["with"]["include-hidden-files"] is True


def test_whether_it_may_go_live_is_asked_of_the_environment_that_the_team_names() -> None:
    content = job("ready")
    installing, asking = commands(content)
    assert installing.endswith(" make")
    assert asking == "make ready told=.local/told"
    assert "check" in content.get("needs", content.get("dependsOn")), "it brings the evidence"
    assert "READY_ENVIRONMENT" in str(content.get("if") or content.get("condition") or content["rules"])
    assert re.search(r"'ENVIRONMENT': '\$.*READY_ENVIRONMENT", str(content))


def test_an_image_is_built_and_tried_with_each_change_that_passed_the_check() -> None:
    building = job("build")
    assert "check" in building.get("needs", building.get("dependsOn")), "it brings the list of packages"
    assert [one for one in commands(building) if one.startswith("make image tag=")]
    assert not re.search(r"docker (push|login)|PASSWORD|TOKEN|secrets", str(building)), "it runs what a change brings"


def test_an_image_is_pushed_by_its_commit_from_the_default_branch_only() -> None:
    publishing = job("publish")
    when = str(publishing.get("if") or publishing.get("condition") or publishing["rules"])
    assert re.search(r"event_name == 'push' .*default_branch|COMMIT_BRANCH == .*DEFAULT_BRANCH|refs/heads/main", when)
    first = publishing.get("needs", publishing.get("dependsOn", publishing.get("extends")))
    assert first == "build", "what was not tried is not pushed"
    done = "\n".join(commands(publishing))
    assert re.search(r"^docker push .*:\$(\w*SHA|BUILD_SOURCEVERSION)\"$", done, re.MULTILINE)
    assert "--password-stdin" in done
    assert "latest" not in done


def test_the_page_on_releases_says_where_the_image_goes_with_whose_right_and_whether_it_is_signed() -> None:
    (row,) = re.findall(rf"^\| {SYSTEMS[PIPELINES[0]]} \| (.*) \|$", text("docs/release.md"), re.MULTILINE)
    publishing = str(job("publish"))
    registry = {"ghcr.io", "CI_REGISTRY_IMAGE", "IMAGE_USER", "IMAGE_PASSWORD"}
    named = {word for word in registry if word in publishing}
    assert named
    assert {word for word in named if word != "CI_REGISTRY_IMAGE"} == {word for word in registry if word in row}
    assert row.endswith("| no") != ("actions/attest" in publishing)


def test_known_holes_of_the_lock_are_looked_for_each_night() -> None:
    """Whether the tool finds any needs the public index, so no test runs it: this is about the text."""
    installing, looking = commands(job("advisories"))
    assert re.fullmatch(r"pip install --quiet pip-audit==\d+\.\d+\.\d+", installing)
    assert looking == "pip-audit --disable-pip --require-hashes -r requirements-dev.lock"
    assert "EVAL_URL" not in str(job("advisories")), "it rests for nobody"
    (pipeline,) = [name for name in PIPELINES if "advisories" in jobs(name)]
    assert "schedule" in text(pipeline)


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_runs_on_the_image_that_production_starts_from(name: str) -> None:
    (image,) = set(re.findall(r"\bpython:[\w.:@-]+", text(name)))
    assert f"FROM {image}\n" in text("Dockerfile")


def test_the_targets_are_in_the_makefile() -> None:
    assert {f"make {target}" for target in re.findall("^([a-z]+):", text("Makefile"), re.MULTILINE)} >= set(TARGETS)


def test_actions_are_pinned_by_commit_and_the_token_of_all_jobs_but_one_may_only_read() -> None:
    if ".github/workflows/check.yml" not in PIPELINES:
        pytest.skip("the pipeline runs elsewhere")
    for path in (PROJECT / ".github" / "workflows").glob("*.yml"):
        workflow = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (.*)", workflow)
        assert used
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action) for action in used)
        content = yaml.safe_load(workflow)
        assert content["permissions"] == {"contents": "read"}
        assert {name for name, one in content["jobs"].items() if "permissions" in one} <= {"publish"}
        assert "pull_request_target" not in workflow


def test_the_job_that_may_write_runs_nothing_of_the_repository_and_signs_what_it_pushed() -> None:
    if ".github/workflows/check.yml" not in PIPELINES:
        pytest.skip("the pipeline runs elsewhere, and signs nothing")
    publishing = job("publish")
    assert publishing["permissions"] == {"packages": "write", "id-token": "write", "attestations": "write"}
    assert not re.search(r"actions/checkout|make |python|docker (build|run)", str(publishing))
    signing = [one["with"] for one in publishing["steps"] if one.get("uses", "").startswith("actions/attest@")]
    assert [one.get("sbom-path") for one in signing] == [None, ".local/sbom.cdx.json"]
    for one in signing:
        assert "steps.push.outputs.digest" in one["subject-digest"]
        assert one["push-to-registry"] is True
