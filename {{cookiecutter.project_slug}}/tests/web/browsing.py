"""Somebody with a browser: follows no redirect by himself, and sends what a browser sends."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.service import no_tls


@dataclass
class Browser:
    site: str
    http: httpx2.AsyncClient
    visited: list[str] = field(default_factory=list)

    async def get(self, url: str, **options: Any) -> httpx2.Response:
        return await self._send("GET", url, **options)

    async def post(self, url: str, **options: Any) -> httpx2.Response:
        """By one of the site's own pages."""
        own = {"Origin": self.site, "Sec-Fetch-Site": "same-origin"}
        return await self._send("POST", url, **{**options, "headers": {**own, **options.get("headers", {})}})

    async def _send(self, method: str, url: str, **options: Any) -> httpx2.Response:
        whole = self.site + url if url.startswith("/") else url
        self.visited.append(whole)
        return await self.http.request(method, whole, **options)

    async def asked_at_issuer(self, next_path: str | None = None) -> str:
        """Presses "Sign in"; the address at the issuer to which that leads."""
        answer = await self.get("/login", params={"next": next_path} if next_path else None)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    async def callback_url(self, who: str = "ada", next_path: str | None = None) -> str:
        """Signs in at the local identity provider; where that sends the browser back to."""
        answer = await self.http.post(await self.asked_at_issuer(next_path), data={"person": who})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    async def sign_in(self, who: str = "ada", next_path: str | None = None) -> httpx2.Response:
        answer = await self.get(await self.callback_url(who, next_path))
        assert answer.status_code == 303, answer.text
        return answer

    async def me(self) -> httpx2.Response:
        return await self.get("/v1/me", headers={"Sec-Fetch-Site": "same-origin"})

    @property
    def session_id(self) -> str | None:
        return self.http.cookies.get("session")


@asynccontextmanager
async def browser(site: str) -> AsyncIterator[Browser]:
    async with httpx2.AsyncClient(timeout=30, follow_redirects=False, verify=no_tls()) as http:
        yield Browser(site, http)


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def set_cookies(answer: httpx2.Response) -> dict[str, str]:
    """Each cookie that an answer sets, by name, with all its attributes."""
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


def looks_like_a_token(text: str) -> bool:
    return re.search(r"eyJ[\w-]{8,}", text) is not None
