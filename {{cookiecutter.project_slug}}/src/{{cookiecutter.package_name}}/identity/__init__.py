"""Who is calling?"""

from .access import AccessFile, AccessRules, CurrentPrincipal, MayAsk, Permission
from .keys import IssuerKeys
from .principal import Principal
from .tokens import TokenVerifier

__all__ = [
    "AccessFile",
    "AccessRules",
    "CurrentPrincipal",
    "IssuerKeys",
    "MayAsk",
    "Permission",
    "Principal",
    "TokenVerifier",
]
