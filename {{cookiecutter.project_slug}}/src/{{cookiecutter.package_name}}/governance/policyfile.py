"""The format of config/policy.yaml and of an organisation's overlay; overlay.py puts both together."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..configfile import Section


class Demands(Section):
    """What a class asks of a deployment that shall see it."""

    regions: list[str] | None = None
    retention_days: Annotated[int, Field(ge=0)] | None = None
    trains_on_data: Literal[False] | None = None
    hosted_by: Literal["self"] | None = None


class PerMinute(Section):
    requests_per_minute: Annotated[int, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[int, Field(gt=0)] | None = None


class UserBudget(Section):
    usd_per_day: Annotated[Decimal, Field(gt=0)]


class TenantBudget(Section):
    usd_per_month: Annotated[Decimal, Field(gt=0)]


class Budgets(Section):
    user: UserBudget | None = None
    tenant: TenantBudget | None = None


class OverlayFile(Section):
    """The file of ORGANISATION_POLICY."""

    data_classes: Annotated[dict[str, Demands], Field(min_length=1)] = {}
    default_class: str | None = None
    ceilings: Annotated[dict[str, str], Field(min_length=1)] = {}
    limits: dict[str, PerMinute] = {}  # by role, and each user has their own
    tenant_limits: PerMinute = PerMinute()  # of all users of a tenant together
    budgets: Budgets = Budgets()
    redact: dict[str, list[str]] = {}
    patterns: dict[str, str] = {}

    @model_validator(mode="after")
    def _says_something(self) -> "OverlayFile":
        if not self.model_fields_set:
            raise ValueError("says nothing; is it all there?")
        return self


class PolicyFile(OverlayFile):
    """config/policy.yaml"""

    data_classes: Annotated[dict[str, Demands], Field(min_length=1)]
    default_class: str
    ceilings: dict[str, str]
