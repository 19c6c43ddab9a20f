"""The service that is asked: one at a given address, or one of our own beside its local stack, for this run only."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from assurance.evals.question import Asker
from local.identity_provider import clients
from local.sign_in import access_token, service_token
from local.stack import local_stack, running_service

CLIENT = "eval"
ANSWER_SECONDS = 180


@dataclass(frozen=True)
class Target:
    """Asked with `token`, or else as `client`, by its client credentials."""

    url: str
    issuer: str
    client: str = CLIENT
    secret: str = clients(0)[CLIENT].secret or ""
    token: str = ""


@contextlib.asynccontextmanager
async def own_service() -> AsyncIterator[Target]:
    """With this project's configuration, and with a database, limits and budgets that nobody has used yet."""
    with tempfile.TemporaryDirectory(prefix="evals-", ignore_cleanup_errors=True) as folder:
        environment = {
            "DATABASE_URL": f"sqlite:///{Path(folder, 'service.db').as_posix()}",
            "AUDIT_CHECKPOINTS": str(Path(folder, "checkpoints")),
            "REDIS_URL": "",
            "METRICS_PORT": "",  # the developer's own service may have it
            "LOG_LEVEL": "WARNING",
        }
        async with local_stack() as stack, running_service(stack, environment) as service:
            yield Target(service.url, stack.issuer)


@contextlib.asynccontextmanager
async def asker_of(target: Target, people: Collection[str]) -> AsyncIterator[Asker]:
    """SignInError when the issuer gives no token."""
    tokens = {name: await access_token(target.issuer, name) for name in sorted(people)}
    tokens[""] = target.token or await service_token(target.issuer, target.client, target.secret)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Asker(http, target.url.rstrip("/"), tokens)
