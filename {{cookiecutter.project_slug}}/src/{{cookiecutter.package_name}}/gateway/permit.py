from dataclasses import dataclass

from .catalogue import Deployment, Route


@dataclass(frozen=True, slots=True)
class Permit:
    """Proof that policy allowed a call; only governance/policy.py makes one (a test reads the syntax tree)."""

    subject: str
    tenant: str
    data_class: str
    route: Route
    deployments: tuple[Deployment, ...]
    policy_version: str
