"""Every route of the application, however it was added."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from {{ cookiecutter.package_name }}.identity.access import current_delegation


def every_route(app: FastAPI) -> Iterator[BaseRoute]:
    """FastAPI keeps an included router as one entry. A mounted application is one too, and nobody looks inside."""
    queue = list(app.routes)
    while queue:
        route = queue.pop()
        if (router := getattr(route, "original_router", None)) is not None:
            queue += router.routes
        else:
            yield route


def needs_a_caller(route: BaseRoute) -> bool:
    if not isinstance(route, APIRoute):
        return False
    queue = list(route.dependant.dependencies)
    while queue:
        dependant = queue.pop()
        if dependant.call is current_delegation:
            return True
        queue += dependant.dependencies
    return False


def path_of(route: BaseRoute) -> str:
    return str(getattr(route, "path", route))
