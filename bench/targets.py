"""Who is compared. Each is one process, and is asked the same question over HTTP."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.client import post
from bench.process import free_port
from bench.surroundings import MODEL, Surroundings

PASSTHROUGH, LITELLM, PROXY, PORTKEY = "FastAPI + aiohttp", "FastAPI + litellm", "LiteLLM proxy", "Portkey"
PEERS = (LITELLM, PASSTHROUGH, PROXY, PORTKEY)
MASTER_KEY = "sk-bench"
QUESTION = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "How many days of leave do I have? " * 4}],
}


@dataclass
class Target:
    """`headers` gives those of the next request; `alive` and `ready` are the paths that say so."""

    name: str
    port: int
    headers: Iterator[Mapping[str, str]]
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    alive: str = "/livez"
    ready: str = "/livez"

    def requests(self, stream: bool) -> Iterator[bytes]:
        body = json.dumps({**QUESTION, "stream": True} if stream else QUESTION).encode()
        for headers in self.headers:
            yield post("/v1/chat/completions", dict(headers), body)


class NotRunError(Exception):
    """Why a target cannot be measured on this machine."""


def service_name(adapter: str, database: str) -> str:
    return f"service {adapter} {database}"


def services(around: Surroundings, python: str, package: str) -> dict[str, Callable[[], Target]]:
    models: dict[str, dict[str, Any]] = {
        "direct": {"openai": "bench-model"},
        "litellm": {"litellm": "openai/bench-model"},
    }

    def service(name: str, adapter: str, database: str) -> Callable[[], Target]:
        def make() -> Target:
            port = free_port()
            configuration = around.configuration(slug(name), models[adapter])
            environment = around.environment(port, configuration, _database(around, slug(name), database))
            headers = ({"Authorization": f"Bearer {token}"} for token in around.bearers())
            return Target(name, port, headers, [python, "-m", package, "serve"], environment, ready="/readyz")

        return make

    found = [(service_name(one, where), one, where) for one in models for where in ("PostgreSQL", "SQLite")]
    return {name: service(name, adapter, where) for name, adapter, where in found}


def _database(around: Surroundings, name: str, kind: str) -> str:
    if kind == "SQLite":
        return f"sqlite:///{around.folder / name}.db"
    if around.new_database is None:
        raise NotRunError("PostgreSQL's server (initdb, pg_ctl) is not installed here")
    return around.new_database(name)


def bare(around: Surroundings, python: str, kind: str, name: str) -> Target:
    port = free_port()
    command = [python, "-m", "bench.peers", kind, str(port), around.upstream]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    return Target(name, port, always({}), command, environment)


def proxy(around: Surroundings, program: Path) -> Target:
    """As its documentation runs it in production, for one core: one worker, a master key, no database."""
    port, file = free_port(), around.folder / "litellm-proxy.yaml"
    to = {"model": "openai/bench-model", "api_base": around.upstream, "api_key": "none"}
    content = {
        "model_list": [{"model_name": MODEL, "litellm_params": to}],
        "general_settings": {"master_key": MASTER_KEY},
        "litellm_settings": {"set_verbose": False},
    }
    file.write_text(yaml.safe_dump(content))
    command = [
        str(program),
        "--config",
        str(file),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
    ]
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
        "NO_DOCS": "True",
    }
    headers = always({"Authorization": f"Bearer {MASTER_KEY}"})
    return Target(PROXY, port, headers, command, environment, "/health/liveliness", "/health/readiness")


def portkey(around: Surroundings, node: Path, script: Path) -> Target:
    port = free_port()
    headers = {
        "Authorization": "Bearer none",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": around.upstream,
    }
    command = [str(node), str(script), f"--port={port}", "--headless"]
    environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
    return Target(PORTKEY, port, always(headers), command, environment, "/", "/")


def slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def always(headers: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    while True:
        yield headers
