"""From an HTTP request to an Ask: the body, the class of the data, the deadline."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request

from ..body import parsed
from ..deadline import Deadline
from ..errors import InvalidRequest, ModelNotFound
from ..gateway import EmbeddingRequest, R
from ..governance import Ask, GovernedGateway, Model, Policy
from ..identity import Delegation, Principal

M = TypeVar("M", bound=Model)
LONGEST = 3_600.0  # seconds; the route's own deadline is shorter


async def read_ask(request: Request, caller: Delegation, kind: type[R]) -> Ask[R]:
    """Not a FastAPI dependency, which would resolve everything it depends on a second time."""
    asked = await parsed(request, kind)
    policy: Policy = request.state.configuration.policy
    data_class = policy.data_class(_once(request, "x-data-class"))
    request.scope["asked"] = {"model": asked.model, "data_class": data_class}  # for the record of a refusal
    return Ask(
        principal=caller.principal,
        request=asked,
        route=asked.model,
        data_classes=frozenset([data_class]),
        deadline=_deadline(request),
        delegation=caller,
    )


def _deadline(request: Request) -> Deadline:
    """The caller may shorten it, never lengthen it: the route's own is applied when the call is permitted."""
    deadline = Deadline.after(LONGEST, start=request.scope["state"]["arrival"])
    wanted = _once(request, "x-request-timeout-ms")
    if wanted is None:
        return deadline
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= 9 and int(wanted) > 0):
        raise InvalidRequest(
            "X-Request-Timeout-Ms must be a whole number of milliseconds.", param="X-Request-Timeout-Ms"
        )
    return deadline.no_later_than(int(wanted) / 1000, by_caller=True)


def _once(request: Request, header: str) -> str | None:
    values = request.headers.getlist(header)
    if len(values) > 1:
        raise InvalidRequest(f"Send the header {header} once.", param=header)
    return values[0] if values else None


def usable(request: Request, caller: Principal) -> dict[str, list[str]]:
    """The names that this caller may ask, of models for conversations and of those for embeddings."""
    models: Mapping[str, Model] = request.state.models
    embedders: Mapping[str, GovernedGateway] = request.state.embedders
    return {"models": _open_to(caller, models), "embeddings": _open_to(caller, embedders)}


def _open_to(caller: Principal, known: Mapping[str, Model]) -> list[str]:
    return [name for name, model in known.items() if model.open_to(caller, name)]


def chosen_model(request: Request, asked: Ask) -> Model:
    models: Mapping[str, Model] = request.state.models
    if asked.route in request.state.embedders:
        raise InvalidRequest(f"'{asked.route}' makes embeddings; ask it at /v1/embeddings.", param="model")
    return _chosen(models, asked)


def chosen_embedder(request: Request, asked: Ask[EmbeddingRequest]) -> GovernedGateway:
    embedders: Mapping[str, GovernedGateway] = request.state.embedders
    if asked.route in request.state.models:
        raise InvalidRequest(f"'{asked.route}' makes no embeddings; ask it at /v1/chat/completions.", param="model")
    return _chosen(embedders, asked)


def _chosen(known: Mapping[str, M], asked: Ask[R]) -> M:
    if asked.route not in known:
        names = ", ".join(_open_to(asked.principal, known)) or "none here"
        raise ModelNotFound(f"There is no model '{asked.route}'; you may use {names}.", param="model")
    return known[asked.route]
