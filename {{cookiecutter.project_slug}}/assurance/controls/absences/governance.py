from typing import Any

from assurance.controls.absence import Absence, instead


async def _nothing(*_: Any) -> None:
    pass


def _unheard(end: Any) -> Any:
    """The record is written sooner or later; nobody waits for it."""

    def ending(gateway: Any, *record: Any) -> Any:
        written = end(gateway, *record)
        known = written.get_loop().create_future()
        known.set_result(None)
        return known

    return ending


ABSENCES = {
    "role-ceiling": Absence("governance.policy", "Policy._check_ceiling", instead(lambda *_: None)),
    "data-class": Absence("governance.policy", "Policy._why_not", instead(lambda *_: None)),
    "organisation-overlay": Absence("configuration", "_organisation", instead(lambda *_: None)),
    "rate-limit": Absence("governance.limits", "Limits.admit", instead(_nothing)),
    "budget": Absence("governance.ledger", "_refusal", instead(lambda *_: None)),
    "redaction-to-provider": Absence("governance.policy", "Policy.redactions", instead(lambda *_: frozenset())),
    "hidden-text": Absence("governance.governed", "visible", instead(lambda text: text)),
    "switches": Absence("governance.policy", "still_open", instead(lambda _, __, deployments, ___: deployments)),
    "started-before-sent": Absence("governance.governed", "GovernedGateway._begin", instead(_nothing)),
    "finished-before-answer": Absence("governance.governed", "GovernedGateway._end", _unheard),
}
