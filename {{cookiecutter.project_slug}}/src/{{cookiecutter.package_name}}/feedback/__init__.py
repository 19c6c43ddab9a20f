"""Was the answer any good?"""

from .endpoint import router
from .feedback import Feedback, Kept, Said
from .ratings import Ratings
from .shared import Shared, disclose, expire, listed

__all__ = ["Feedback", "Kept", "Ratings", "Said", "Shared", "disclose", "expire", "listed", "router"]
