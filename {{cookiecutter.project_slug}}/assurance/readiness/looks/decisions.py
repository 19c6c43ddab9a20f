"""Is what the team has to decide decided? docs/adr/0001 to 0008."""

import re

from assurance.readiness.project import Finding, Look, Project

_DECISIONS = {
    "decision-issuer": "0001",
    "decision-provider": "0002",
    "decision-data-classes": "0003",
    "decision-success": "0004",
    "decision-upstreams": "0005",
    "decision-retention": "0006",
    "decision-support": "0007",
    "decision-rollout": "0008",
}


def _is_decided(number: str) -> Look:
    def look(project: Project) -> Finding:
        (path,) = project.root.glob(f"docs/adr/{number}-*.md")
        content = path.read_text(encoding="utf-8")
        found = re.search(r"^- Status: (.+)$", content, re.MULTILINE)
        status = found[1] if found else "unknown"
        asked = content.partition("\n")[0].removeprefix(f"# {number} ")
        if status == "accepted" and not re.search(r"^## Decision\n+[^#\s]", content, re.MULTILINE):
            return Finding(False, f"{path.stem} is accepted, but nothing stands under 'Decision'")
        return Finding(
            status == "accepted" or status.startswith("replaced by"), f"{asked} (docs/adr/{path.name}: {status})"
        )

    return look


LOOKS = {name: _is_decided(number) for name, number in _DECISIONS.items()}
