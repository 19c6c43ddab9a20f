"""Every provider that does not speak OpenAI's wire format, translated by litellm."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from .catalogue import Deployment
from .cloud_identity import AwsKeys, Renewed, bearer
from .exchange import Exchange
from .failure import AttemptFailed, Failure
from .fields import BY_DEFAULT, supported
from .gateway import MESSAGE_FIELDS, Answer, Chunk, PermittedCall, Usage, Vectors
from .litellm_library import LiteLLMLibrary
from .messages import EmbeddingRequest, R
from .sanity import FINISH_REASONS, sane_answer, sane_usage, sane_vectors, says_nothing


class LiteLLMGateway:
    def __init__(self, deployment: Deployment, library: LiteLLMLibrary) -> None:
        self._deployment = deployment
        self._library = library
        self._aws = Renewed(AwsKeys().fetch)
        self._bearer = bearer(deployment, library.session)

    @property
    def ready(self) -> bool:
        return self._library.ready

    async def complete(self, call: PermittedCall) -> Answer:
        with self._exchange(call) as exchange:
            with exchange.watched():
                response = await self._ask(call)
            exchange.demand_finish()
            return _answer(response)

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        with self._exchange(call) as exchange:
            with exchange.watched():
                wrapper = await self._ask(call, stream=True, stream_options={"include_usage": True})
            begun = False
            while True:
                with exchange.watched():
                    sent = await anext(wrapper, None)
                if sent is None:
                    return
                chunk = _chunk(sent)
                if exchange.refusal:
                    chunk.delta["refusal"], exchange.refusal = exchange.refusal, ""
                begun = begun or bool(chunk.delta)
                if chunk.finish_reason:
                    exchange.demand_finish()
                    if says_nothing(chunk.finish_reason, begun):
                        raise AttemptFailed(Failure.NONSENSE)
                yield chunk

    async def embed(self, call: PermittedCall[EmbeddingRequest]) -> Vectors:
        with self._exchange(call) as exchange:
            with exchange.watched():
                # litellm ignores encoding_format where floats are the only format, but raises for Ollama.
                form = {} if self._deployment.provider == "ollama" else {"encoding_format": "float"}
                wanted = supported(self._deployment, call.request) | form
                sent = await self._library.module.main.aembedding(**await self._whom(), **wanted)
            exchange.demand_answer()
            rows = [row if isinstance(row, dict) else row.model_dump() for row in sent.data]
            return Vectors(sane_vectors(rows, call.request), _usage(sent))

    async def _ask(self, call: PermittedCall, **streaming: Any) -> Any:
        asked = supported(self._deployment, call.request)
        # Defaults are left out, since not every provider knows the parameter.
        parameters = {name: value for name, value in asked.items() if value != BY_DEFAULT.get(name)}
        parameters["max_tokens"] = self._deployment.output_limit(call.request.output_limit)
        # Not litellm.acompletion, which may hand the call to a part in Rust that has an HTTP client of its own.
        return await self._library.module.main.acompletion(
            **await self._whom(),
            _skip_mcp_handler=True,  # 1.106 would import it for any call with tools, from a package that is not there
            **parameters,
            **streaming,
        )

    async def _whom(self) -> dict[str, Any]:
        entry = self._deployment.entry
        placed = {"api_base": entry.base_url, "aws_region_name": entry.aws_region, "api_version": entry.api_version}
        whom = {"model": self._deployment.model, "num_retries": 0, "max_retries": 0, **await self._proof()}
        return whom | {name: value for name, value in placed.items() if value}

    async def _proof(self) -> dict[str, str | None]:
        """In litellm's names."""
        match self._deployment.identity:
            case "aws":
                return await self._aws.get()
            case "azure":
                return {"azure_ad_token": await self._bearer()}
        # litellm makes no call without a key, but a self-hosted server may need none.
        return {"api_key": await self._bearer() or ("none" if self._deployment.entry.base_url else None)}

    @contextmanager
    def _exchange(self, call: PermittedCall[R]) -> Iterator[Exchange]:
        """litellm's exceptions are dropped, since they hold the provider's text."""
        exchange = Exchange(self._library.session, call.trace_headers)
        try:
            yield exchange
        except AttemptFailed:
            raise
        except Exception as error:
            raise exchange.failure or self._failure(error, call, exchange) from None
        finally:
            exchange.close()

    def _failure(self, error: Exception, call: PermittedCall[R], exchange: Exchange) -> AttemptFailed:
        litellm = self._library.module
        if exchange.response is not None:
            return AttemptFailed(Failure.NONSENSE)
        if isinstance(error, litellm.UnsupportedParamsError):
            named = [name for name in call.request.parameters() if re.search(rf"\b{name}\b", str(error))]
            return AttemptFailed(Failure.UNSUPPORTED, param=next(iter(named), None))
        if isinstance(error, litellm.BadRequestError) and self._deployment.provider in litellm.provider_list:
            return AttemptFailed(Failure.BAD_REQUEST)
        return AttemptFailed(Failure.OUR_FAULT)  # no key, no credentials, no such provider


def _finish(sent: Any) -> str | None:
    finish: str | None = sent.choices[0].finish_reason if sent.choices else None
    if finish is not None and finish not in FINISH_REASONS:
        raise AttemptFailed(Failure.NONSENSE)
    return finish


def _answer(sent: Any) -> Answer:
    return sane_answer(_kept(sent.choices[0].message), _finish(sent), _usage(sent))


def _chunk(sent: Any) -> Chunk:
    return Chunk(_kept(sent.choices[0].delta) if sent.choices else {}, _finish(sent), _usage(sent))


def _kept(message: Any) -> dict[str, Any]:
    fields = message.model_dump(exclude_none=True)
    fields = (fields.get("provider_specific_fields") or {}) | fields  # where it puts a refusal
    return {name: fields[name] for name in MESSAGE_FIELDS if fields.get(name)}


def _usage(sent: Any) -> Usage | None:
    usage = getattr(sent, "usage", None)
    return sane_usage(usage.prompt_tokens, usage.completion_tokens) if usage else None
