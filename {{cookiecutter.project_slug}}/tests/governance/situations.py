"""Generated configurations and requests, and a second opinion on what may answer them."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

REGIONS = ("eu", "us", "local")
DEMANDS = st.fixed_dictionaries(
    {},
    optional={
        "regions": st.lists(st.sampled_from(REGIONS), unique=True),
        "retention_days": st.sampled_from((0, 30)),
        "trains_on_data": st.just(False),
        "hosted_by": st.just("self"),
    },
)
DEPLOYMENT = st.fixed_dictionaries(
    {
        "openai": st.just("m"),
        "base_url": st.just("http://127.0.0.1:1/v1"),
        "region": st.sampled_from(REGIONS),
        "retention_days": st.sampled_from((0, 7, 30, 90)),
        "trains_on_data": st.booleans(),
        "hosted_by": st.sampled_from(("provider", "self")),
    }
)


@dataclass(frozen=True)
class Situation:
    """models.yaml, policy.yaml, and a request: who sends which class, what a feature adds, and what is stopped."""

    models: dict[str, Any]
    policy: dict[str, Any]
    roles: list[str]
    declared: str
    added: frozenset[str]
    stopped: dict[tuple[str, str], str]

    @property
    def data_class(self) -> str:
        """The highest of what was declared and added."""
        return max({self.declared, *self.added}, key=list(self.policy["data_classes"]).index)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    classes = [f"class-{number}" for number in range(draw(st.integers(1, 4)))]
    deployments = {f"d{number}": draw(DEPLOYMENT) for number in range(draw(st.integers(1, 5)))}
    some = st.lists(st.sampled_from(sorted(deployments)), min_size=1, unique=True)
    route = {"try": draw(some), "refuses": draw(st.lists(st.sampled_from(classes), unique=True))}
    switches = [("route", "assistant"), ("tenant", "acme"), ("tenant", "globex")]
    switches += [("deployment", name) for name in sorted(deployments)]
    policy = {
        "data_classes": {name: draw(DEMANDS) for name in classes},
        "default_class": classes[0],
        "ceilings": draw(st.dictionaries(st.sampled_from(("employee", "analyst")), st.sampled_from(classes))),
    }
    return Situation(
        models={"deployments": deployments, "routes": {"assistant": route}},
        policy=policy,
        roles=draw(st.lists(st.sampled_from(("employee", "analyst", "auditor")), unique=True)),
        declared=draw(st.sampled_from(classes)),
        added=draw(st.frozensets(st.sampled_from(classes), max_size=2)),
        stopped=draw(st.dictionaries(st.sampled_from(switches), st.just("a test"), max_size=2)),
    )


def lawful(situation: Situation) -> list[str]:
    """The same decision, written down a second time and more plainly: names in the order of trial."""
    policy, models, stopped = situation.policy, situation.models, situation.stopped
    classes = list(policy["data_classes"])
    rank = classes.index(situation.data_class)
    ceilings = [classes.index(policy["ceilings"][role]) for role in situation.roles if role in policy["ceilings"]]
    route = models["routes"]["assistant"]
    if not ceilings or rank > max(ceilings) or situation.data_class in route["refuses"]:
        return []
    if {("route", "assistant"), ("tenant", "acme")} & stopped.keys():
        return []
    found = []
    for name in route["try"]:
        if ("deployment", name) in stopped:
            continue
        offered = models["deployments"][name]
        demands = [policy["data_classes"][one] for one in classes[: rank + 1]]
        if (
            all(offered["region"] in one["regions"] for one in demands if "regions" in one)
            and all(offered["retention_days"] <= one["retention_days"] for one in demands if "retention_days" in one)
            and not (offered["trains_on_data"] and any("trains_on_data" in one for one in demands))
            and not (offered["hosted_by"] != "self" and any("hosted_by" in one for one in demands))
        ):
            found.append(name)
    return found
