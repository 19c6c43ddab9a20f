"""What is remembered: the trail, and the log."""

from dataclasses import replace
from typing import Any

from assurance.controls.absence import Absence, instead


def _of_every_tenant(search: Any) -> Any:
    return lambda engine, wanted: search(engine, replace(wanted, tenant=None))


ABSENCES = {
    "audit-tenant": Absence("api.audit", "search", _of_every_tenant),
    "audit-chain": Absence("audit.verdict", "_fault_of", instead(lambda *_: None)),
    "audit-checkpoints": Absence("audit.verdict", "_signed", instead(lambda *_: (None, None))),
    "redaction-in-logs": Absence("telemetry.logs", "_scrubber", instead(lambda _: lambda __, ___, event: event)),
}
