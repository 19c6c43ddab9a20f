"""How each check of checks.yaml is looked at, by its name."""

from assurance.readiness.looks import decisions, evidence, papers, practice, service, state

LOOKS = {**decisions.LOOKS, **papers.LOOKS, **evidence.LOOKS, **practice.LOOKS, **state.LOOKS, **service.LOOKS}

__all__ = ["LOOKS"]
