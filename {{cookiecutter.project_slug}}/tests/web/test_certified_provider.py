"""The same login at a provider that is not our own: nothing differs but configuration."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from {{ cookiecutter.package_name }}.identity.sessions import sessions

from local.loopback import listen
from tests.service import Service, Surroundings, running_service
from tests.web.certified import certified_provider
from tests.web.chromium import chromium
from tests.web.conftest import CLIENT

AUDIENCE = "https://assistant.example"  # RFC 8707 wants an address


@pytest.fixture
async def elsewhere(tmp_path: Path, around: Surroundings) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        listener = listen(0, "PORT")
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        issuer = await stack.enter_async_context(certified_provider(url, AUDIENCE))
        settings: dict[str, Any] = {**CLIENT, "oidc_issuer": issuer, "oidc_audience": AUDIENCE, "public_url": url}
        access = {"access": {"login": {"audience_parameter": "resource"}}}
        service = running_service(tmp_path, around, changes=access, listener=listener, **settings)
        yield await stack.enter_async_context(service)


async def test_a_person_signs_in_stays_and_signs_out_at_a_certified_provider(elsewhere: Service) -> None:
    async with chromium() as page:
        await page.open(f"{elsewhere.url}/login")
        await page.until("!!document.getElementById('be-grace')")
        await page.does("document.getElementById('be-grace').click()")
        signed_in = "!document.getElementById('signed-in').hidden && document.getElementById('who').textContent"
        assert await page.until(signed_in) == "grace of acme, analyst"

        before = sealed(elsewhere)
        await asyncio.sleep(2.5)  # more than half of an access token's life here: it is renewed
        await page.open(elsewhere.url)
        assert await page.until(signed_in) == "grace of acme, analyst"
        assert sealed(elsewhere) != before

        await page.does("document.querySelector('form[action=\"/logout\"] button').click()")
        await page.until("!!document.querySelector('button[value=yes]')")
        await page.does("document.querySelector('button[value=yes]').click()")
        await page.until("!document.getElementById('signed-out').hidden")
        assert page.complaints == []
    assert [record["subject"] for record in elsewhere.records("logged_out")] == ["grace"]


def sealed(service: Service) -> bytes:
    with service.engine.connect() as connection:
        found: bytes = connection.execute(select(sessions.c.sealed)).scalar_one()
    return found
