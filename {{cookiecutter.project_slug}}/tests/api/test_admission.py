"""What is turned away before anything is parsed."""

import asyncio

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from {{ cookiecutter.package_name }}.api import InFlightCap

from local.loopback import listen, serving


async def test_beyond_the_cap_a_request_is_refused_at_once_and_probes_are_answered() -> None:
    free = asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        await free.wait()
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/ask", slow), Route("/livez", lambda _: PlainTextResponse("alive"))])
    async with serving(InFlightCap(app, most=2), listen(0, "PORT")) as url, httpx2.AsyncClient() as http:
        asking = [asyncio.create_task(http.get(f"{url}/ask")) for _ in range(5)]
        await asyncio.wait(asking, timeout=1)
        refused = [one.result() for one in asking if one.done()]
        alive = await http.get(f"{url}/livez")
        free.set()
        answers = await asyncio.gather(*asking)
    assert [one.status_code for one in refused] == [503] * 3
    assert {one.json()["error"]["code"] for one in refused} == {"overloaded"}
    assert refused[0].headers["Retry-After"]
    assert sorted(one.status_code for one in answers) == [200, 200, 503, 503, 503]
    assert alive.text == "alive"
