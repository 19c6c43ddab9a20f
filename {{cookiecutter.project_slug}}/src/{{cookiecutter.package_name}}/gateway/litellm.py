"""Every provider that does not speak OpenAI's wire format, translated by litellm; the only file that imports it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from .catalogue import Deployment
from .gateway import Answer, Chunk, PermittedCall


class LiteLLMLibrary:
    """The import takes seconds: begun in a thread at start, only where a deployment needs it."""

    ready = False

    def begin_loading(self) -> None: ...


class LiteLLMGateway:
    def __init__(self, deployment: Deployment, library: LiteLLMLibrary) -> None: ...

    @property
    def ready(self) -> bool: ...

    async def complete(self, call: PermittedCall) -> Answer: ...

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]: ...
