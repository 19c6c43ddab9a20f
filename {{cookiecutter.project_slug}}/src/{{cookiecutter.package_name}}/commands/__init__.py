"""What does an operator ask of service, configuration and database? What that needs is imported when it runs."""

from .access import access
from .ask import ask, receipt_line, token
from .audit import audit
from .doctor import doctor
from .feedback import feedback
from .policy import policy
from .serve import GRACE, migrate, serve
from .switches import start, stop
from .trace import trace
from .usage import usage

COMMANDS = (access, ask, audit, doctor, feedback, migrate, policy, serve, start, stop, token, trace, usage)

__all__ = ["COMMANDS", "GRACE", "receipt_line"]
