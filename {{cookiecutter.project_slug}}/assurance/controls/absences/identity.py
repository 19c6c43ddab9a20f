import base64
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from {{ cookiecutter.package_name }}.identity import Permission

from assurance.controls.absence import Absence, instead


class _Any(str):
    """Equal to whatever it is compared with."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False


def _unsigned(jws: Any) -> Any:
    def deserialize_compact(token: str, *_: Any, **__: Any) -> Any:
        payload = token.split(".")[1]
        return SimpleNamespace(payload=base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    return SimpleNamespace(JWSRegistry=jws.JWSRegistry, deserialize_compact=deserialize_compact)


def _taking(claim: str, value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Claims are checked as if this one were right."""

    def without(check: Any) -> Any:
        return lambda verifier, claims: check(verifier, {**claims, claim: value(verifier)})

    return without


def _of_any_type(check: Any) -> Any:
    return lambda verifier, header: check(verifier, {**header, "typ": "at+jwt"})


def _for_any_algorithm(find: Any) -> Any:
    async def found(keys: Any, kid: str | None) -> Any:
        key = await find(keys, kid)
        return key and replace(key, algorithm=_Any(key.algorithm))

    return found


def _without_challenge(make: Any) -> Any:
    def client(endpoint: Any, metadata: Any) -> Any:
        made = make(endpoint, metadata)
        made.code_challenge_method = None
        return made

    return client


def _for_any_audience(exchange: Any, audience: str) -> Any:
    return exchange._file.model_copy(update={"audiences": {audience: []}}), exchange._endpoint


ABSENCES = {
    "token-signature": Absence("identity.tokens", "jws", _unsigned),
    "token-issuer": Absence("identity.tokens", "TokenVerifier._check_claims", _taking("iss", lambda one: one._issuer)),
    "token-audience": Absence(
        "identity.tokens", "TokenVerifier._check_claims", _taking("aud", lambda one: one._audience)
    ),
    "token-expiry": Absence(
        "identity.tokens", "TokenVerifier._check_claims", _taking("exp", lambda _: time.time() + 60)
    ),
    "token-type": Absence("identity.tokens", "TokenVerifier._check_header", _of_any_type),
    "token-algorithm": Absence("identity.keys", "IssuerKeys.find", _for_any_algorithm),
    "issuer-keys": Absence("identity.keys", "_meant_for_verifying", instead(lambda _: True)),
    "role-permissions": Absence(
        "identity.access", "AccessRules.permissions", instead(lambda *_: frozenset(map(str, Permission)))
    ),
    "login-state": Absence("identity.login_attempt", "hmac", instead(SimpleNamespace(compare_digest=lambda *_: True))),
    "login-pkce": Absence("identity.token_endpoint", "TokenEndpoint.conversation", _without_challenge),
    "login-refusals": Absence("identity.refused_logins", "RefusedLogins.wait", instead(lambda *_: 0.0)),
    "session-origin": Absence("identity.browser", "Site.refuse_other_sites", instead(lambda *_: None)),
    "exchange-audience": Absence("identity.token_exchange", "TokenExchange._allowed", instead(_for_any_audience)),
}
