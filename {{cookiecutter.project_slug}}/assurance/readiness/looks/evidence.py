"""What was run, on the project as it is now: the proof, the evaluation, the drills, each in .local/NAME/latest.json.

Each file has `passed` and `about`: {at, code}, with the digest of assurance/stamp.py, and that of the drills also
`drills`: [{alert, passed}].
"""

from collections.abc import Mapping

from assurance.drills import pace
from assurance.readiness.project import Finding, Project


def _proof(project: Project) -> Finding:
    return project.evidence("proof", "make prove", "tests", "controls.yaml")[1]


def _evaluation(project: Project) -> Finding:
    return project.evidence("evals", "make eval")[1]


def _drills(project: Project) -> Finding:
    content, finding = project.evidence("drills", "make drill", *pace.decide(_rules(project)))
    drilled = {one.get("alert") for one in (content or {}).get("drills", [])}
    missing = sorted(alerts(project).keys() - drilled) if content else []
    return Finding(False, f"no drill for {', '.join(missing)}") if missing else finding


def _alerts(project: Project) -> Finding:
    lost = [name for name, runbook in alerts(project).items() if not runbook or not (project.root / runbook).is_file()]
    return Finding(not lost, f"no runbook for {', '.join(lost)}" if lost else f"{len(alerts(project))} alerts have one")


def alerts(project: Project) -> Mapping[str, str]:
    """The runbook of each."""
    return pace.alerts(_rules(project))


def _rules(project: Project) -> Mapping[str, pace.Rules]:
    return pace.read_rules(project.root / "ops")


LOOKS = {
    "controls-proven": _proof,
    "evaluation-passed": _evaluation,
    "drills-passed": _drills,
    "alerts-have-runbooks": _alerts,
}
