"""May this call happen, and at what cost?"""

from .account import current_trace_id
from .ask import Ask, Completion, Embeddings, Receipt
from .compiler import compile_policy
from .explanation import Row, explain, matrix
from .governed import Feature, GovernedGateway, Model, StreamPart
from .ledger import Ledger
from .limits import Bounds, Limits, open_limits
from .overlay import Rules
from .policy import Cell, Policy
from .policyfile import OverlayFile, PolicyFile
from .redaction import RULES, Redactor, each_text, open_redactor, open_scrub, redact
from .switches import Stops, Switches, What, start, stop, stops
from .tools import Tool, WithTools, check_tools
from .usage import DIMENSIONS, Question, as_csv, as_table, columns_of, used

__all__ = [
    "DIMENSIONS",
    "RULES",
    "Ask",
    "Bounds",
    "Cell",
    "Completion",
    "Embeddings",
    "Feature",
    "GovernedGateway",
    "Ledger",
    "Limits",
    "Model",
    "OverlayFile",
    "Policy",
    "PolicyFile",
    "Question",
    "Receipt",
    "Redactor",
    "Row",
    "Rules",
    "Stops",
    "StreamPart",
    "Switches",
    "Tool",
    "What",
    "WithTools",
    "as_csv",
    "as_table",
    "check_tools",
    "columns_of",
    "compile_policy",
    "current_trace_id",
    "each_text",
    "explain",
    "matrix",
    "open_limits",
    "open_redactor",
    "open_scrub",
    "redact",
    "start",
    "stop",
    "stops",
    "used",
]
