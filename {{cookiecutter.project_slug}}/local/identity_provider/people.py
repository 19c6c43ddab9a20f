"""Who is known on a laptop: six people and three clients of the local identity provider."""

import re
import secrets
from dataclasses import dataclass, field

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@dataclass(frozen=True)
class Person:
    name: str
    role: str
    may: str
    tenant: str = "acme"

    def get_user_id(self) -> str:  # authlib asks for this name
        return self.name

    def claims(self) -> dict[str, object]:
        return {
            "sub": self.name,
            "name": self.name.capitalize(),
            "email": f"{self.name}@{self.tenant}.example",
            "roles": [self.role],
            "tenant": self.tenant,
        }


PEOPLE = {
    person.name: person
    for person in (
        Person("ada", "employee", "asks with public and internal data"),
        Person("grace", "analyst", "asks with data up to confidential"),
        Person("sam", "steward", "asks with data up to restricted"),
        Person("olga", "auditor", "reads the audit trail, asks nothing"),
        Person("nils", "operator", "sees usage and cost, asks nothing"),
        Person("eve", "employee", "asks like ada, and sees nothing of acme", tenant="globex"),
    )
}


@dataclass(frozen=True)
class Client:
    """A client as authlib's server core asks for it; no secret: a public one."""

    client_id: str
    secret: str | None
    grants: tuple[str, ...]
    redirects: str = "(?!)"  # a pattern; this one matches nothing
    client_metadata: dict[str, object] = field(default_factory=dict)
    role: str | None = None  # its own, for a client that asks in nobody's name
    tenant: str = "acme"
    exchanges_for: tuple[str, ...] = ()  # the audiences that it may ask in a person's name

    def get_client_id(self) -> str:
        return self.client_id

    def claims(self) -> dict[str, object]:
        return {"roles": [self.role] if self.role else [], "tenant": self.tenant}

    def get_default_redirect_uri(self) -> None:
        return None  # a request has to name its own

    def get_allowed_scope(self, scope: str | None) -> str:
        known = {"openid", "profile", "email", "offline_access"}
        return " ".join(word for word in (scope or "").split() if word in known)

    def check_redirect_uri(self, uri: str) -> bool:
        return re.fullmatch(self.redirects, uri) is not None

    def check_client_secret(self, secret: str) -> bool:
        return self.secret is not None and secrets.compare_digest(self.secret.encode(), secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.grants

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants


def clients(service_port: int) -> dict[str, Client]:
    here = (f"http://127.0.0.1:{service_port}", f"http://localhost:{service_port}")
    web = Client(
        "web",
        "local-web-secret",
        ("authorization_code", "refresh_token", TOKEN_EXCHANGE),
        "|".join(re.escape(f"{origin}/callback") for origin in here),
        {"post_logout_redirect_uris": [origin + path for origin in here for path in ("", "/", "/login")]},
        exchanges_for=("staff-directory",),
    )
    # RFC 8252, section 7.3: a program on the machine takes whatever port is free.
    loopback = r"http://(127\.0\.0\.1|\[::1\]):\d{1,5}/callback"
    cli = Client("cli", None, ("authorization_code", "refresh_token"), loopback)
    evaluation = Client("eval", "local-eval-secret", ("client_credentials",), role="employee")
    return {client.client_id: client for client in (web, cli, evaluation)}
