"""What happened?"""

from .event import AuditEvent, Json, Kind, new_call_id
from .trail import Fault, Trail, Verdict, verify

__all__ = ["AuditEvent", "Fault", "Json", "Kind", "Trail", "Verdict", "new_call_id", "verify"]
