"""An organisation's overlay can only tighten, and nothing that a team writes gets round it."""

import tempfile
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.errors import DataClassRefused
from {{ cookiecutter.package_name }}.governance import (
    Policy,
    explain,
    open_redactor,
    open_scrub,
)

from tests.governance.overlays import SOME_ROLES, Pair, bound, ceiling, demands, meets, pairs
from tests.governance.policies import MODELS, POLICY, compiled, who, yaml_text
from tests.service import Surroundings, deployment, running_service

SCALE = "data_classes:\n  public: {}\n  internal: {}\n  confidential: {regions: [eu]}\n  restricted: {}\n"
CEILINGS = "ceilings:\n  employee: public\n  steward: confidential\n"
ROLES = [list(some) for some in chain.from_iterable(combinations(SOME_ROLES, size) for size in range(1, 5))]
PER_MINUTE = ("requests_per_minute", "tokens_per_minute")


def both(pair: Pair) -> tuple[Policy, Policy]:
    """Without the organisation's file, and with it."""
    texts = [yaml_text(one) for one in (pair.models, pair.team, pair.organisation)]
    with tempfile.TemporaryDirectory() as folder:
        return compiled(Path(folder), *texts[:2]), compiled(Path(folder), *texts)


def within(bound: Any, other: Any) -> bool:
    """None bounds nothing."""
    return other is None or (bound is not None and bound <= other)


def names(policy: Policy, data_class: str, route: str = "assistant") -> list[str]:
    return [one.name for one in policy.matrix[data_class, route].deployments]


@settings(max_examples=200, deadline=None)
@given(pairs())
def test_with_an_overlay_nothing_is_allowed_that_was_not_before(pair: Pair) -> None:
    before, after = both(pair)
    rank = [None, *after.classes].index
    assert before.classes == after.classes
    assert rank(after.data_class(None)) >= rank(before.data_class(None))
    for name in after.classes:
        assert set(names(after, name)) <= set(names(before, name))
        assert after.redactions(name) >= before.redactions(name)
    for role in SOME_ROLES:
        assert rank(after.ceiling_of(role)[0]) <= rank(before.ceiling_of(role)[0])
    for roles in ROLES:
        assert rank(after.ceiling(who(*roles))) <= rank(before.ceiling(who(*roles)))
        for what in PER_MINUTE:
            for whose in ("user", "tenant"):
                mine, theirs = (getattr(one.limits(who(*roles)), whose) for one in (after, before))
                assert within(getattr(mine, what), getattr(theirs, what))
    for whose, what in (("user", "usd_per_day"), ("tenant", "usd_per_month")):
        mine, theirs = (getattr(getattr(one.budgets, whose), what, None) for one in (after, before))
        assert within(mine, theirs)
    assert all(one in after.patterns for one in before.patterns)


@settings(max_examples=200, deadline=None)
@given(pairs())
def test_whatever_a_team_writes_it_lives_within_the_overlay(pair: Pair) -> None:
    _, policy = both(pair)
    organisation, rank = pair.organisation, policy.classes.index
    assert rank(policy.data_class(None)) >= rank(organisation.get("default_class", policy.classes[0]))
    for name in policy.classes:
        for one in names(policy, name):
            asked = demands(organisation, name, policy.classes)
            assert all(meets(pair.models["deployments"][one], demanded) for demanded in asked)
        below = policy.classes[: rank(name) + 1]
        rules = {rule for one in below for rule in organisation.get("redact", {}).get(one, [])}
        assert policy.redactions(name) >= rules
    for roles in ROLES:
        found = policy.ceiling(who(*roles))
        assert found is None or rank(found) <= rank(ceiling(organisation, roles, policy.classes))
        limits = policy.limits(who(*roles))
        for what in PER_MINUTE:
            assert within(getattr(limits.user, what), bound(organisation, roles, what))
            assert within(getattr(limits.tenant, what), organisation.get("tenant_limits", {}).get(what))
    for whose, what in (("user", "usd_per_day"), ("tenant", "usd_per_month")):
        said = organisation.get("budgets", {}).get(whose, {}).get(what)
        assert within(getattr(getattr(policy.budgets, whose), what, None), said)
    assert organisation["patterns"] in policy.patterns


async def test_a_team_that_gives_itself_more_than_its_organisation_allows_is_refused(
    tmp_path: Path, around: Surroundings
) -> None:
    overlay = tmp_path / "organisation.yaml"
    overlay.write_text(SCALE + CEILINGS.replace("public", "internal"), encoding="utf-8")
    abroad = deployment(around.upstream.url, region="us")
    changes: dict[str, dict[str, Any]] = {
        "models": {"deployments": {"abroad": abroad}, "routes": {"assistant": {"try": ["abroad"]}}},
        "policy": {
            "data_classes": {"public": {}, "internal": {}, "confidential": {"regions": ["us"]}, "restricted": {}},
            "ceilings": {"employee": "restricted", "analyst": "restricted", "steward": "restricted"},
        },
    }
    where = f"{tmp_path.name}/organisation.yaml"
    async with running_service(tmp_path, around, changes=changes, organisation_policy=overlay) as service:
        too_high = await service.ask(headers={"X-Data-Class": "confidential"})
        too_far = await service.ask(who="sam", headers={"X-Data-Class": "confidential"})
        assert (too_high.status_code, too_far.status_code) == (403, 403)
        assert f"{where}:7: role employee may send data up to 'internal'" in too_high.json()["error"]["message"]
        assert f"{where}:4: 'confidential' demands regions [eu]; abroad has us" in too_far.json()["error"]["message"]
        assert (await around.upstream.stats())["bytes"] == 0
        assert (await service.ask()).status_code == 200


def test_a_refusal_names_the_line_that_decided_in_whichever_file(tmp_path: Path) -> None:
    policy = compiled(tmp_path, organisation=SCALE + CEILINGS)
    for role, data_class, line in (
        ("employee", "internal", "organisation.yaml:7: role employee may send data up to 'public'"),
        ("analyst", "internal", "organisation.yaml:6 (its lowest, as it does not name analyst): role analyst"),
        ("steward", "restricted", "organisation.yaml:8: role steward may send data up to 'confidential'"),
    ):
        with pytest.raises(DataClassRefused, match=line.replace("(", r"\(").replace(")", r"\)")):
            policy.permit(who(role), data_class, "assistant")
        assert line in explain(policy, role, data_class, "assistant").rules[0]
    told = explain(policy, "steward", "confidential", "assistant").rules
    assert any("/policy.yaml:3: 'internal' demands trains_on_data false; free has true" in one for one in told)
    assert any("/organisation.yaml:4: 'confidential' demands regions [eu]; local has local" in one for one in told)


def test_an_uncovered_class_is_told_with_the_line_of_the_overlay(tmp_path: Path) -> None:
    told = compiled(tmp_path, organisation=SCALE.replace("[eu]", "[mars]")).uncovered()
    assert any(
        "route 'assistant' has no deployment that may see confidential data" in one
        and "organisation.yaml:4: 'confidential' demands regions [mars]; eu has eu" in one
        for one in told
    )


def test_a_user_of_two_roles_gets_no_more_by_a_role_that_only_the_organisation_limits(tmp_path: Path) -> None:
    team = POLICY + "limits: {employee: {requests_per_minute: 5}}\n"
    policy = compiled(tmp_path, policy=team, organisation="limits: {analyst: {requests_per_minute: 100}}\n")
    for roles in (["employee"], ["employee", "analyst"]):
        assert policy.limits(who(*roles)).user.requests_per_minute == 5
    assert policy.limits(who("steward")).user.requests_per_minute == 100  # not named there: as little as anybody


def test_a_role_of_the_organisation_that_the_team_does_not_have_is_no_fault(tmp_path: Path) -> None:
    policy = compiled(tmp_path, organisation=SCALE + "ceilings: {nurse: restricted, employee: internal}\n")
    assert policy.ceiling(who("employee")) == "internal"
    assert policy.ceiling(who("nurse")) is None


@pytest.mark.parametrize(
    "team",
    [
        POLICY.replace("  public: {}", "  anything: {}\n  public: {}"),
        POLICY.replace("  public: {}\n", "").replace("  restricted:", "  public: {}\n  restricted:"),
        POLICY.replace("  restricted: {hosted_by: self}\n", "").replace("steward: restricted", "steward: public"),
    ],
    ids=["one-below", "another-order", "one-missing"],
)
def test_a_team_cannot_slip_a_class_in_below_or_change_the_order(tmp_path: Path, team: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compiled(tmp_path, policy=team, organisation=SCALE)
    wanted = (
        f"{tmp_path.name}/policy.yaml:1: data_classes must begin with 'public' and have public, internal, "
        f"confidential, restricted in this order, as {tmp_path.name}/organisation.yaml:1 says; "
        "classes of your own go between or after them"
    )
    assert wanted in refused.value.faults


def test_a_team_may_have_further_classes_which_inherit_what_the_organisation_demands_below(tmp_path: Path) -> None:
    team = POLICY.replace("  restricted:", "  secret: {}\n  restricted:")
    policy = compiled(tmp_path, policy=team, organisation=SCALE)
    assert names(policy, "secret") == ["eu"]


@pytest.mark.parametrize(
    ("overlay", "line", "what"),
    [
        ("", 1, "the file: says nothing; is it all there?"),
        ("ceilings: {employee: internal}\n", 1, "'internal' is no data class; there are none: list all under"),
        ("ceilings: {}\n", 1, "ceilings: Dictionary should have at least 1 item"),
        ("limits:\n", 1, "limits: Input should be a valid dictionary"),
        ("default_class:\n", 1, "default_class says nothing; is it all there?"),
        ("redact: {}\n", 1, "redact says nothing"),
        ("limits:\n  employee: {}\n", 2, "limits.employee says nothing"),
        ("tenant_limits:\n  requests_per_minute:\n", 2, "tenant_limits.requests_per_minute says nothing"),
        ("budgets:\n  user:\n", 2, "budgets.user says nothing"),
        (SCALE.replace("[eu]", ""), 4, "data_classes.confidential.regions says nothing"),
        (SCALE.replace("regions", "region"), 4, "data_classes.confidential.region: is not a known setting"),
        (SCALE + "default_class: inner\n", 6, "'inner' is no data class; there are public, internal"),
        (SCALE + "redact: {public: [nothing]}\n", 6, "'nothing' is no rule"),
        ("patterns: {national_id: 'a+'}\n", 1, "repeats without end"),
        ("budgets: [\n", 2, "not valid YAML"),
    ],
)
def test_a_fault_of_the_overlay_is_told_by_line(tmp_path: Path, overlay: str, line: int, what: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compiled(tmp_path, organisation=overlay)
    (fault,) = refused.value.faults
    assert fault.startswith(f"{tmp_path.name}/organisation.yaml:{line}: ")
    assert what in fault


def test_a_budget_of_the_organisation_wants_prices_too(tmp_path: Path) -> None:
    models = MODELS.replace(", price: {input_per_million: 0, output_per_million: 0}", "")
    with pytest.raises(ConfigurationError, match=r"'free' states no price, but \S+organisation.yaml:1 sets budgets"):
        compiled(tmp_path, models, organisation="budgets: {user: {usd_per_day: 1}}\n")


def test_two_patterns_of_one_name_both_apply_and_the_organisation_s_first(tmp_path: Path) -> None:
    rule = "redact: {public: [national_id]}\npatterns: {national_id: "
    team, organisation = f"{POLICY}{rule}'-'}}\n", f"{SCALE}{rule}'[0-9]-[0-9]'}}\n"
    policy = compiled(tmp_path, policy=team, organisation=organisation)
    text = open_redactor(*policy.patterns)("1-2 and a-b", policy.redactions("public"))
    assert text == open_scrub(*policy.patterns)("1-2 and a-b") == "[national_id] and a[national_id]b"


def test_the_version_tells_one_overlay_from_another_and_from_none(tmp_path: Path) -> None:
    overlays = [None, SCALE, SCALE + CEILINGS, SCALE.replace("[eu]", "[eu, local]")]
    assert len({compiled(tmp_path, organisation=one).version for one in overlays}) == len(overlays)
