"""Every provider that does not speak OpenAI's wire format, translated by litellm; the only file that imports it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import structlog

from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .gateway import FINISH_REASONS, Answer, Chunk, PermittedCall, Usage, sane_usage

_log = structlog.get_logger()

# Read when litellm is imported: it would fetch its tables from the network, and load a .env file of the working folder.
_SWITCHES = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
}
# How the wire formats of the providers name it. Inside a text of the model its quotes are escaped.
_FINISH = re.compile(rb'"(finish_reason|finishReason|stop_reason|stopReason|done_reason)"\s*:\s*"')
_FIELDS = ("content", "refusal", "tool_calls")


class LiteLLMLibrary:
    """The import takes seconds: begun in a thread at start, only where a deployment needs it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.module: Any = None

    @property
    def ready(self) -> bool:
        return self.module is not None

    def begin_loading(self) -> None:
        threading.Thread(target=self._load, name="litellm-import", daemon=True).start()

    def _load(self) -> None:
        os.environ.update(_SWITCHES)
        try:
            self.module = _import(self._session)
        except Exception:
            _log.exception("litellm_not_loaded", meaning="deployments that name litellm stay out of use")


def _import(session: aiohttp.ClientSession) -> Any:
    import litellm
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    from .litellm_transport import Transport

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False  # a parameter that a provider does not know is refused by name, not left out
    litellm.disable_token_counter = True  # counts that the provider did not send are ours to estimate
    litellm.disable_hf_tokenizer_download = True
    litellm.callbacks = []
    # litellm builds its HTTP clients in many places, of which some take one from the caller; all get their transport here.
    transport = Transport(session)
    AsyncHTTPHandler.create_async_transport = staticmethod(lambda **_: transport)
    litellm.in_memory_llm_clients_cache.flush_cache()  # some were built by the import
    return litellm


class LiteLLMGateway:
    def __init__(self, deployment: Deployment, library: LiteLLMLibrary) -> None:
        self._deployment = deployment
        self._library = library

    @property
    def ready(self) -> bool:
        return self._library.ready

    async def complete(self, call: PermittedCall) -> Answer:
        from .litellm_transport import Exchange

        exchange = Exchange(body=bytearray())
        with self._named_faults(call, exchange), exchange.watched():
            response = await self._library.module.acompletion(**self._arguments(call))
        if exchange.response is None:
            raise AttemptFailed(Failure.OUR_FAULT)  # this provider's adapter goes around our transport
        if not _FINISH.search(exchange.body or b""):
            raise AttemptFailed(Failure.NONSENSE)
        return _answer(response)

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        from .litellm_transport import Exchange

        exchange = Exchange()
        try:
            with self._named_faults(call, exchange):
                with exchange.watched():
                    wrapper = await self._library.module.acompletion(
                        **self._arguments(call), stream=True, stream_options={"include_usage": True}
                    )
                while True:
                    with exchange.watched():
                        sent = await anext(wrapper, None)
                    if sent is None:
                        break
                    yield _chunk(sent, wrapper)
        finally:
            exchange.close()

    def _arguments(self, call: PermittedCall) -> dict[str, Any]:
        entry, request = self._deployment.entry, call.request
        parameters = request.parameters()
        parameters.pop("max_completion_tokens", None)
        parameters["max_tokens"] = request.output_limit or entry.max_output_tokens
        return parameters | {
            "model": self._deployment.model,
            "api_base": entry.base_url,
            "api_key": self._deployment.api_key(),
            "num_retries": 0,
            "max_retries": 0,
            "timeout": call.deadline.remaining(),
        }

    @contextmanager
    def _named_faults(self, call: PermittedCall, exchange: Any) -> Iterator[None]:
        try:
            yield
        except AttemptFailed:
            raise
        except Exception as error:
            import traceback; traceback.print_exc()
            raise self._failure(error, call, exchange) from None

    def _failure(self, error: Exception, call: PermittedCall, exchange: Any) -> AttemptFailed:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, AttemptFailed):
                return cause
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, self._library.module.UnsupportedParamsError):
            return AttemptFailed(Failure.UNSUPPORTED)
        if exchange.response is not None:
            return AttemptFailed(Failure.NONSENSE)
        return AttemptFailed(Failure.OUR_FAULT)


def _answer(response: Any) -> Answer:
    choice = response.choices[0]
    return Answer({"role": "assistant", "content": None, **_kept(choice.message)}, choice.finish_reason, _usage(response))


def _chunk(sent: Any, wrapper: Any) -> Chunk:
    choice = sent.choices[0] if sent.choices else None
    finish = choice and choice.finish_reason
    if finish and wrapper.received_finish_reason is None:
        raise AttemptFailed(Failure.CUT)
    return Chunk(_kept(choice.delta) if choice else {}, finish, _usage(sent))


def _kept(message: Any) -> dict[str, Any]:
    fields = message.model_dump(exclude_none=True)
    return {name: fields[name] for name in _FIELDS if fields.get(name)}


def _usage(response: Any) -> Usage | None:
    usage = getattr(response, "usage", None)
    return sane_usage(usage.prompt_tokens, usage.completion_tokens) if usage else None
