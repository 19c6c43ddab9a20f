"""Compiles config/policy.yaml and an organisation's overlay into a Policy, or lists all its faults by file and line."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..configfile import ConfigFile, Faults
from ..gateway import Catalogue
from .overlay import AnyFile, Rules
from .policy import Policy
from .policyfile import Budgets, OverlayFile, PolicyFile
from .redaction import RULES, pattern_fault


def compile_policy(rules: Rules, catalogue: Catalogue, roles: Collection[str] | None, faults: Faults) -> Policy:
    """`roles` are those of access.yaml, None where it cannot be read. The overlay may name more: it is for many teams.

    Returns a Policy even if there are faults, to find uncovered classes too; the service must not start with it.
    """
    for file in rules.files:
        _check_names(file, faults)
    if rules.organisation:
        _check_said(rules.organisation, faults)
        _check_scale(rules.team, rules.organisation, faults)
    for route in catalogue.routes.values():
        for name in sorted(route.refuses - rules.team.names("data_classes")):
            faults.add(route.declared_at, f"refuses '{name}', which is no data class of policy.yaml")
    if roles is not None:
        _check_roles(rules.team, roles, faults)
    if rules.budgets != Budgets():
        _check_prices(rules, catalogue, faults)
    return Policy(rules, catalogue, _version(rules, catalogue))


def _check_names(file: AnyFile, faults: Faults) -> None:
    content = file.content
    if content.default_class is not None:
        _check_classes(file, "default_class", {"": content.default_class}, faults)
    _check_classes(file, "ceilings", content.ceilings, faults)
    _check_classes(file, "redact", {name: name for name in content.redact}, faults)
    _check_redaction(file, faults)


def _check_said(organisation: ConfigFile[OverlayFile], faults: Faults) -> None:
    """A part that is there and empty may be half a file, which would bind nobody."""
    for place in _empty(organisation.content.model_dump(exclude_unset=True)):
        faults.add(organisation.at(*place), f"{'.'.join(place)} says nothing; is it all there?")


def _empty(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in content.items():
        place = (*above, name)
        if value is None or (value == {} and above != ("data_classes",)):  # a class without demands is one
            yield place
        elif isinstance(value, dict):
            yield from _empty(value, place)


def _check_scale(team: ConfigFile[PolicyFile], organisation: ConfigFile[OverlayFile], faults: Faults) -> None:
    """A class below the organisation's first, or two in another order, would be ways round what it says of them."""
    own, theirs = list(team.names("data_classes")), list(organisation.names("data_classes"))
    if theirs and (own[0] != theirs[0] or [name for name in own if name in theirs] != theirs):
        faults.add(
            team.at("data_classes"),
            f"data_classes must begin with '{theirs[0]}' and have {', '.join(theirs)} in this order, as "
            f"{organisation.at('data_classes')} says; classes of your own go between or after them",
        )


def _check_roles(file: ConfigFile[PolicyFile], roles: Collection[str], faults: Faults) -> None:
    for section in ("ceilings", "limits"):
        for role in sorted(getattr(file.content, section).keys() - set(roles)):
            known = ", ".join(sorted(roles))
            faults.add(file.at(section, role), f"role '{role}' does not exist; access.yaml has {known}")


def _check_classes(file: AnyFile, section: str, named: dict[str, str], faults: Faults) -> None:
    for key, name in named.items():
        if name not in file.names("data_classes"):
            known = ", ".join(file.names("data_classes")) or "none: list all under data_classes, least sensitive first"
            faults.add(file.at(section, key), f"'{name}' is no data class; there are {known}")


def _check_redaction(file: AnyFile, faults: Faults) -> None:
    for name, pattern in file.content.patterns.items():
        if reason := pattern_fault(name, pattern):
            faults.add(file.at("patterns", name), reason)
    known = (*RULES, *sorted(file.names("patterns")))
    for data_class, rules in file.content.redact.items():
        for place, rule in enumerate(rules):
            if rule not in known:
                faults.add(file.at("redact", data_class, place), f"'{rule}' is no rule; there are {', '.join(known)}")


def _check_prices(rules: Rules, catalogue: Catalogue, faults: Faults) -> None:
    where = next(file.at("budgets") for file in rules.files if file.content.budgets != Budgets())
    for deployment in catalogue.deployments.values():
        if deployment.entry.price is None:
            faults.add(
                deployment.declared_at,
                f"'{deployment.name}' states no price, but {where} sets budgets; state it",
            )


def _version(rules: Rules, catalogue: Catalogue) -> str:
    """Short digest of everything that decides: a trail record tells under which rules a call was permitted."""
    entries = "".join(f"{name}{one.entry.model_dump_json()}" for name, one in catalogue.deployments.items())
    routes = "".join(
        repr((route.name, route.serves, [one.name for one in route.deployments], sorted(route.refuses)))
        for route in catalogue.routes.values()
    )
    files = "".join(file.content.model_dump_json() for file in rules.files)
    return hashlib.sha256(f"{files}{entries}{routes}".encode()).hexdigest()[:16]
