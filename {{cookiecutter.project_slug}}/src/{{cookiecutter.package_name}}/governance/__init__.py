"""May this call happen, and at what cost?"""

from .ask import Ask, Completion, Receipt
from .explanation import explain
from .governed import GovernedGateway, Model, StreamPart
from .ledger import Ledger
from .limits import Limits, open_limits
from .policy import Policy, compile_policy
from .policyfile import PolicyFile
from .redaction import RULES, Redactor, open_redactor, open_scrub, redact
from .switches import Stops, Switches, What, start, stop, stops, watched
from .usage import DIMENSIONS, Question, as_csv, as_table, columns_of, used

__all__ = [
    "DIMENSIONS",
    "RULES",
    "Ask",
    "Completion",
    "GovernedGateway",
    "Ledger",
    "Limits",
    "Model",
    "Policy",
    "PolicyFile",
    "Question",
    "Receipt",
    "Redactor",
    "Stops",
    "StreamPart",
    "Switches",
    "What",
    "as_csv",
    "as_table",
    "columns_of",
    "compile_policy",
    "explain",
    "open_limits",
    "open_redactor",
    "open_scrub",
    "redact",
    "start",
    "stop",
    "stops",
    "used",
    "watched",
]
