"""One login under way: what the browser brings back to show that the issuer's answer belongs to its own question."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..errors import LoginRefused
from .sealing import Seal

LASTS = 600  # seconds that a person has between /login and /callback
LONGEST_PARAMETER = 4096
# What an issuer may answer instead of a code (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6), in our words.
_ANSWERS = {
    "access_denied": "the identity provider says that access was denied",
    "login_required": "the identity provider wants you to sign in there first",
    "temporarily_unavailable": "the identity provider is not available for the moment",
}
_BOUND_TO = "login"


@dataclass(frozen=True)
class Attempt:
    state: str
    nonce: str
    verifier: str
    next_path: str
    until: float  # seconds since 1970

    @classmethod
    def new(cls, wanted: str | None) -> Attempt:
        """Raises LoginRefused when `wanted` is no path of this service."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, local_path(wanted), time.time() + LASTS)

    @classmethod
    def opened(cls, cookie: str | None, seal: Seal) -> Attempt:
        """Raises LoginRefused for a cookie that is missing, not ours, or too old."""
        try:
            plain = seal.open(base64.urlsafe_b64decode((cookie or "").encode()), _BOUND_TO)
        except (binascii.Error, ValueError):
            plain = None
        attempt = cls(**json.loads(plain)) if plain else None
        if attempt is None or attempt.until < time.time():
            raise LoginRefused("this browser has begun no login, or not within the last ten minutes")
        return attempt

    def closed(self, seal: Seal) -> str:
        return base64.urlsafe_b64encode(seal.close(json.dumps(asdict(self)).encode(), _BOUND_TO)).decode()

    def code(self, query: Sequence[tuple[str, str]], issuer: str, *, issuer_promised: bool) -> str:
        """The code in the issuer's answer, if that is the answer to this attempt. Raises LoginRefused."""
        answer = _once_each(query)
        if not hmac.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise LoginRefused("the answer belongs to another login")
        if answer.get("iss", None if issuer_promised else issuer) != issuer:
            raise LoginRefused("the answer comes from another issuer")  # RFC 9207, 2.4
        if "error" in answer:
            raise LoginRefused(_ANSWERS.get(answer["error"], "the identity provider refused the login"))
        if not answer.get("code"):
            raise LoginRefused("the identity provider sent no code")
        return answer["code"]


def _once_each(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    """RFC 6749, 3.1: no parameter more than once."""
    if len({name for name, _ in query}) < len(query):
        raise LoginRefused("the answer holds a parameter twice")
    if any(len(value) > LONGEST_PARAMETER or not value.isprintable() for _, value in query):
        raise LoginRefused("the answer holds a parameter that no identity provider sends")
    return dict(query)


def local_path(wanted: str | None) -> str:
    """A path on this service. Raises LoginRefused for what a browser could read as the address of another."""
    path = wanted or "/"
    plain = path.isascii() and path.isprintable() and not {" ", "\\"} & set(path)
    if not plain or not path.startswith("/") or path.startswith("//") or len(path) > 512:
        raise LoginRefused("the page to go to after the login is not one of this service")
    return path
