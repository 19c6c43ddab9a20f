"""What each alert is for, brought about: a function breaks something, yields while it is broken, and mends it."""

from assurance.drills.scenes import governance, models, quality, service

# They begin in this order; in each module the one that takes longest stands first.
DRILLS = (*service.DRILLS, *models.DRILLS, *governance.DRILLS, *quality.DRILLS)

__all__ = ["DRILLS"]
