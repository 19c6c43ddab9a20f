from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from .policy import Policy
from .switches import Stops


@dataclass(frozen=True)
class Explanation:
    """`rules`: by file and line, in the order in which they are asked; the last one decides where it is a refusal."""

    deployments: tuple[str, ...]
    rules: tuple[str, ...]


def explain(policy: Policy, role: str, data_class: str, route: str) -> Explanation:
    ceiling, where = policy.ceiling_of(role)
    if ceiling is None:
        return Explanation((), (f"{where}: role {role} has no ceiling, so it may not ask",))
    sends = f"{where}: role {role} may send data up to '{ceiling}'"
    if policy.highest(ceiling, data_class) != ceiling:
        return Explanation((), (f"{sends}, and '{data_class}' is above it",))
    cell = policy.matrix[data_class, route]
    answer = (f"{one.declared_at}: {one.name} meets every demand of '{data_class}'" for one in cell.deployments)
    return Explanation(tuple(one.name for one in cell.deployments), (sends, *answer, *cell.kept_out))


@dataclass(frozen=True)
class Row:
    """A row of the matrix: the deployments that may answer, in the order they are tried, and which are stopped."""

    role: str
    data_class: str
    route: str
    deployments: tuple[str, ...]
    stopped: tuple[str, ...]


def matrix(policy: Policy, roles: Sequence[str], stopped: Stops) -> Iterator[Row]:
    """A row for each role at each class and route. `roles`: those that may ask at all."""
    for route, data_class, role in product(policy.catalogue.routes, policy.classes, roles):
        lawful = explain(policy, role, data_class, route).deployments
        out = (one for one in lawful if {("route", route), ("deployment", one)} & stopped.keys())
        yield Row(role, data_class, route, lawful, tuple(out))
