"""What the rules decide: which class of data may reach which deployment, and who may send it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import DataClassRefused, InvalidRequest, ModelNotFound
from ..gateway import Catalogue, Deployment, Permit, Route
from ..identity import Principal
from .limits import Bounds
from .overlay import Rules
from .policyfile import Budgets
from .switches import Stops, still_open


@dataclass(frozen=True)
class Cell:
    """One class at one route: the deployments that may answer, and for each other one the rule that keeps it out."""

    deployments: tuple[Deployment, ...]
    kept_out: tuple[str, ...]


class Policy:
    def __init__(self, rules: Rules, catalogue: Catalogue, version: str) -> None:
        self._rules = rules
        self.catalogue = catalogue
        self.version = version
        self.classes = rules.classes
        self.matrix = {
            (name, route.name): self._cell(name, route) for route in catalogue.routes.values() for name in self.classes
        }

    def data_class(self, name: str | None) -> str:
        """The class that a request declares; the default where it declares none. Raises InvalidRequest."""
        declared = self._rules.default_class if name is None else name
        if declared not in self.classes:
            raise InvalidRequest(f"X-Data-Class must be one of {', '.join(self.classes)}.", param="X-Data-Class")
        return declared

    def highest(self, *names: str) -> str:
        return max(names, key=self.classes.index)

    def ceiling(self, principal: Principal) -> str | None:
        """The most sensitive class that any of the principal's roles may send; None: may not ask."""
        ceilings = self._rules.ceilings
        found = [ceilings[role][0] for role in principal.roles if role in ceilings]
        return self.highest(*found) if found else None

    def ceiling_of(self, role: str) -> tuple[str | None, str]:
        """The role's ceiling, and the place in a file that sets it."""
        return self._rules.ceilings.get(role) or (None, self._rules.team.at("ceilings", role))

    def may_send(self, principal: Principal, data_class: str) -> bool:
        ceiling = self.ceiling(principal)
        return ceiling is not None and self.classes.index(data_class) <= self.classes.index(ceiling)

    def serves(self, principal: Principal, route: str) -> bool:
        """Whether there is any class that this principal may send to this route."""
        return any(self.may_send(principal, name) and self.matrix[name, route].deployments for name in self.classes)

    def permit(
        self, principal: Principal, data_class: str, route_name: str, stopped: Stops = MappingProxyType({})
    ) -> Permit:
        """Raises ModelNotFound, DataClassRefused with file, line and rule, or Stopped."""
        route = self.catalogue.routes.get(route_name)
        if route is None:
            raise ModelNotFound(
                f"There is no model '{route_name}'. GET /v1/models lists those you may use.", param="model"
            )
        self._check_ceiling(principal, data_class)
        cell = self.matrix[data_class, route_name]
        if not cell.deployments:
            raise DataClassRefused(
                f"No deployment of '{route_name}' may see {data_class} data: {'; '.join(cell.kept_out)}.",
                param="X-Data-Class",
            )
        deployments = still_open(principal.tenant, route_name, cell.deployments, stopped)
        return Permit(principal.subject, principal.tenant, data_class, route, deployments, self.version)

    def _check_ceiling(self, principal: Principal, data_class: str) -> None:
        if self.may_send(principal, data_class):
            return
        roles = sorted(principal.roles & self._rules.ceilings.keys())
        if not roles:
            where = self._rules.team.at("ceilings")
            raise DataClassRefused(
                f"{where}: none of your roles has a ceiling, so you may not ask. Ask for a role there."
            )
        ceiling = self.ceiling(principal)
        role = next(role for role in roles if self._rules.ceilings[role][0] == ceiling)
        where = self._rules.ceilings[role][1]
        raise DataClassRefused(
            f"{where}: role {role} may send data up to '{ceiling}'; this request is '{data_class}'. "
            "Leave the more sensitive data out, or ask as a role with a higher ceiling.",
            param="X-Data-Class",
        )

    def _cell(self, data_class: str, route: Route) -> Cell:
        if data_class in route.refuses:
            return Cell((), (f"{route.declared_at}: the route refuses this class",))
        verdicts = [(deployment, self._why_not(data_class, deployment)) for deployment in route.deployments]
        return Cell(
            tuple(deployment for deployment, reason in verdicts if reason is None),
            tuple(reason for _, reason in verdicts if reason is not None),
        )

    def _why_not(self, data_class: str, deployment: Deployment) -> str | None:
        """The first rule, of this class or of a less sensitive one, that the deployment does not meet."""
        for name in self.classes[: self.classes.index(data_class) + 1]:
            for where, rule, demanded in self._rules.demands(name):
                offered = deployment.entry.region if rule == "regions" else getattr(deployment.entry, rule)
                if not _meets(rule, demanded, offered):
                    return (
                        f"{where}: '{name}' demands {rule} {_plain(demanded)}; {deployment.name} has {_plain(offered)}"
                    )
        return None

    def uncovered(self) -> list[str]:
        """Classes that some role may send and a route that it does not refuse cannot lawfully answer."""
        faults = []
        top = max((self._rules.rank(name) for name, _ in self._rules.ceilings.values()), default=-1)
        for (name, route_name), cell in self.matrix.items():
            route = self.catalogue.routes[route_name]
            if route_name in self.catalogue.broken:
                continue  # what it lacks is told already
            if self.classes.index(name) <= top and not cell.deployments and name not in route.refuses:
                faults.append(
                    f"{route.declared_at}: route '{route_name}' has no deployment that may see {name} data "
                    f"({'; '.join(cell.kept_out)}); add one, or add {name} to the route's refuses"
                )
        return faults

    def limits(self, principal: Principal) -> Bounds:
        """A user's are the most generous of their roles; a role without an entry sets no bound of its own."""
        return Bounds(self._rules.limits(principal.roles), self._rules.tenant_limits)

    @property
    def organisation(self) -> str | None:
        """The overlay that these rules are within."""
        return self._rules.organisation.name if self._rules.organisation else None

    @property
    def patterns(self) -> list[dict[str, str]]:
        """Redaction rules beside those that are built in, such as for national ids."""
        return self._rules.patterns

    @property
    def budgets(self) -> Budgets:
        return self._rules.budgets

    def redactions(self, data_class: str) -> frozenset[str]:
        """The redaction rules for text sent to a provider: the class's own and those of every class below it."""
        return self._rules.redactions(data_class)


def _meets(rule: str, demanded: Any, offered: Any) -> bool:
    match rule:
        case "regions":
            return offered in demanded
        case "retention_days":
            return bool(offered <= demanded)
        case _:
            return bool(offered == demanded)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
