"""An operator ends somebody's sessions, wherever they are."""

import asyncio
import subprocess

from tests.command import run
from tests.web.browsing import browser
from tests.web.conftest import Site


async def command(site: Site, tenant: str, user: str) -> subprocess.CompletedProcess[str]:
    service = site.service
    settings = {"DATABASE_URL": str(service.engine.url), "AUDIT_CHECKPOINTS": str(service.checkpoints)}
    words = ("access", "sign-out", "--tenant", tenant, "--user", user, "--reason", "left")
    return await asyncio.to_thread(run, *words, OIDC_ISSUER=site.issuer, **settings)


async def test_an_operator_ends_every_session_of_one_person_and_nobody_else_s(site: Site) -> None:
    async with browser(site.url) as desk, browser(site.url) as phone, browser(site.url) as other:
        for hers, who in ((desk, "ada"), (phone, "ada"), (other, "eve")):
            await hers.sign_in(who)
        assert "0 sessions" in (await command(site, "globex", "ada")).stdout
        done = await command(site, "acme", "ada")
        assert done.stdout == "2 sessions of ada of acme ended.\n", done.stderr
        assert [(await one.me()).status_code for one in (desk, phone, other)] == [401, 401, 200]
    record = site.service.records("logged_out")[-1]
    assert (record["tenant"], record["subject"], record["sessions"], record["reason"]) == ("acme", "ada", 2, "left")
