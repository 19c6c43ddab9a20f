from enum import StrEnum


class Question(StrEnum):
    """What a proof of concept leaves open; controls and readiness checks are sorted by them."""

    SECURITY = "security"
    INTEGRATION = "integration"
    RELIABILITY = "reliability"
    OBSERVABILITY = "observability"
    ADOPTION = "adoption"
    GOVERNANCE = "governance"
