"""What happened?"""

from .checkpoint import Checkpointer, Checkpoints, checkpointing
from .digest import ContentDigests
from .evaluation import record_evaluation
from .event import TIME, AuditEvent, Json, Kind, new_call_id, now
from .export import Exported, export, export_into
from .gap import Gap, acknowledge_gaps
from .loss import Lost, acknowledge
from .recorder import Recorder
from .retention import SHORTEST_DAYS, retain
from .search import Search, search, search_through
from .signing import SigningKeys
from .trail import Trail
from .verdict import Fault, Verdict, verify
from .watch import Watch

__all__ = [
    "SHORTEST_DAYS",
    "TIME",
    "AuditEvent",
    "Checkpointer",
    "Checkpoints",
    "ContentDigests",
    "Exported",
    "Fault",
    "Gap",
    "Json",
    "Kind",
    "Lost",
    "Recorder",
    "Search",
    "SigningKeys",
    "Trail",
    "Verdict",
    "Watch",
    "acknowledge",
    "acknowledge_gaps",
    "checkpointing",
    "export",
    "export_into",
    "new_call_id",
    "now",
    "record_evaluation",
    "retain",
    "search",
    "search_through",
    "verify",
]
