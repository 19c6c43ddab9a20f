"""The issuer's keys change while people and programs work, and nobody notices."""

import asyncio
import time
from collections import Counter

from joserfc import jws

from local.sign_in import access_token
from tests.web.conftest import Site

CALLERS, SECONDS = 8, 3.0


async def test_a_rotation_under_load_fails_no_request(site: Site) -> None:
    """Half of the callers keep the token that they have, the others get a new one each time."""
    http, statuses, signed_by = site.service.http, Counter[int](), Counter[str]()
    begun = time.monotonic()

    async def caller(number: int) -> None:
        token = await access_token(site.issuer, "ada")
        while time.monotonic() < begun + SECONDS:
            if number % 2:
                token = await access_token(site.issuer, "ada")
            answer = await http.get(f"{site.url}/v1/me", headers={"Authorization": f"Bearer {token}"})
            statuses[answer.status_code] += 1
            signed_by[jws.extract_compact(token.encode()).headers()["kid"]] += 1

    async def rotation() -> None:
        await asyncio.sleep(SECONDS / 3)
        await site.control("rotate")

    await asyncio.gather(rotation(), *(caller(number) for number in range(CALLERS)))
    assert set(statuses) == {200}
    assert len(signed_by) == 2
    assert min(signed_by.values()) > CALLERS
