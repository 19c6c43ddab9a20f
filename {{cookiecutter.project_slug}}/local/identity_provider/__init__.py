"""Who is calling, on a laptop? OpenID Connect as a real provider speaks it; no passwords, everybody's secret known."""

from .people import PEOPLE, clients
from .server import identity_provider

__all__ = ["PEOPLE", "clients", "identity_provider"]
