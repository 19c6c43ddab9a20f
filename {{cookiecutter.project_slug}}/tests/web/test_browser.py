"""The login and the page in a real browser: cookies, redirects, the content security policy and the script."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import NAME

from tests.web.chromium import Page, chromium
from tests.web.conftest import Site


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as opened:
        yield opened


SIGNED_IN = "!document.getElementById('signed-in').hidden && document.getElementById('who').textContent"
SEEN = "document.body.innerText"
SIGNED_OUT = "!document.getElementById('signed-out').hidden"


async def sign_in(page: Page, site: str, who: str) -> str:
    """What the page then says of who it is."""
    await page.open(site)
    await page.until(SIGNED_OUT)
    await page.does("document.querySelector('a[href=\"/login\"]').click()")
    await page.until(f"document.querySelector('input[value={who}]')?.click() ?? !!document.querySelector(':checked')")
    await page.does("document.querySelector('button').click()")
    return str(await page.until(SIGNED_IN))


async def ask(page: Page, question: str) -> None:
    await page.does(f"document.getElementById('question').value = {question!r}")
    await page.does("document.getElementById('send').click()")


async def test_a_person_signs_in_asks_and_signs_out(site: Site, page: Page) -> None:
    await page.open(site.url)
    await page.until(SIGNED_OUT)
    assert "an AI model answers" in await page.does(SEEN)
    assert await page.does("document.title") == await page.does("document.querySelector('h1').innerText") == NAME
    assert await sign_in(page, site.url, "grace") == "grace of acme, analyst"
    assert "An AI model answers" in await page.does(SEEN)
    assert await page.does("document.cookie") == ""

    await ask(page, "How many days <b>of leave</b>?")
    receipt = await page.until("document.getElementById('receipt').textContent")
    assert "first (local), internal, 1 attempt," in receipt
    assert await page.does("document.getElementById('answer').textContent.length > 10")
    assert await page.does("document.getElementById('answer').children.length") == 0
    keep_screenshot(await page.screenshot())

    await page.does("document.getElementById('share').click()")
    await page.does("document.querySelector('#rating button').click()")
    assert "Noted, shared until 20" in await page.until("document.getElementById('rated').textContent")
    (rated,) = site.service.records("rated")
    assert (rated["subject"], rated["score_percent"], rated["shared"]) == ("grace", 100, True)

    await page.does("document.querySelector('form[action=\"/logout\"] button').click()")
    await page.until(SIGNED_OUT)
    assert [record["subject"] for record in site.service.records("logged_out")] == ["grace"]
    assert page.complaints == []


def keep_screenshot(png: bytes) -> None:
    """For a person who wants to see it: SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        (Path(folder) / "page.png").write_bytes(png)


async def test_what_the_service_refuses_is_told_on_the_page(site: Site, page: Page) -> None:
    await sign_in(page, site.url, "ada")
    await site.service.upstream.fails_with("500")
    await ask(page, "Hello")
    fault = await page.until("document.getElementById('fault').textContent")
    assert "request" in fault
    assert page.complaints == []


OPTIONS = "[...document.getElementById('data-class').options].map((one) => [one.text, one.disabled, one.selected])"


async def test_every_class_is_shown_and_those_above_the_role_cannot_be_chosen(site: Site, page: Page) -> None:
    await sign_in(page, site.url, "ada")
    assert await page.does(OPTIONS) == [
        ["public", False, False],
        ["internal (default)", False, True],
        ["confidential (not for your role: do not paste it here)", True, False],
        ["restricted (not for your role: do not paste it here)", True, False],
    ]


async def test_who_may_ask_nothing_is_told_so_instead_of_shown_a_form(site: Site, page: Page) -> None:
    await sign_in(page, site.url, "olga")
    assert "Your role may ask nothing here" in await page.does(SEEN)
    assert await page.does("document.getElementById('ask').checkVisibility()") is False


async def test_the_page_fits_a_phone(site: Site, page: Page) -> None:
    await page.call("Emulation.setDeviceMetricsOverride", width=380, height=800, deviceScaleFactor=1, mobile=False)
    await sign_in(page, site.url, "ada")
    await page.does(f"document.querySelector('#signed-in h1').textContent = '{'n' * 40}'")  # the longest name
    await page.until("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
