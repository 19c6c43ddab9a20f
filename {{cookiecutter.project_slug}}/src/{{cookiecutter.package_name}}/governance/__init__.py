"""May this call happen, and at what cost?"""

from .ask import Ask, Completion, Receipt
from .governed import GovernedGateway, Model, StreamPart
from .ledger import Ledger
from .limits import Limits, open_limits
from .policy import Policy, PolicyFile, compile_policy
from .redaction import Redactor, redact, scrub

__all__ = [
    "Ask",
    "Completion",
    "GovernedGateway",
    "Ledger",
    "Limits",
    "Model",
    "Policy",
    "PolicyFile",
    "Receipt",
    "Redactor",
    "StreamPart",
    "compile_policy",
    "open_limits",
    "redact",
    "scrub",
]
