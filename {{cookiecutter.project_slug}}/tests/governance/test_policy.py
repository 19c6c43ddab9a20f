from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.errors import (
    DataClassRefused,
    InvalidRequest,
    ModelNotFound,
)
from {{ cookiecutter.package_name }}.governance import Policy

from tests.governance.policies import MODELS, POLICY, compiled, who


def names(policy: Policy, data_class: str, route: str = "assistant") -> list[str]:
    return [one.name for one in policy.matrix[data_class, route].deployments]


def test_each_class_inherits_every_demand_before_it(tmp_path: Path) -> None:
    policy = compiled(tmp_path)
    assert names(policy, "public") == ["free", "us", "eu", "local"]
    assert names(policy, "internal") == ["us", "eu", "local"]
    assert names(policy, "confidential") == ["eu", "local"]
    assert names(policy, "restricted") == ["local"]


def test_a_route_that_refuses_a_class_serves_it_with_nothing(tmp_path: Path) -> None:
    policy = compiled(tmp_path)
    assert names(policy, "internal", "abroad") == ["us"]
    assert names(policy, "confidential", "abroad") == []
    with pytest.raises(DataClassRefused, match=r"models.yaml:12: the route refuses this class"):
        policy.permit(who("steward"), "confidential", "abroad")


def test_a_permit_keeps_the_order_of_the_route(tmp_path: Path) -> None:
    permit = compiled(tmp_path).permit(who("analyst"), "confidential", "assistant")
    assert [one.name for one in permit.deployments] == ["eu", "local"]
    assert (permit.data_class, permit.route.name) == ("confidential", "assistant")


def test_a_refusal_names_file_line_and_rule(tmp_path: Path) -> None:
    policy = compiled(tmp_path, policy=POLICY.replace("hosted_by: self", "regions: [mars]"))
    with pytest.raises(DataClassRefused) as refused:
        policy.permit(who("steward"), "restricted", "assistant")
    assert "policy.yaml:5: 'restricted' demands regions [mars]; local has local" in refused.value.message
    assert "policy.yaml:4: 'confidential' demands regions [eu, local]; us has us" in refused.value.message


def test_a_class_above_every_role_s_ceiling_is_refused(tmp_path: Path) -> None:
    policy = compiled(tmp_path)
    with pytest.raises(DataClassRefused, match=r"policy.yaml:8: role employee may send data up to 'internal'"):
        policy.permit(who("employee"), "confidential", "assistant")
    policy.permit(who("employee", "analyst"), "confidential", "assistant")
    with pytest.raises(DataClassRefused, match="none of your roles has a ceiling"):
        policy.permit(who("auditor"), "public", "assistant")
    with pytest.raises(DataClassRefused, match="none of your roles has a ceiling"):
        policy.permit(who(), "public", "assistant")


def test_an_unknown_model_or_class_is_the_caller_s_mistake(tmp_path: Path) -> None:
    policy = compiled(tmp_path)
    with pytest.raises(ModelNotFound):
        policy.permit(who("steward"), "public", "openai/gpt-9")
    for name in ("Internal", "secret", "", "internal "):
        with pytest.raises(InvalidRequest, match="must be one of public, internal, confidential, restricted"):
            policy.data_class(name)
    assert policy.data_class(None) == "internal"


def test_a_principal_is_offered_what_some_class_of_theirs_may_use(tmp_path: Path) -> None:
    policy = compiled(tmp_path)
    assert policy.serves(who("employee"), "abroad")
    assert not policy.serves(who("auditor"), "abroad")


def test_every_fault_of_both_files_is_told_at_once(tmp_path: Path) -> None:
    models = MODELS.replace("[us], refuses: [confidential, restricted]", "[us, moon, us], refuses: [cosmic]")
    models = models.replace(", price: {input_per_million: 0, output_per_million: 0}", "")
    policy = POLICY.replace("default_class: internal", "default_class: inner").replace("steward:", "stewards:")
    policy += "limits: {nobody: {requests_per_minute: 1}}\nbudgets: {user: {usd_per_day: 1}}\nredact: {inner: [card]}\n"
    with pytest.raises(ConfigurationError) as refused:
        compiled(tmp_path, models, policy)
    starts = {
        "models.yaml:12: no deployment is called 'moon'",
        "models.yaml:12: names a deployment twice",
        "models.yaml:12: refuses 'cosmic'",
        "models.yaml:8: 'free' states no price",
        "policy.yaml:6: 'inner' is no data class",
        "policy.yaml:10: role 'stewards' does not exist",
        "policy.yaml:11: role 'nobody' does not exist",
        "policy.yaml:13: 'inner' is no data class",
    }
    told = {start for start in starts for one in refused.value.faults if one.startswith(f"{tmp_path.name}/{start}")}
    assert told == starts
    assert len(refused.value.faults) == len(starts)


@pytest.mark.parametrize(
    ("changed", "where", "what"),
    [
        (("default_class: internal", "default_class: inner"), "policy.yaml:6", "'inner' is no data class"),
        (("analyst: confidential", "analyst: secret"), "policy.yaml:9", "'secret' is no data class"),
        (("analyst: confidential", "analysts: confidential"), "policy.yaml:9", "role 'analysts' does not exist"),
        (("hosted_by: self", "hosted_by: provider"), "policy.yaml:5", "hosted_by"),
        (("trains_on_data: false", "trains_on_data: true"), "policy.yaml:3", "trains_on_data"),
        (("retention_days: 0", "retention_days: -1"), "policy.yaml:4", "retention_days"),
        (("regions: [eu, local]", "region: [eu]"), "policy.yaml:4", "is not a known setting"),
        (("  public: {}\n", "  public: {}\n  public: {}\n"), "policy.yaml:3", "'public' stands here a second time"),
        (("default_class: internal", "redact: {inner: [card]}"), "policy.yaml:1", "default_class: Field required"),
        (("default_class: internal", "default_class: internal\nredact: {inner: [card]}"), "policy.yaml:7", "'inner'"),
        (("default_class: internal", "default_class: internal\nredact: {public: [x]}"), "policy.yaml:7", "'x' is no"),
    ],
)
def test_a_fault_of_the_policy_is_told_by_line(tmp_path: Path, changed: tuple[str, str], where: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compiled(tmp_path, policy=POLICY.replace(*changed))
    assert any(one.startswith(f"{tmp_path.name}/{where}:") and what in one for one in refused.value.faults), (
        refused.value
    )


@pytest.mark.parametrize("missing", ["region: us, ", "retention_days: 30, ", "trains_on_data: false,\n       "])
def test_a_deployment_that_promises_too_little_is_a_fault(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"models.yaml:6: deployments.us.{missing.partition(':')[0]}: "):
        compiled(tmp_path, MODELS[: MODELS.index("  us:")] + MODELS[MODELS.index("  us:") :].replace(missing, "", 1))


def test_where_budgets_exist_every_deployment_states_its_price(tmp_path: Path) -> None:
    models = MODELS.replace(", price: {input_per_million: 0, output_per_million: 0}", "")
    compiled(tmp_path, models)
    with pytest.raises(ConfigurationError, match=r"models.yaml:8: 'free' states no price"):
        compiled(tmp_path, models, POLICY + "budgets: {user: {usd_per_day: 1}}\n")


def test_a_class_that_a_role_may_send_and_no_deployment_may_see_is_uncovered(tmp_path: Path) -> None:
    assert compiled(tmp_path).uncovered() == []
    models = MODELS.replace("refuses: [confidential, restricted]", "refuses: [confidential]")
    (fault,) = compiled(tmp_path, models).uncovered()
    assert f"{tmp_path.name}/models.yaml:12: route 'abroad' has no deployment that may see restricted data" in fault
    assert compiled(tmp_path, models, POLICY.replace("  steward: restricted\n", "")).uncovered() == []


def test_limits_are_those_of_the_most_generous_role(tmp_path: Path) -> None:
    limits = "limits: {employee: {requests_per_minute: 5, tokens_per_minute: 90}, analyst: {requests_per_minute: 50}}\n"
    policy = compiled(tmp_path, policy=POLICY + limits)
    both = policy.limits(who("employee", "analyst")).user
    assert (both.requests_per_minute, both.tokens_per_minute) == (50, 90)
    assert policy.limits(who("steward")).user.requests_per_minute is None


def test_redaction_of_a_class_includes_what_is_taken_out_below_it(tmp_path: Path) -> None:
    policy = compiled(tmp_path, policy=POLICY + "redact: {public: [secret], confidential: [email]}\n")
    assert policy.redactions("public") == policy.redactions("internal") == {"secret"}
    assert policy.redactions("restricted") == {"secret", "email"}


def test_the_version_changes_with_whatever_decides(tmp_path: Path) -> None:
    variants = [
        (MODELS, POLICY),
        (MODELS, POLICY.replace("employee: internal", "employee: public")),
        (MODELS.replace("region: us", "region: ca"), POLICY),
        (MODELS.replace("[free, us, eu, local]", "[us, free, eu, local]"), POLICY),
        (MODELS.replace("refuses: [confidential, restricted]", "refuses: [restricted]"), POLICY),
    ]
    assert len({compiled(tmp_path, *one).version for one in variants}) == len(variants)
    assert compiled(tmp_path).version == compiled(tmp_path, f"{MODELS}# a comment\n").version
