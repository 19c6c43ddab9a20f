"""Are the questions answered that the papers ask of people? Are the papers of this configuration?"""

import hashlib
import re

from assurance.papers import model_register
from assurance.readiness.project import Finding, Look, Project

MATRIX = "docs/governance/policy-matrix.md"
PAPERS = {  # and how many questions each asks when a project is fresh
    "incident-process": ("docs/governance/incidents.md", 3),
    "integration-register": ("docs/governance/integration-register.md", 8),
    "model-register": ("docs/governance/model-register.md", 3),
    "data-protection": ("docs/governance/data-protection.md", 5),
    "ai-rules": ("docs/governance/ai-rules.md", 5),
    "retention": ("docs/governance/retention.md", 4),
    "user-guide": ("docs/adoption/user-guide.md", 3),
}


def _is_answered(page: str, questions: int) -> Look:
    def look(project: Project) -> Finding:
        asked, answers = project.open_questions(page), project.answers(page)
        if asked:
            return Finding(False, f"{len(asked)} open in {page}, first: {asked[0]}")
        said = f"{answers} answers in {page}, which asked {questions} questions"
        form = f"; each is '**Answered**: … (NAME, {project.today})'"
        return Finding(answers >= questions, said if answers >= questions else said + form)

    return look


def block(page: str) -> str:
    found: list[str] = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return found[0]


def signature(page: str) -> str:
    """The text that a signature on the matrix covers: a changed matrix needs a new signature."""
    return hashlib.sha256(block(page).encode()).hexdigest()[:8]


def _is_signed(project: Project) -> Finding:
    page = project.text(MATRIX)
    wanted = signature(page)
    found = re.findall(r"^Signed: (.+), (\d{4}-\d\d-\d\d), matrix `(\w+)`$", page, re.MULTILINE)
    names = [name for name, _, signed in found if signed == wanted]
    if names:
        return Finding(True, f"signed by {', '.join(names)}")
    before = "was signed for another matrix" if found else "is not signed"
    return Finding(False, f"{MATRIX} {before}; add a line 'Signed: NAME, {project.today}, matrix `{wanted}`'")


def _is_of_this_configuration(project: Project) -> Finding:
    on_paper = block(project.text("docs/governance/model-register.md"))
    in_force = "\n".join(model_register(project.configuration)) + "\n"
    same = on_paper == in_force
    return Finding(
        same, "it matches" if same else "it does not match: python3 local/venv.py python -m assurance.papers"
    )


LOOKS = {
    **{name: _is_answered(*paper) for name, paper in PAPERS.items()},
    "policy-matrix-signed": _is_signed,
    "model-register-current": _is_of_this_configuration,
}
