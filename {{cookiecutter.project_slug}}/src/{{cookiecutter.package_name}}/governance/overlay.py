"""What the team's rules and the organisation's come to: of each part the stricter. docs/adr/T039 says why so."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

from ..configfile import ConfigFile
from .policyfile import Budgets, Demands, OverlayFile, PerMinute, PolicyFile

AnyFile = ConfigFile[PolicyFile] | ConfigFile[OverlayFile]


class Rules:
    """Nothing here takes the looser of two, so a file more can only tighten. The order of the classes is the team's."""

    def __init__(self, team: ConfigFile[PolicyFile], organisation: ConfigFile[OverlayFile] | None = None) -> None:
        self.team = team
        self.organisation = organisation
        # The organisation's first: where both refuse it is named, as the team cannot change it.
        self.files: list[AnyFile] = [organisation, team] if organisation else [team]
        self.classes = list(team.content.data_classes)

    def rank(self, data_class: str) -> int:
        """The place among the classes; of an unknown one, which is told as a fault, below all of them."""
        return self.classes.index(data_class) if data_class in self.classes else -1

    @cached_property
    def default_class(self) -> str:
        """The more sensitive."""
        return max((one for file in self.files if (one := file.content.default_class)), key=self.rank)

    def demands(self, data_class: str) -> Iterator[tuple[str, str, Any]]:
        """Place, rule and what it demands, of both: a deployment must meet all of them."""
        for file in self.files:
            demands = file.content.data_classes.get(data_class, Demands())
            for rule, demanded in demands.model_dump(exclude_none=True).items():
                yield file.at("data_classes", data_class, rule), rule, demanded

    @cached_property
    def ceilings(self) -> dict[str, tuple[str, str]]:
        """Of each role of the team's file the lower ceiling, and the place that sets it."""
        roles = self.team.content.ceilings
        return {role: min(self._ceilings(role), key=lambda one: self.rank(one[0])) for role in roles}

    def _ceilings(self, role: str) -> Iterator[tuple[str, str]]:
        for file in self.files:
            ceilings = file.content.ceilings
            if role in ceilings:
                yield ceilings[role], file.at("ceilings", role)
            elif ceilings:  # or renaming a role would be a way round
                lowest = min(ceilings.values(), key=self.rank)
                yield lowest, f"{file.at('ceilings')} (its lowest, as it does not name {role})"

    def limits(self, roles: Collection[str]) -> PerMinute:
        """Of a user: in each file the most generous of their roles, and of these the smaller.

        Compared per user, as roles are not: the smaller for each role may add up to more than the team's file alone.
        """
        found = [_bounds(max, _named(file.content.limits, roles)) for file in self.files]
        if self.organisation and not _named(self.organisation.content.limits, roles):
            found.append(_bounds(min, self.organisation.content.limits.values()))  # as for ceilings
        return _bounds(min, found)

    @cached_property
    def tenant_limits(self) -> PerMinute:
        return _bounds(min, (file.content.tenant_limits for file in self.files))

    @cached_property
    def budgets(self) -> Budgets:
        said = [file.content.budgets for file in self.files]
        return Budgets(
            user=min((one.user for one in said if one.user), key=lambda one: one.usd_per_day, default=None),
            tenant=min((one.tenant for one in said if one.tenant), key=lambda one: one.usd_per_month, default=None),
        )

    def redactions(self, data_class: str) -> frozenset[str]:
        """Those of both, of the class and of every class below it."""
        below = self.classes[: self.classes.index(data_class) + 1]
        return frozenset(rule for file in self.files for name in below for rule in file.content.redact.get(name, ()))

    @property
    def patterns(self) -> list[dict[str, str]]:
        """Of both, also where they share a name; the organisation's first, before another one changes the text."""
        return [file.content.patterns for file in self.files]


def _named(limits: dict[str, PerMinute], roles: Collection[str]) -> list[PerMinute]:
    return [limits[role] for role in roles if role in limits]


def _bounds(choose: Callable[..., int | None], said: Iterable[PerMinute]) -> PerMinute:
    """`choose` is min or max; what is not said bounds nothing."""
    said = list(said)
    return PerMinute(
        requests_per_minute=choose((one.requests_per_minute for one in said if one.requests_per_minute), default=None),
        tokens_per_minute=choose((one.tokens_per_minute for one in said if one.tokens_per_minute), default=None),
    )
