"""Generated pairs of files, a team's and its organisation's, and what the latter says by itself."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.governance.policies import ROLES
from tests.governance.situations import DEMANDS, DEPLOYMENT

PRICE = {"input_per_million": 1, "output_per_million": 2}
SOME_ROLES = sorted(ROLES)
PER_MINUTE = st.fixed_dictionaries(
    {}, optional={name: st.integers(1, 9) for name in ("requests_per_minute", "tokens_per_minute")}
)
BUDGETS = st.fixed_dictionaries(
    {},
    optional={
        "user": st.fixed_dictionaries({"usd_per_day": st.integers(1, 9)}),
        "tenant": st.fixed_dictionaries({"usd_per_month": st.integers(1, 9)}),
    },
)
RULES = st.lists(st.sampled_from(("secret", "card", "email", "mine")), unique=True)


@dataclass(frozen=True)
class Pair:
    models: dict[str, Any]
    team: dict[str, Any]
    organisation: dict[str, Any]


def parts(classes: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    """Those that a file may leave out."""
    by_role = st.dictionaries(st.sampled_from(SOME_ROLES), PER_MINUTE)
    return {
        "limits": by_role,
        "tenant_limits": PER_MINUTE,
        "budgets": BUDGETS,
        "redact": st.dictionaries(st.sampled_from(classes), RULES),
    }


def without_empty(content: dict[str, Any]) -> dict[str, Any]:
    """An empty part is a fault of an overlay, which may be half a file."""
    inner = {name: without_empty(value) if isinstance(value, dict) else value for name, value in content.items()}
    return {name: value for name, value in inner.items() if value != {}}


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """The team has every class of its organisation's in that order, and perhaps one of its own among or after them."""
    theirs = [f"class-{number}" for number in range(draw(st.integers(1, 4)))]
    own = list(theirs)
    if draw(st.booleans()):
        own.insert(draw(st.integers(1, len(own))), "own")
    deployments = {
        f"d{number}": {**draw(DEPLOYMENT), "price": dict(PRICE)} for number in range(draw(st.integers(1, 4)))
    }
    team = {
        "data_classes": {name: draw(DEMANDS) for name in own},
        "default_class": draw(st.sampled_from(own)),
        "ceilings": draw(st.dictionaries(st.sampled_from(SOME_ROLES), st.sampled_from(own))),
        "patterns": {"mine": "c{3}"},
        **draw(st.fixed_dictionaries({}, optional=parts(own))),
    }
    further = {
        "default_class": st.sampled_from(theirs),
        "ceilings": st.dictionaries(st.sampled_from(SOME_ROLES), st.sampled_from(theirs), min_size=1),
        **parts(theirs),
    }
    scale = {"data_classes": {name: draw(DEMANDS) for name in theirs}, "patterns": {"mine": "d{3}"}}
    organisation = {**scale, **without_empty(draw(st.fixed_dictionaries({}, optional=further)))}
    models = {"deployments": deployments, "routes": {"assistant": {"try": sorted(deployments)}}}
    return Pair(models, team, organisation)


def ceiling(organisation: dict[str, Any], roles: list[str], classes: list[str]) -> str:
    """The most sensitive class that the file lets anybody of these roles send."""
    said = organisation.get("ceilings", {})
    if not said:
        return classes[-1]
    named = [classes.index(said[role]) for role in roles if role in said]
    return classes[max(named) if named else min(classes.index(one) for one in said.values())]


def bound(organisation: dict[str, Any], roles: list[str], what: str) -> int | None:
    """How much the file lets anybody of these roles use a minute; None: any amount."""
    said = organisation.get("limits", {})
    named = [said[role] for role in roles if role in said]
    found = [one[what] for one in named or said.values() if what in one]
    return (max(found) if named else min(found)) if found else None


def demands(organisation: dict[str, Any], data_class: str, classes: list[str]) -> list[dict[str, Any]]:
    below = classes[: classes.index(data_class) + 1]
    return [said for name, said in organisation["data_classes"].items() if name in below]


def meets(offered: dict[str, Any], demanded: dict[str, Any]) -> bool:
    return (
        offered["region"] in demanded.get("regions", [offered["region"]])
        and offered["retention_days"] <= demanded.get("retention_days", offered["retention_days"])
        and not (offered["trains_on_data"] and "trains_on_data" in demanded)
        and not (offered["hosted_by"] != "self" and "hosted_by" in demanded)
    )
