"""What each alert is for, brought about: a function breaks something, yields while it is broken, and mends it."""

from assurance.drills.scenes import governance, models, quality, service

DRILLS = (*service.DRILLS, *models.DRILLS, *quality.DRILLS, *governance.DRILLS)

__all__ = ["DRILLS"]
