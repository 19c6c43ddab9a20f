"""What was run, on the project as it is now: the proof, the evaluation, the drills, each in .local/NAME/latest.json.

Each file has `passed` and `about`: {at, code}, with the digest of assurance/stamp.py, and that of the drills also
`drills`: [{alert, passed}].
"""

from collections.abc import Mapping

from assurance.drills import pace
from assurance.readiness.project import Finding, Project

_NO_ALERT = Finding(False, "no file of ops/ has an alert")


def _proof(project: Project) -> Finding:
    return project.evidence("proof", "make prove", "tests", "controls.yaml")[1]


def _evaluation(project: Project) -> Finding:
    return project.evidence("evals", "make eval")[1]


def _drills(project: Project) -> Finding:
    known = alerts(project)
    if lost := [name for name, page in known.items() if not page or not (project.root / page).is_file()]:
        return Finding(False, f"no runbook for {', '.join(lost)}")
    content, finding = project.evidence("drills", "make drill", *pace.decide(_rules(project)))
    drilled = {one.get("alert") for one in (content or {}).get("drills", [])}
    if content and (missing := sorted(known.keys() - drilled)):
        return Finding(False, f"no drill for {', '.join(missing)}")
    return finding if known else _NO_ALERT


def alerts(project: Project) -> Mapping[str, str]:
    """The runbook of each."""
    return pace.alerts(_rules(project))


def _rules(project: Project) -> Mapping[str, pace.Rules]:
    return pace.read_rules(project.root / "ops")


LOOKS = {
    "controls-proven": _proof,
    "evaluation-passed": _evaluation,
    "drills-passed": _drills,
}
