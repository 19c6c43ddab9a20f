"""Three files of one run: latest.json for programs, junit.xml for pipelines, report.html for people."""

import json
from pathlib import Path

from assurance.evals.comparison import Comparison
from assurance.evals.junit import junit
from assurance.evals.outcome import STORED, Run
from assurance.evals.page import page


def write(folder: Path, run: Run, comparison: Comparison | None) -> Path:
    """The page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    drops = [drop.name for drop in comparison.drops] if comparison else []
    verdict = {"passed": run.passed and not drops, "drops": drops, "deployments": run.deployments}
    latest = verdict | STORED.dump_python(run, mode="json")
    (folder / "latest.json").write_text(json.dumps(latest, indent=1, ensure_ascii=True) + "\n", encoding="ascii")
    (folder / "junit.xml").write_bytes(junit(run))
    file = folder / "report.html"
    file.write_text(page(run, comparison), encoding="utf-8")
    return file
