"""Who is calling?"""

from .access import AccessRules, CurrentDelegation, CurrentPrincipal, MayAsk, MayReadAudit, Permission
from .browser import Browsers, Site
from .delegation import Delegation
from .explanation import explain, ticket
from .keys import IssuerKeys
from .login import ClientRegistration, Login
from .login_attempt import LASTS as LOGIN_LASTS
from .principal import Principal
from .refused_logins import RefusedLogins
from .sealing import Seal
from .sessions import Sessions, end_sessions
from .token_endpoint import TokenEndpoint
from .token_exchange import TokenExchange
from .tokens import TokenVerifier

__all__ = [
    "LOGIN_LASTS",
    "AccessRules",
    "Browsers",
    "ClientRegistration",
    "CurrentDelegation",
    "CurrentPrincipal",
    "Delegation",
    "IssuerKeys",
    "Login",
    "MayAsk",
    "MayReadAudit",
    "Permission",
    "Principal",
    "RefusedLogins",
    "Seal",
    "Sessions",
    "Site",
    "TokenEndpoint",
    "TokenExchange",
    "TokenVerifier",
    "end_sessions",
    "explain",
    "ticket",
]
