"""Calls as governance would permit them, for tests of the gateway alone."""

from typing import Any

import pytest

from {{ cookiecutter.package_name }}.deadline import Deadline
from {{ cookiecutter.package_name }}.gateway import (
    ChatRequest,
    Deployment,
    EmbeddingRequest,
    Message,
    Permit,
    PermittedCall,
    Route,
    Vectors,
)
from {{ cookiecutter.package_name }}.gateway.modelsfile import DeploymentEntry

both_ways = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def deployment(name: str = "first", **entry: Any) -> Deployment:
    facts = {"region": "eu", "retention_days": 0, "trains_on_data": False, "hosted_by": "self"}
    return Deployment(name, DeploymentEntry.model_validate(facts | entry), "config/models.yaml:1")


def permitted_call(
    *deployments: Deployment, seconds: float = 10, first_token: float = 5, gap: float = 5, **request: Any
) -> PermittedCall:
    route = Route("assistant", deployments, seconds, first_token, gap, frozenset(), "config/models.yaml:9")
    asked = {"model": "assistant", "messages": [Message(role="user", content="Hello?")]}
    return PermittedCall(
        ChatRequest.model_validate(asked | request),
        Permit("ada", "acme", "internal", route, deployments, "sha256:0"),
        Deadline.after(seconds),
    )


class ChatsOnly:
    """The part of a Gateway that tests of conversations never reach."""

    async def embed(self, call: PermittedCall[EmbeddingRequest]) -> Vectors:
        raise AssertionError(f"A test of conversations asked for vectors of {call.request.input}.")
