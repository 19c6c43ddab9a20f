"""A service behind this one is asked in the caller's name: with a token of its own, got for the caller's."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest
from fastapi import APIRouter
from joserfc import jws
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from {{ cookiecutter.package_name }}.errors import InvalidToken
from {{ cookiecutter.package_name }}.identity import (
    AccessRules,
    CurrentDelegation,
    IssuerKeys,
    TokenVerifier,
)

from local.loopback import listen, serving
from local.sign_in import access_token
from tests.service import Surroundings
from tests.web.browsing import browser
from tests.web.conftest import Site, running_site

ROLES = {"employee": ["models:ask"]}


class StaffDirectory:
    """The other service: it takes tokens that the same issuer made for it, and tells whom they name."""

    def __init__(self) -> None:
        self.verifier: TokenVerifier
        self.shown: list[str] = []
        self.app = Starlette(routes=[Route("/", self._answer)])

    async def _answer(self, request: Request) -> JSONResponse:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.shown.append(token)
        try:
            principal = await self.verifier.principal(token)
        except InvalidToken as error:
            return JSONResponse({"refused": error.message}, 401)
        return JSONResponse({"subject": principal.subject, "tenant": principal.tenant, "roles": [*principal.roles]})


@dataclass
class Together:
    site: Site
    directory: StaffDirectory

    async def asked_by(self, who: str, audience: str = "staff-directory") -> httpx2.Response:
        headers = {"Authorization": f"Bearer {await access_token(self.site.issuer, who)}"}
        return await self.site.service.http.get(f"{self.site.url}/{audience}", headers=headers)


@pytest.fixture
async def together(tmp_path: Path, around: Surroundings) -> AsyncIterator[Together]:
    directory, router = StaffDirectory(), APIRouter()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = await stack.enter_async_context(serving(directory.app, listen(0, "PORT")))

        @router.get("/{audience}")
        async def ask(delegation: CurrentDelegation, audience: str) -> Any:
            headers = {"Authorization": f"Bearer {await delegation.token_for(audience)}"}
            async with http.get(url, headers=headers) as answer:
                return await answer.json()

        site = await stack.enter_async_context(running_site(tmp_path, around, routers=[router]))
        rules = AccessRules.model_validate({"claims": {"tenant": "tenant", "roles": ["roles"]}, "roles": ROLES})
        directory.verifier = TokenVerifier(site.issuer, "staff-directory", rules, IssuerKeys(site.issuer, http))
        yield Together(site, directory)


async def test_the_caller_s_name_and_tenant_reach_the_other_service(together: Together) -> None:
    for who, tenant in (("ada", "acme"), ("eve", "globex")):
        found = (await together.asked_by(who)).json()
        assert found == {"subject": who, "tenant": tenant, "roles": ["employee"]}


async def test_the_other_service_is_told_who_asks_in_the_caller_s_name(together: Together) -> None:
    await together.asked_by("ada")
    claims = json.loads(jws.extract_compact(together.directory.shown[0].encode()).payload)
    assert (claims["act"], claims["aud"], claims["sub"]) == ({"sub": "web"}, "staff-directory", "ada")


async def test_the_other_service_s_token_does_not_do_here(together: Together) -> None:
    await together.asked_by("ada")
    headers = {"Authorization": f"Bearer {together.directory.shown[0]}"}
    answer = await together.site.service.http.get(f"{together.site.url}/v1/me", headers=headers)
    assert answer.status_code == 401


async def test_somebody_with_a_browser_is_named_as_well(together: Together) -> None:
    async with browser(together.site.url) as hers:
        await hers.sign_in("eve")
        found = await hers.get("/staff-directory", headers={"Sec-Fetch-Site": "same-origin"})
    assert found.json() == {"subject": "eve", "tenant": "globex", "roles": ["employee"]}


async def test_a_service_that_access_yaml_does_not_list_is_asked_in_nobody_s_name(together: Together) -> None:
    refused = await together.asked_by("ada", "payroll")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    assert "config/access.yaml" in refused.json()["error"]["message"]
    assert together.directory.shown == []


async def test_a_program_s_own_token_is_exchanged_like_a_person_s(together: Together) -> None:
    form = {"grant_type": "client_credentials", "client_id": "eval", "client_secret": "local-eval-secret"}
    token = (await together.site.service.http.post(f"{together.site.issuer}/token", data=form)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    found = (await together.site.service.http.get(f"{together.site.url}/staff-directory", headers=headers)).json()
    assert found == {"subject": "eval", "tenant": "acme", "roles": ["employee"]}
