"""Policies compiled from texts, as a team would write them."""

from collections.abc import Collection
from pathlib import Path

import yaml

from {{ cookiecutter.package_name }}.configfile import Faults, salvage
from {{ cookiecutter.package_name }}.gateway import Catalogue, ModelsFile, build_catalogue
from {{ cookiecutter.package_name }}.governance import OverlayFile, Policy, PolicyFile, Rules, compile_policy
from {{ cookiecutter.package_name }}.identity import Principal

ROLES = frozenset({"employee", "analyst", "steward", "auditor"})

MODELS = """\
deployments:
  local: {openai: m, base_url: http://127.0.0.1:1/v1, region: local, retention_days: 0, trains_on_data: false,
          hosted_by: self, price: {input_per_million: 1, output_per_million: 2}}
  eu: {openai: m, base_url: http://127.0.0.1:1/v1, region: eu, retention_days: 0, trains_on_data: false,
       hosted_by: provider, price: {input_per_million: 1, output_per_million: 2}}
  us: {openai: m, base_url: http://127.0.0.1:1/v1, region: us, retention_days: 30, trains_on_data: false,
       hosted_by: provider, price: {input_per_million: 1, output_per_million: 2}}
  free: {openai: m, base_url: http://127.0.0.1:1/v1, region: eu, retention_days: 0, trains_on_data: true,
         hosted_by: provider, price: {input_per_million: 0, output_per_million: 0}}
routes:
  assistant: {try: [free, us, eu, local]}
  abroad: {try: [us], refuses: [confidential, restricted]}
"""

POLICY = """\
data_classes:
  public: {}
  internal: {trains_on_data: false}
  confidential: {regions: [eu, local], retention_days: 0}
  restricted: {hosted_by: self}
default_class: internal
ceilings:
  employee: internal
  analyst: confidential
  steward: restricted
"""


def compiled(folder: Path, models: str = MODELS, policy: str = POLICY, organisation: str | None = None) -> Policy:
    """Raises ConfigurationError like the service at its start."""
    faults = Faults()
    for name, text in (("models", models), ("policy", policy), ("organisation", organisation)):
        if text is not None:
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    models_file = salvage(folder / "models.yaml", ModelsFile, faults)
    policy_file = salvage(folder / "policy.yaml", PolicyFile, faults)
    catalogue = build_catalogue(models_file, faults) if models_file else Catalogue({}, {})
    overlay = None if organisation is None else salvage(folder / "organisation.yaml", OverlayFile, faults)
    found = compile_policy(Rules(policy_file, overlay), catalogue, ROLES, faults) if policy_file else None
    faults.raise_if_any()
    assert found is not None
    return found


def yaml_text(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False)


def who(*roles: str, tenant: str = "acme", subject: str = "ada", permissions: Collection[str] = ()) -> Principal:
    return Principal(subject, tenant, frozenset(roles), frozenset(permissions))
