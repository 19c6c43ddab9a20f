from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Proof that a token was verified; only `access.py` makes one. Its words are the issuer's, none the caller's."""

    subject: str
    tenant: str
    roles: frozenset[str]
    permissions: frozenset[str]
    client: str | None = None
