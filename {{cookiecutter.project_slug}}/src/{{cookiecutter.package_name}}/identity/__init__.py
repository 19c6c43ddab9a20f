"""Who is calling?"""

from .access import AccessFile, AccessRules, CurrentPrincipal, MayAsk, MayReadAudit, Permission
from .attempt import LASTS as LOGIN_LASTS
from .browser import Browsers, Site
from .explanation import explain, ticket
from .keys import IssuerKeys
from .login import ClientRegistration, Login
from .principal import Principal
from .sealing import Seal
from .sessions import Sessions
from .tokens import TokenVerifier

__all__ = [
    "LOGIN_LASTS",
    "AccessFile",
    "AccessRules",
    "Browsers",
    "ClientRegistration",
    "CurrentPrincipal",
    "IssuerKeys",
    "Login",
    "MayAsk",
    "MayReadAudit",
    "Permission",
    "Principal",
    "Seal",
    "Sessions",
    "Site",
    "TokenVerifier",
    "explain",
    "ticket",
]
