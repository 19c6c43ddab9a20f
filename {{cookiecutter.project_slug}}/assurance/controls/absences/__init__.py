"""How to switch off each control, by the control's name."""

from assurance.controls.absences import audit, border, gateway, governance, identity

ABSENCES = {**identity.ABSENCES, **border.ABSENCES, **governance.ABSENCES, **gateway.ABSENCES, **audit.ABSENCES}

__all__ = ["ABSENCES"]
