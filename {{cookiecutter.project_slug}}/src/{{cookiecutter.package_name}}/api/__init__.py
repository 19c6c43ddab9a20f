"""What do clients speak?"""

from . import audit, completions, embeddings, me, models, usage
from .admission import BodyLimit, InFlight, InFlightCap
from .errors import answer_error

ROUTERS = (completions.router, embeddings.router, models.router, me.router, usage.router, audit.router)

__all__ = ["ROUTERS", "BodyLimit", "InFlight", "InFlightCap", "answer_error"]
