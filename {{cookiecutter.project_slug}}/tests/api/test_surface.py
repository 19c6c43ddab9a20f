"""What every answer has in common: the error shape, the request id, and a stated permission."""

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import Engine, event

from {{ cookiecutter.package_name }} import health
from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.identity import MayAsk
from {{ cookiecutter.package_name }}.settings import Settings

from tests.routes import every_route, needs_a_caller, path_of
from tests.service import Service

# Whoever adds a path here says that anybody may have what it answers.
PUBLIC = {
    "/livez",
    "/readyz",
    "/.well-known/oauth-protected-resource",
    "/",
    "/static/{name}",
    "/login",
    "/callback",
    "/logout",
}
ON_A_LAPTOP = {"/openapi.json"}


@pytest.mark.parametrize(
    ("environment", "public"),
    [("local", PUBLIC | ON_A_LAPTOP), ("staging", PUBLIC), ("production", PUBLIC)],
)
def test_every_route_states_what_it_needs_or_is_listed_as_public(environment: str, public: set[str]) -> None:
    routes = list(every_route(create_app(Settings.model_validate({"environment": environment}))))
    assert "/v1/chat/completions" in map(path_of, routes)
    assert {path_of(route) for route in routes if not needs_a_caller(route)} == public


def test_a_route_that_states_nothing_is_noticed_wherever_it_was_added() -> None:
    app, router, inner = create_app(Settings()), APIRouter(), APIRouter()

    async def nothing() -> None: ...

    async def something(_: MayAsk) -> None: ...

    app.get("/directly")(nothing)
    inner.get("/within")(nothing)
    router.include_router(inner)
    router.get("/stated")(something)
    app.include_router(router)
    app.mount("/mounted", FastAPI())
    silent = {path_of(route) for route in every_route(app) if not needs_a_caller(route)}
    assert silent - PUBLIC - ON_A_LAPTOP == {"/directly", "/within", "/mounted"}


async def test_health_tells_nothing_of_who_uses_it(service: Service) -> None:
    await service.ask()
    for path in ("/livez", "/readyz"):
        answer = (await service.http.get(service.url + path)).text
        assert not any(word in answer for word in ("acme", "ada", "employee", str(service.checkpoints)))


async def test_there_is_nothing_to_see_for_the_curious(service: Service) -> None:
    for path in ("/metrics", "/debug", "/admin", "/.env", "/config/access.yaml", "/docs", "/redoc", "/control/stats"):
        answer = await service.http.get(service.url + path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_unknown_paths_and_methods_have_the_error_shape(service: Service) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/v1/models", 405), ("GET", "//v1/models", 404)):
        answer = await service.http.request(method, service.url + path)
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["request_id"] == answer.headers["X-Request-Id"]
        assert set(error) == {"message", "type", "code", "param", "request_id"}


async def test_a_plain_request_id_is_kept_and_an_odd_one_replaced(service: Service) -> None:
    kept = await service.http.get(f"{service.url}/livez", headers={"X-Request-Id": "order-4711-a"})
    assert kept.headers["X-Request-Id"] == "order-4711-a"
    replaced = await service.http.get(f"{service.url}/livez", headers={"X-Request-Id": "a b" * 99})
    assert len(replaced.headers["X-Request-Id"]) == 32


async def test_models_are_those_that_the_caller_may_use(service: Service) -> None:
    answer = await service.http.get(f"{service.url}/v1/models", headers=service.headers("ada"))
    assert "assistant" in [one["id"] for one in answer.json()["data"]]
    refused = await service.http.get(f"{service.url}/v1/models", headers=service.headers("olga"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


async def test_me_tells_who_i_am_and_what_i_may_do(service: Service) -> None:
    me = (await service.http.get(f"{service.url}/v1/me", headers=service.headers("grace"))).json()
    assert (me["subject"], me["tenant"], me["roles"]) == ("grace", "acme", ["analyst"])
    assert me["data_classes"] == ["public", "internal", "confidential"]


async def test_the_protected_resource_names_its_issuer(service: Service) -> None:
    found = (await service.http.get(f"{service.url}/.well-known/oauth-protected-resource")).json()
    assert found["authorization_servers"] == [service.issuer.url]


async def test_ready_and_alive(service: Service) -> None:
    assert (await service.http.get(f"{service.url}/livez")).json() == {"status": "alive"}
    ready = await service.http.get(f"{service.url}/readyz")
    assert (ready.status_code, ready.json()["waiting_for"]) == (200, {})


async def test_however_many_ask_whether_it_is_ready_the_database_is_asked_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEPT", 60)
    asked: list[str] = []

    def note(*execution: Any) -> None:
        asked.extend(one for one in execution if isinstance(one, str) and "FROM alembic_version" in one)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        answers = await asyncio.gather(*(service.http.get(f"{service.url}/readyz") for _ in range(50)))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert {answer.status_code for answer in answers} == {200}
    assert len(asked) == 1


async def test_what_ready_says_is_a_second_old_at_most(service: Service) -> None:
    assert health.KEPT <= 1
    assert (await service.http.get(f"{service.url}/readyz")).status_code == 200
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version RENAME TO gone")
    await asyncio.sleep(health.KEPT)
    assert (await service.http.get(f"{service.url}/readyz")).status_code == 503
