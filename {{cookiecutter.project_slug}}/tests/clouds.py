"""What a cloud tells a workload about itself, on loopback: tokens of Azure and Google, keys of Amazon."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.loopback import guarded, listen, serving

GOOGLE = "/computeMetadata/v1/instance/service-accounts/default/token"
AZURE_MACHINE = "/metadata/identity/oauth2/token"
AZURE_APP = "/msi/token"
AZURE_TENANT = "/acme-tenant/oauth2/v2.0/token"
AMAZON_CONTAINER = "/v1/credentials"
_STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
<SessionToken>a-session</SessionToken><Expiration>{ends}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


@dataclass
class Cloud:
    """`asked` are the paths in turn; `seconds` is how long what it gives will hold; `status` other than 200 refuses."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    seconds: int = 3600
    status: int = 200
    key: tuple[str, str] = ("AKIAEXAMPLE", "an-access-secret")

    async def google(self, request: Request) -> Response:
        return self._token(request, "google-token", ("Metadata-Flavor", "Google"), {"expires_in": self.seconds})

    async def machine(self, request: Request) -> Response:
        return self._token(request, "azure-token", ("Metadata", "true"), {"expires_in": str(self.seconds)})

    async def app_service(self, request: Request) -> Response:
        """As App Service does, it tells the end and not the time until then."""
        ends = {"expires_on": str(int(datetime.now(UTC).timestamp()) + self.seconds)}
        return self._token(request, "azure-token", ("X-IDENTITY-HEADER", "app-secret"), ends)

    async def tenant(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        self.forms.append({name: values[0] for name, values in form.items()})
        return self._token(request, "azure-token", ("Host", request.headers["host"]), {"expires_in": self.seconds})

    async def container(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        key, secret = self.key
        given = {"AccessKeyId": key, "SecretAccessKey": secret, "Token": "a-session", "Expiration": self._ends()}
        return JSONResponse(given, self.status)

    async def sts(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        self.forms.append({name: values[0] for name, values in form.items()})
        self.asked.append(request.url.path)
        key, secret = self.key
        return Response(_STS.format(key=key, secret=secret, ends=self._ends()), self.status, media_type="text/xml")

    def _ends(self) -> str:
        return (datetime.now(UTC) + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _token(self, request: Request, token: str, proof: tuple[str, str], more: dict[str, Any]) -> Response:
        name, value = proof
        self.asked.append(f"{request.url.path}?{request.url.query}")
        if request.headers.get(name) != value:
            return JSONResponse({"error": f"no {name}"}, 400)
        return JSONResponse({"access_token": token, "token_type": "Bearer", **more}, self.status)


@asynccontextmanager
async def served_cloud() -> AsyncIterator[Cloud]:
    cloud = Cloud()
    routes = [
        Route(GOOGLE, cloud.google),
        Route(AZURE_MACHINE, cloud.machine),
        Route(AZURE_APP, cloud.app_service),
        Route(AZURE_TENANT, cloud.tenant, methods=["POST"]),
        Route(AMAZON_CONTAINER, cloud.container),
        Route("/", cloud.sts, methods=["POST"]),
    ]
    async with serving(guarded(Starlette(routes=routes)), listen(0, "PORT")) as url:
        cloud.url = url
        yield cloud
