"""`python -m assurance.bundle` gathers what a review board reads into one dated archive."""

import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from {{ cookiecutter.package_name }} import NAME

from assurance.readiness.plan import read_plan
from assurance.readiness.project import Project
from assurance.readiness.run import report_on, write
from assurance.sbom import sbom
from assurance.stamp import PROJECT, stamp

PAPERS = (
    "docs/governance/*.md",
    "docs/adr/*.md",
    "docs/adoption/*.md",
    "docs/runbooks/*.md",
    "docs/*.md",
    "controls.yaml",
    "readiness.yaml",
    "config/*.yaml",
    "ops/alerts.yaml",
    "ops/objectives.yaml",
    "requirements.lock",
)
# What was run, and the command that runs it.
RUN = {"proof": "make prove", "evals": "make eval", "drills": "make drill", "readiness": "make ready"}


def bundle(project: Path, at: datetime) -> Path:
    """The archive, whose index.md says what is in it, of which state it is, and what is missing."""
    target = project / ".local" / "evidence" / f"evidence-{at:%Y-%m-%d-%H%M%S}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.md", "\n".join([*_index(project, at), ""]))
        archive.writestr("sbom.cdx.json", sbom(project))
        for path in sorted({path for pattern in PAPERS for path in project.glob(pattern)}):
            archive.write(path, path.relative_to(project))
        for name in RUN:
            for path in sorted((project / ".local" / name).glob("*.*")):
                archive.write(path, f"run/{name}/{path.name}")
    return target


def _index(project: Path, at: datetime) -> Iterator[str]:
    yield f"# Evidence of {at:%Y-%m-%d %H:%M} UTC\n"
    yield f"The state of src, config and assurance is `{stamp(project=project)[:12]}`.\n"
    yield "Begin with [ten questions](docs/governance/ten-questions.md), then the"
    yield "[threat model](docs/governance/threat-model.md) and the [policy matrix](docs/governance/policy-matrix.md).\n"
    yield "| what was run | when | what came of it |\n| --- | --- | --- |"
    for name, command in RUN.items():
        when, what = _found(project / ".local" / name / "latest.json", command)
        yield f"| [{name}](run/{name}/latest.json) | {when} | {what} |"
    yield "\n`sbom.cdx.json` lists every package of the image with version, licence and hashes."


def _found(path: Path, command: str) -> tuple[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "never", f"missing: {command}"
    waived = content.get("score", {}).get("waived", 0)
    only_waived = bool(waived) and content.get("open") == 0
    failed = f"nothing is open, {waived} waived" if only_waived else "did not pass, or something is open"
    return content["about"]["at"], "passed" if content["passed"] else failed


def main(words: Sequence[str] | None = None) -> int:
    root = Path(words[0]) if words else PROJECT
    project = Project(root)
    report = report_on(project, read_plan(project))
    write(root / ".local" / "readiness", report, 4, NAME)
    print(f"The bundle is {bundle(root, datetime.now(UTC))}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
