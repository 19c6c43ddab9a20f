"""What do people see?"""

from . import pages, signin
from .headers import SafeAnswers

ROUTERS = (pages.router, signin.router)

__all__ = ["ROUTERS", "SafeAnswers"]
