"""Compiles config/policy.yaml into a Policy, or lists all its faults by file and line."""

import hashlib
from collections.abc import Collection

from ..configfile import ConfigFile, Faults
from ..gateway import Catalogue
from .policy import Policy
from .policyfile import Budgets, PolicyFile
from .redaction import RULES, pattern_fault


def compile_policy(
    file: ConfigFile[PolicyFile], catalogue: Catalogue, roles: Collection[str] | None, faults: Faults
) -> Policy:
    """`roles` are those of access.yaml, None where it cannot be read.

    Returns a Policy even if there are faults, to find uncovered classes too; the service must not start with it.
    """
    content = file.content
    _check_classes(file, "default_class", {"": content.default_class}, faults)
    _check_classes(file, "ceilings", content.ceilings, faults)
    _check_classes(file, "redact", {name: name for name in content.redact}, faults)
    _check_redaction(file, faults)
    for route in catalogue.routes.values():
        for name in sorted(route.refuses - file.names("data_classes")):
            faults.add(route.declared_at, f"refuses '{name}', which is no data class of policy.yaml")
    if roles is not None:
        _check_roles(file, roles, faults)
    if content.budgets != Budgets():
        _check_prices(catalogue, faults)
    return Policy(file, catalogue, _version(file, catalogue))


def _check_roles(file: ConfigFile[PolicyFile], roles: Collection[str], faults: Faults) -> None:
    for section in ("ceilings", "limits"):
        for role in sorted(getattr(file.content, section).keys() - set(roles)):
            known = ", ".join(sorted(roles))
            faults.add(file.at(section, role), f"role '{role}' does not exist; access.yaml has {known}")


def _check_classes(file: ConfigFile[PolicyFile], section: str, named: dict[str, str], faults: Faults) -> None:
    for key, name in named.items():
        if name not in file.names("data_classes"):
            known = ", ".join(file.names("data_classes"))
            faults.add(file.at(section, key), f"'{name}' is no data class; there are {known}")


def _check_redaction(file: ConfigFile[PolicyFile], faults: Faults) -> None:
    for name, pattern in file.content.patterns.items():
        if reason := pattern_fault(name, pattern):
            faults.add(file.at("patterns", name), reason)
    known = (*RULES, *sorted(file.names("patterns")))
    for data_class, rules in file.content.redact.items():
        for place, rule in enumerate(rules):
            if rule not in known:
                faults.add(file.at("redact", data_class, place), f"'{rule}' is no rule; there are {', '.join(known)}")


def _check_prices(catalogue: Catalogue, faults: Faults) -> None:
    for deployment in catalogue.deployments.values():
        if deployment.entry.price is None:
            faults.add(
                deployment.declared_at,
                f"'{deployment.name}' states no price, but policy.yaml sets budgets; state it",
            )


def _version(file: ConfigFile[PolicyFile], catalogue: Catalogue) -> str:
    """Short digest of everything that decides: a trail record tells under which rules a call was permitted."""
    entries = "".join(f"{name}{one.entry.model_dump_json()}" for name, one in catalogue.deployments.items())
    routes = "".join(
        repr((route.name, route.serves, [one.name for one in route.deployments], sorted(route.refuses)))
        for route in catalogue.routes.values()
    )
    return hashlib.sha256(f"{file.content.model_dump_json()}{entries}{routes}".encode()).hexdigest()[:16]
