"""Imports litellm with its own look-ups, retries, telemetry and HTTP clients switched off."""

import asyncio
import gc
import logging
import os
import threading
import warnings
from contextlib import suppress
from typing import Any

import aiohttp
import structlog

_log = structlog.get_logger()

# Read by the import, which would otherwise fetch its tables from the network and load the working folder's .env file.
_SWITCHES = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
}


class LiteLLMLibrary:
    """The import takes seconds: begun in a thread at start, only where a deployment needs it; not ready if it fails."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.module: Any = None

    @property
    def ready(self) -> bool:
        return self.module is not None

    def begin_loading(self) -> threading.Thread:
        thread = threading.Thread(target=self._load, name="litellm-import", daemon=True)
        thread.start()
        return thread

    def _load(self) -> None:
        os.environ.update(_SWITCHES)
        try:
            litellm = _import()
            asyncio.run(_rehearse(litellm))
            gc.freeze()  # 300,000 objects that stay: to look through them stops everything for most of a second
            self.module = litellm
        except Exception:
            _log.exception("litellm_not_loaded")


def _import() -> Any:
    import litellm
    from litellm.llms.custom_httpx import http_handler

    from .litellm_transport import Transport, no_way_out

    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).disabled = True  # they write a provider's words; our own events tell what failed
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)  # so do these, of litellm's types
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.DEFAULT_MAX_RETRIES = 0  # used for embeddings even if a call asks for no retries
    litellm.drop_params = False  # what a provider cannot do is refused by name, not left out
    litellm.disable_token_counter = True  # what the provider did not count is ours to estimate
    litellm.disable_hf_tokenizer_download = True
    # It builds HTTP clients in dozens of places, of which some take the caller's; all of them get their way out here.
    transport = Transport()
    handler: Any = http_handler.AsyncHTTPHandler
    handler.create_async_transport = staticmethod(lambda **_: transport)
    # What it would ask by the way, such as Ollama about its model after each answer, holds up everybody meanwhile.
    synchronous: Any = http_handler.HTTPHandler
    synchronous.client = property(lambda _: no_way_out)
    clients: Any = litellm.in_memory_llm_clients_cache
    clients.flush_cache()  # the import has built some already
    return litellm


async def _rehearse(litellm: Any) -> None:
    """The first call would load half a second more. These reach no network: no exchange is being watched."""
    for model in ("anthropic/none", "openai/none"):
        with suppress(Exception):
            messages = [{"role": "user", "content": "Hello"}]
            await litellm.main.acompletion(model=model, api_key="none", messages=messages, max_retries=0)
