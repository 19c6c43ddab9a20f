"""What code and configuration say by themselves."""

import ast
import re

from assurance.readiness.project import Finding, Project

_EXAMPLE = {"assistant", "handbook"}


def _covered(project: Project) -> Finding:
    uncovered = project.configuration.policy.uncovered()
    return Finding(not uncovered, uncovered[0] if uncovered else "every class that a role may send has a deployment")


def _bounded(project: Project) -> Finding:
    deployments, budgets = project.configuration.catalogue.deployments, project.configuration.policy.budgets
    missing = [f"a price of {name}" for name, one in deployments.items() if one.entry.price is None]
    missing += [f"a budget for each {name}" for name in ("user", "tenant") if getattr(budgets, name) is None]
    said = "every deployment has a price, users and tenants have a budget"
    return Finding(not missing, f"there is not {' or '.join(missing)}" if missing else said)


def _falls_back(project: Project) -> Finding:
    """Embeddings cannot: vectors of different models do not compare."""
    policy = project.configuration.policy
    default = policy.data_class(None)
    chatting = [name for name, route in policy.catalogue.routes.items() if route.serves == "chat"]
    alone = [name for name in chatting if len(policy.matrix[default, name].deployments) < 2]
    said = f"one deployment for {default} data on {', '.join(alone)}" if alone else "each has a second deployment"
    return Finding(not alone, said)


def _threats(project: Project) -> Finding:
    controls = project.yaml("controls.yaml")["controls"]
    page = project.text("docs/governance/threat-model.md")
    missing = [name for name in controls if f"`{name}`" not in page]
    return Finding(
        not missing, f"it does not name {', '.join(missing)}" if missing else f"it names {len(controls)} controls"
    )


def _own_idea(project: Project) -> Finding:
    tree = ast.parse(project.source("services.py").read_text(encoding="utf-8"))
    body = next(one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "_features")
    names = set(re.findall(r"features\['(\w+)'\]", ast.unparse(body))) - _EXAMPLE
    return Finding(bool(names), f"{', '.join(sorted(names))} is there" if names else "there is the example only")


def _own_cases(project: Project) -> Finding:
    names = {path.stem for path in project.root.glob("assurance/evals/cases/*.yaml")} - _EXAMPLE
    return Finding(
        bool(names), f"{', '.join(sorted(names))} is there" if names else "there are those of the example only"
    )


LOOKS = {
    "classes-covered": _covered,
    "spending-bounded": _bounded,
    "routes-fall-back": _falls_back,
    "threat-model-current": _threats,
    "own-idea": _own_idea,
    "own-evaluation-cases": _own_cases,
}
