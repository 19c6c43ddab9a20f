"""docs/identity/README.md: what it says of the local identity provider and of sessions is so."""

import json
import re

import httpx2
import pytest

from {{ cookiecutter.package_name }}.identity import keys, refused_logins, sessions, token_endpoint, tokens

from local.identity_provider import identity_provider
from local.loopback import listen, serving
from tests.docs.pages import DOCS, code, text

PAGE = DOCS / "identity" / "README.md"
CONTROL = re.compile(r"/control/(\w+)(?: -d '(.+)')?")


async def test_the_local_provider_misbehaves_as_the_page_says() -> None:
    named = [found.groups() for line in code(PAGE) if (found := CONTROL.search(line))]
    assert [name for name, _ in named] == ["rotate", "retire", "expire", "down", "up"]
    async with (
        serving(identity_provider("http://127.0.0.1", "x", 1), listen(0, "PORT")) as url,
        httpx2.AsyncClient() as http,
    ):
        for name, body in named:
            answer = await http.post(f"{url}/control/{name}", json=json.loads(body) if body else None)
            assert answer.status_code == 204
            assert (await http.get(f"{url}/jwks")).status_code == (503 if name == "down" else 200)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("after 30 minutes without a request", sessions.IDLE == 30 * 60),
        ("after 8 hours in any case", sessions.ABSOLUTE == 8 * 3600),
        (
            "30 refused logins of one address within ten minutes",
            (refused_logins.MOST, refused_logins.WITHIN) == (30, 600),
        ),
        ("30 such failures of one address", refused_logins.MOST == 30),
        ("asked once in ten seconds", token_endpoint.UNKNOWN_FOR == 10),
        ("10,000 addresses", refused_logins.REMEMBERED == 10_000),
        ("asked for again after 2½ minutes", keys.REFRESH_AFTER == 150),
        ("once in 10 seconds", keys.SEARCH_AFTER == 10),
        ("30 s of leeway", tokens.LEEWAY == 30),
    ],
)
def test_its_numbers_are_the_code_s(said: str, value: bool) -> None:
    assert said in " ".join(text(PAGE).split())
    assert value
