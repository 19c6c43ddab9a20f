"""Every error that errors.py has, provoked over HTTP, and the page of docs/ that lists them."""

import asyncio
import functools
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from {{ cookiecutter.package_name }} import app, errors, services
from {{ cookiecutter.package_name }}.api import InFlightCap
from {{ cookiecutter.package_name }}.audit import Checkpoints, Recorder, SigningKeys
from {{ cookiecutter.package_name }}.errors import ServiceError
from {{ cookiecutter.package_name }}.governance import Ask, Completion, Feature, StreamPart, stop
from {{ cookiecutter.package_name }}.identity import Principal
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.docs.pages import DOCS, names, rows
from tests.gateway.faults import bytes_reply, status
from tests.gateway.upstream import Reply, Script, running
from tests.gateway.wires import SECRET, Wire
from tests.programs import free_port
from tests.service import Service, Surroundings, deployment, running_service

PLANTED = "planted-fault-with-a-secret"
TOO_LONG = status(400, "invalid_request_error", "prompt is too long: maximum context length")


class Broken:
    """A feature with a fault of its own."""

    def open_to(self, principal: Principal, name: str) -> bool:
        return True

    async def complete(self, ask: Ask) -> Completion:
        raise RuntimeError(PLANTED)

    async def stream(self, ask: Ask) -> AsyncGenerator[StreamPart, None]:
        raise RuntimeError(PLANTED)
        yield


@dataclass
class Setting:
    """What a provocation may use: services as it wants them, and a way to plant a fault before they open."""

    folder: Path
    around: Surroundings
    plant: pytest.MonkeyPatch
    stack: AsyncExitStack

    async def service(self, changes: dict[str, Any] | None = None, **settings: Any) -> Service:
        running = running_service(self.folder, self.around, changes=changes, **settings)
        return await self.stack.enter_async_context(running)

    async def before(self, script: Script, **entry: Any) -> Service:
        """A service whose only provider keeps to the script, and says a secret in every error."""
        upstream = await self.stack.enter_async_context(running(script))
        models = {
            "deployments": {"only": {**deployment(upstream.address), **entry}},
            "routes": {"assistant": {"try": ["only"], "deadline": "5s"}},
        }
        return await self.service({"models": models})


Provocation = Callable[[Setting], Awaitable[httpx2.Response]]
PROVOCATIONS: dict[type[ServiceError], Provocation] = {}


def provokes(error: type[ServiceError]) -> Callable[[Provocation], Provocation]:
    def note(provocation: Provocation) -> Provocation:
        PROVOCATIONS[error] = provocation
        return provocation

    return note


def provider_says(script: Script) -> Provocation:
    async def provocation(setting: Setting) -> httpx2.Response:
        return await (await setting.before(script)).ask()

    return provocation


def silent(wire: Wire, streamed: bool) -> Reply:
    return Reply(0, end="hang")


PROVOCATIONS |= {
    errors.ContextLengthExceeded: provider_says(TOO_LONG),
    errors.ContentFiltered: provider_says(status(400, "content_filter")),
    errors.UpstreamInvalid: provider_says(lambda wire, streamed: bytes_reply(SECRET.encode())),
    errors.UpstreamUnavailable: provider_says(status(429, retry_after="7")),
}


@provokes(errors.InvalidRequest)
async def _(setting: Setting) -> httpx2.Response:
    return await (await setting.service()).ask(temperature="warm")


@provokes(errors.InvalidToken)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    return await service.http.get(f"{service.url}/v1/me", headers={"Authorization": f"Bearer {SECRET}"})


@provokes(errors.BudgetExceeded)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service({"policy": {"budgets": {"user": {"usd_per_day": 0.000001}}}})
    return await service.ask()


@provokes(errors.PermissionDenied)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    return await service.http.get(f"{service.url}/v1/audit", headers=service.headers())


@provokes(errors.DataClassRefused)
async def _(setting: Setting) -> httpx2.Response:
    return await (await setting.service()).ask(headers={"X-Data-Class": "restricted"})


@provokes(errors.NotFound)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    return await service.http.get(f"{service.url}/v1/nowhere")


@provokes(errors.ModelNotFound)
async def _(setting: Setting) -> httpx2.Response:
    return await (await setting.service()).ask(model="gpt-9")


@provokes(errors.MethodNotAllowed)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    return await service.http.delete(f"{service.url}/v1/models")


@provokes(errors.TooLarge)
async def _(setting: Setting) -> httpx2.Response:
    return await (await setting.service()).ask("x" * 5_000_000)


@provokes(errors.UnsupportedMediaType)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    headers = service.headers(**{"Content-Type": "text/plain"})
    return await service.http.post(f"{service.url}/v1/chat/completions", content=b"{}", headers=headers)


@provokes(errors.RateLimited)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service({"policy": {"limits": {"employee": {"requests_per_minute": 1}}}})
    await service.ask()
    return await service.ask()


@provokes(errors.InternalError)
async def _(setting: Setting) -> httpx2.Response:
    setting.plant.setattr(
        services, "_features", lambda policy, faults: {"broken": Feature("assistant", lambda governed: Broken())}
    )
    return await (await setting.service()).ask(model="broken")


@provokes(errors.AuditUnavailable)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
    return await service.ask()


@provokes(errors.LimitsUnavailable)
async def _(setting: Setting) -> httpx2.Response:
    return await (await setting.service(redis_url=f"redis://127.0.0.1:{free_port()}/0")).ask()


@provokes(errors.IdentityUnavailable)
async def _(setting: Setting) -> httpx2.Response:
    setting.around.issuer.is_down()
    return await (await setting.service()).ask()


@provokes(errors.Overloaded)
async def _(setting: Setting) -> httpx2.Response:
    setting.plant.setattr(app, "InFlightCap", functools.partial(InFlightCap, most=0))
    return await (await setting.service()).ask()


@provokes(errors.Stopped)
async def _(setting: Setting) -> httpx2.Response:
    service = await setting.service()
    stop(
        Recorder(service.engine, Checkpoints(service.checkpoints, SigningKeys(LOCAL_SIGNING_KEY))),
        "route",
        "assistant",
        "why",
    )
    await asyncio.sleep(2)  # by then every replica knows
    return await service.ask()


@provokes(errors.NotReady)
async def _(setting: Setting) -> httpx2.Response:
    setting.plant.setitem(sys.modules, "litellm", None)  # what does not load is loading for ever
    models = {
        "deployments": {"only": {**deployment(setting.around.upstream.url), "litellm": "anthropic/m", "openai": None}},
        "routes": {"assistant": {"try": ["only"]}},
    }
    return await (await setting.service({"models": models})).ask()


@provokes(errors.DeadlineExceeded)
async def _(setting: Setting) -> httpx2.Response:
    return await (await setting.before(silent)).ask(headers={"X-Request-Timeout-Ms": "300"})


# A browser sees its reason on a page: tests/web/test_login.py. Whoever is too slow is cut off, which takes a client of
# its own: tests/api/test_admission.py. Nobody is left to read the last.
ELSEWHERE = {errors.LoginRefused, errors.TooSlow, errors.ClientClosed}
WITH_RETRY = {errors.BudgetExceeded, errors.RateLimited}


def kinds(error: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Those that are raised; what only names what they have in common has no code of its own."""
    for kind in error.__subclasses__():
        if kind is not errors.Unavailable:
            yield kind
        yield from kinds(kind)


def test_every_error_is_provoked() -> None:
    assert PROVOCATIONS.keys() | ELSEWHERE == set(kinds())


def test_the_page_lists_every_error() -> None:
    documented = [(int(row[0]), names(row[1])[0]) for row in rows(DOCS / "errors.md")]
    assert documented == sorted(documented, key=lambda row: row[0])
    assert sorted(documented) == sorted((kind.status, kind.code) for kind in kinds())
    again = {names(row[1])[0] for row in rows(DOCS / "errors.md") if row[3] == "after `Retry-After`"}
    assert again == {kind.code for kind in kinds() if kind in WITH_RETRY or issubclass(kind, errors.Unavailable)}


@asynccontextmanager
async def provoked(
    error: type[ServiceError], folder: Path, around: Surroundings, plant: pytest.MonkeyPatch
) -> AsyncIterator[httpx2.Response]:
    async with AsyncExitStack() as stack:
        yield await PROVOCATIONS[error](Setting(folder, around, plant, stack))


@pytest.mark.parametrize("error", PROVOCATIONS, ids=lambda error: error.code)
async def test_an_error_has_its_status_and_shape_and_nobody_s_words_but_ours(
    error: type[ServiceError], tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with provoked(error, tmp_path, around, monkeypatch) as answer:
        told = answer.json()["error"]
        assert (answer.status_code, told["code"], told["type"]) == (error.status, error.code, error.type), told
        assert set(told) == {"message", "type", "code", "param", "request_id"}
        assert told["request_id"] == answer.headers["X-Request-Id"]
        assert answer.headers["Content-Type"] == "application/json"
        assert len(told["message"]) > 20
        asked_again = error in WITH_RETRY or issubclass(error, errors.Unavailable)
        assert (int(answer.headers.get("Retry-After", 0)) > 0) == asked_again
        challenged = error in (errors.InvalidToken, errors.PermissionDenied)
        assert ("WWW-Authenticate" in answer.headers) == challenged
        token = answer.request.headers.get("authorization", "nothing at all").removeprefix("Bearer ")
        for foreign in (SECRET, PLANTED, "Traceback", "prompt is too long", token):
            assert foreign not in answer.text + str(answer.headers)
