"""What does an operator ask of configuration and database? What that needs is imported when it runs."""

from .access import access
from .audit import audit
from .configured import with_settings
from .feedback import feedback
from .policy import policy
from .switches import start, stop
from .usage import usage

COMMANDS = (access, audit, feedback, policy, start, stop, usage)

__all__ = ["COMMANDS", "with_settings"]
