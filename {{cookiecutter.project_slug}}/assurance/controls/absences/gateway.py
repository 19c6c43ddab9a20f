import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from {{ cookiecutter.package_name }}.gateway import AttemptFailed, Chunk, Failure

from assurance.controls.absence import Absence, instead


def _whole_route(complete: Any) -> Any:
    async def completed(chain: Any, call: Any) -> Any:
        object.__setattr__(call.permit, "deployments", call.permit.route.deployments)
        return await complete(chain, call)

    return completed


class _Following:
    """A session that goes wherever it is sent."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, *what: Any, **options: Any) -> Any:
        return await self._session.request(*what, **{**options, "allow_redirects": True})


def _redirected(send: Any) -> Any:
    return lambda session, *what, **options: send(_Following(session), *what, **options)


def _half_is_whole(stream: Any) -> Any:
    async def streamed(gateway: Any, call: Any) -> AsyncGenerator[Chunk, None]:
        try:
            async for chunk in stream(gateway, call):
                yield chunk
        except AttemptFailed as failed:
            if failed.failure is not Failure.CUT:
                raise
            yield Chunk({}, "stop")

    return streamed


def _word_for_word(from_response: Any) -> Any:
    def told(status: int, retry_after: str | None, body: bytes) -> Any:
        failed = from_response(status, retry_after, body)
        error = failed.as_service_error()
        error.message += f" It said: {body.decode(errors='replace')}"
        failed.as_service_error = lambda: error
        return failed

    return told


ABSENCES = {
    "deadline": Absence("deadline", "Deadline.timeout", instead(lambda *_, **__: asyncio.timeout(None))),
    "permit": Absence("gateway.chain", "ChainGateway.complete", _whole_route),
    "no-redirect": Absence("gateway.direct", "send", _redirected),
    "whole-answer": Absence("gateway.direct", "DirectGateway.stream", _half_is_whole),
    "provider-text": Absence("gateway.upstream", "from_response", _word_for_word),
}
