"""An identity provider without a login page, whose answers to the service a test can bend."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.issuer import Issuer
from tests.web.browsing import Browser, parameters


class BentProvider(Issuer):
    def __init__(self) -> None:
        super().__init__()
        self.id_token: dict[str, Any] = {}  # claims that differ from an ordinary ID token's; None leaves one out
        self.id_token_header: dict[str, Any] = {}
        self.id_token_key: Any = None
        self.access_token: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}  # likewise of the token endpoint's answer
        self.raw_answer: Response | None = None
        self.promises_iss = True
        self.nonce = ""
        self.asked: list[dict[str, str]] = []
        self.app.routes[:0] = [
            Route("/.well-known/openid-configuration", self._bent_metadata),
            Route("/token", self._token, methods=["POST"]),
        ]

    async def _bent_metadata(self, _: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
                "authorization_endpoint": f"{self.url}/authorize?realm=acme",
                "token_endpoint": f"{self.url}/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "authorization_response_iss_parameter_supported": self.promises_iss,
            }
        )

    async def _token(self, request: Request) -> Response:
        self.asked.append(dict(parse_qsl((await request.body()).decode())))
        if self.raw_answer is not None:
            return self.raw_answer
        claims = {"aud": "web", "nonce": self.nonce, "client_id": None, **self.id_token}
        header = {"typ": "JWT", **self.id_token_header}
        usual = {
            "access_token": self.token("ada", **self.access_token),
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.token("ada", header=header, key=self.id_token_key, **claims),
        }
        return JSONResponse({name: value for name, value in {**usual, **self.answer}.items() if value is not None})

    async def callback(self, browser: Browser, **changed: str | None) -> str:
        """The address to which this provider sends the browser back; a parameter of None is left out."""
        asked = parameters(await browser.asked_at_issuer())
        self.nonce = asked["nonce"]
        usual = {"code": "a-code", "state": asked["state"], "iss": self.url}
        answer = {name: value for name, value in {**usual, **changed}.items() if value is not None}
        return f"/callback?{urlencode(answer)}"
