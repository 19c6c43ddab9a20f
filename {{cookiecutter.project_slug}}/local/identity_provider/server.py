"""The local identity provider: OpenID Connect, Authorization Code with PKCE, as a real one speaks it.

There are no passwords: whoever reaches it chooses who they are. `POST /control/…` makes it misbehave.
"""
# authlib has no type stubs, so what it returns is Any:
# mypy: disable-error-code="import-untyped, no-any-return"

import html
import json
import string
import time
from urllib.parse import parse_qsl

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import OAuth2Error
from joserfc import jwt
from joserfc.errors import JoseError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.identity_provider.grants import ProviderRequest
from local.identity_provider.people import PEOPLE, TOKEN_EXCHANGE, clients
from local.identity_provider.tokens import TokenServer
from local.loopback import guarded

GRANTS = ["authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE]
PAGE = string.Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Who are you?</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
button { font: inherit; padding: .35rem .9rem }
</style>
<h1>Who are you?</h1>
<p>This is the local identity provider: pick a person, there are no passwords. $note</p>
<form method="post" action="?$query">
$people
<p><button>Sign in</button></p>
</form></html>
""")


def _page(query: str, chosen: str, note: str = "", status: int = 200) -> HTMLResponse:
    rows = []
    for person in PEOPLE.values():
        attributes = 'type="radio" name="person" required' + (" checked" if person.name == chosen else "")
        about = f"<b>{person.name}</b>, {person.role} of {person.tenant}: {person.may}"
        rows.append(f'<p><label><input {attributes} value="{person.name}"> {about}</label></p>')
    page = PAGE.substitute(query=html.escape(query), people="\n".join(rows), note=html.escape(note))
    return HTMLResponse(page, status, {"Cache-Control": "no-store"})


async def _read(request: Request) -> ProviderRequest:
    query = parse_qsl(request.url.query, keep_blank_values=True)
    form = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    return ProviderRequest(request.method, str(request.url), request.headers, query, form)


class _Provider:
    def __init__(self, issuer: str, audience: str, service_port: int) -> None:
        self.issuer = issuer
        self.tokens = TokenServer(issuer, audience, clients(service_port))
        self.down = False

    async def discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "end_session_endpoint": f"{self.issuer}/logout",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": GRANTS,
                "subject_types_supported": ["public"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                    "none",
                ],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, _request: Request) -> Response:
        return JSONResponse(self.tokens.keys.published().as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        response = await self._authorize(request)
        if location := response.headers.get("Location"):  # RFC 9207, for a refusal too
            response.headers["Location"] = add_params_to_uri(location, {"iss": self.issuer})
        return response

    async def _authorize(self, request: Request) -> Response:
        asked = await _read(request)
        try:
            grant = self.tokens.get_consent_grant(asked)
        except OAuth2Error as error:
            return self.tokens.handle_error_response(asked, error)
        chosen = asked.form.get("person", "")
        if person := PEOPLE.get(chosen):
            return self.tokens.create_authorization_response(asked, person, grant)
        if chosen:
            return _page(request.url.query, "", f"Nobody here is called {chosen}.", 400)
        return _page(request.url.query, asked.payload.data.get("login_hint", ""))

    async def token(self, request: Request) -> Response:
        return self.tokens.create_token_response(await _read(request))

    async def userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            decoded = jwt.decode(token, self.tokens.keys.published(), algorithms=["RS256"])
            kind, claims = decoded.header["typ"], decoded.claims
            if (scheme.lower(), kind) == ("bearer", "at+jwt") and claims["exp"] > time.time():
                return JSONResponse(PEOPLE[claims["sub"]].claims())
        except (JoseError, ValueError, KeyError):
            pass
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return JSONResponse({"error": "invalid_token"}, 401, challenge)

    async def logout(self, request: Request) -> Response:
        asked = await _read(request)
        goodbye = PlainTextResponse("You are signed out.\n")
        return self.tokens.create_endpoint_response("end_session", asked) or goodbye

    async def control(self, request: Request) -> Response:
        """`rotate`, `retire`, `expire` with {"seconds": N}, `down`, `up`."""
        match request.path_params["action"]:
            case "rotate":
                self.tokens.keys.rotate()
            case "retire":
                self.tokens.keys.retire()
            case "expire":
                self.tokens.lifetime = int(json.loads(await request.body())["seconds"])
            case "down" | "up" as wanted:
                self.down = wanted == "down"
            case unknown:
                return PlainTextResponse(f"No control is called {unknown}.\n", 404)
        return Response(status_code=204)


def identity_provider(issuer: str, audience: str, service_port: int) -> ASGIApp:
    """`audience` is what access tokens are for; `service_port` is where the client `web` is called back."""
    provider = _Provider(issuer, audience, service_port)
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/jwks", provider.jwks),
            Route("/authorize", provider.authorize, methods=["GET", "POST"]),
            Route("/token", provider.token, methods=["POST"]),
            Route("/userinfo", provider.userinfo, methods=["GET", "POST"]),
            Route("/logout", provider.logout, methods=["GET", "POST"]),
            Route("/control/{action}", provider.control, methods=["POST"]),
        ]
    )

    async def unless_down(scope: Scope, receive: Receive, send: Send) -> None:
        if provider.down and not scope["path"].startswith("/control/"):
            return await PlainTextResponse("Down, as asked.\n", 503)(scope, receive, send)
        return await app(scope, receive, send)

    return guarded(unless_down)
