"""What does an operator ask of configuration and database? Each imports what it needs when it runs: that takes a second."""

from .access import access
from .audit import audit
from .configured import with_settings
from .policy import policy
from .switches import start, stop
from .usage import usage

COMMANDS = (access, audit, policy, start, stop, usage)

__all__ = ["COMMANDS", "with_settings"]
