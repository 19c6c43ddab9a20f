"""The bundle for a review board: whole, dated, and honest about what was not run."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

from assurance.bundle import bundle
from assurance.stamp import stamp
from tests.assurance.ready import copied, prove_evaluate_and_drill

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def test_the_bundle_has_the_papers_and_names_its_state(tmp_path: Path) -> None:
    project = copied(tmp_path)
    made = bundle(project, AT)
    assert made.name == "evidence-2026-11-27-093000.zip"
    with zipfile.ZipFile(made) as archive:
        index, names = archive.read("index.md").decode(), set(archive.namelist())
    assert stamp(project=project)[:12] in index
    assert {"controls.yaml", "docs/governance/threat-model.md", "docs/governance/policy-matrix.md"} <= names
    assert {"docs/governance/ten-questions.md", "docs/adr/README.md", "config/models.yaml", "sbom.cdx.json"} <= names
    assert "missing: make prove" in index
    assert not any(name.startswith("src/") or ".env" in name for name in names)


def test_the_bundle_has_what_was_run(tmp_path: Path) -> None:
    project = copied(tmp_path)
    prove_evaluate_and_drill(project)
    with zipfile.ZipFile(bundle(project, AT)) as archive:
        index, names = archive.read("index.md").decode(), set(archive.namelist())
    assert {f"run/{name}/latest.json" for name in ("proof", "evals", "drills")} <= names
    assert index.count("| passed |") == 3
