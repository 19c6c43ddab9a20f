"""What do clients speak?"""

from . import completions, me, models
from .admission import BodyLimit, InFlightCap

ROUTERS = (completions.router, models.router, me.router)

__all__ = ["ROUTERS", "BodyLimit", "InFlightCap"]
