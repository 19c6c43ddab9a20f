"""What happened?"""

from .checkpoint import Checkpoints, Notary, notarised
from .clerk import Clerk
from .digest import ContentDigests
from .event import TIME, AuditEvent, Json, Kind, new_call_id, now
from .export import Exported, export
from .retention import SHORTEST_DAYS, retain
from .search import Search, search
from .signing import SigningKeys
from .trail import Trail
from .verdict import Fault, Verdict, verify

__all__ = [
    "SHORTEST_DAYS",
    "TIME",
    "AuditEvent",
    "Checkpoints",
    "Clerk",
    "ContentDigests",
    "Exported",
    "Fault",
    "Json",
    "Kind",
    "Notary",
    "Search",
    "SigningKeys",
    "Trail",
    "Verdict",
    "export",
    "new_call_id",
    "notarised",
    "now",
    "retain",
    "search",
    "verify",
]
