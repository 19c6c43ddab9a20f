"""What every answer has in common: the error shape, the request id, and a stated permission."""

from fastapi.routing import APIRoute

from {{ cookiecutter.package_name }}.api import ROUTERS
from {{ cookiecutter.package_name }}.feedback import router as feedback_router
from {{ cookiecutter.package_name }}.identity.access import current_principal

from tests.service import Service

PUBLIC = {"/.well-known/oauth-protected-resource"}


def test_every_route_states_whom_it_answers() -> None:
    for router in (*ROUTERS, feedback_router):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            calls, queue = set(), list(route.dependant.dependencies)
            while queue:
                dependant = queue.pop()
                calls.add(dependant.call)
                queue += dependant.dependencies
            assert current_principal in calls or route.path in PUBLIC, route.path


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
