"""Was the answer any good?"""

from .disclosure import Disclosed, disclose, expire, listed
from .endpoint import router
from .feedback import Feedback, Kept, Said
from .ratings import Ratings

__all__ = ["Disclosed", "Feedback", "Kept", "Ratings", "Said", "disclose", "expire", "listed", "router"]
