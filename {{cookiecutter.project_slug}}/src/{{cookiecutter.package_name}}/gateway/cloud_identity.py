"""Short-lived credentials from the cloud this runs in, instead of API keys. Azure and Google need no SDK."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import aiohttp
import structlog
from yarl import URL

from ..configfile import secret
from ..proxy import proxy_for
from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .upstream import json_object, read, send

T = TypeVar("T")
_AZURE = "https://cognitiveservices.azure.com"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523, 2.2
_PATIENCE = 10.0  # seconds, for one answer of a metadata server
_AGAIN = 5.0  # seconds after a failure, while what we have still holds
_log = structlog.get_logger()


@dataclass(frozen=True)
class Lease(Generic[T]):
    value: T
    seconds: float


class Renewed(Generic[T]):
    """Fetched once for all who wait, and again in the last five minutes (or second half) while the old one serves."""

    def __init__(self, fetch: Callable[[], Awaitable[Lease[T]]]) -> None:
        self._fetch = fetch
        self._lease: Lease[T] | None = None
        self._ends = self._renewed_after = float("-inf")
        self._renewal: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """Raises AttemptFailed."""
        now = time.monotonic()
        if now >= self._renewed_after and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._renew())
        if now >= self._ends and self._renewal:
            await asyncio.shield(self._renewal)
        if self._lease is None or time.monotonic() >= self._ends:
            raise AttemptFailed(Failure.OUR_FAULT)
        return self._lease.value

    async def _renew(self) -> None:
        try:
            lease = await self._fetch()
        except Exception as error:  # a cloud's library may raise anything; its words are not ours to repeat
            _log.warning("cloud_identity_failed", kind=type(error).__name__)
            self._renewed_after = time.monotonic() + _AGAIN if time.monotonic() < self._ends else float("-inf")
            return
        now = time.monotonic()
        self._lease, self._ends = lease, now + lease.seconds
        self._renewed_after = self._ends - min(300.0, lease.seconds / 2)


def bearer(deployment: Deployment, session: aiohttp.ClientSession) -> Callable[[], Awaitable[str | None]]:
    """What stands in `Authorization: Bearer` at the moment: Azure's or Google's token, or the key if there is one."""
    fetch = {"azure": azure_token, "google": google_token}.get(deployment.identity or "")
    if fetch:
        return Renewed(partial(fetch, session)).get

    async def key() -> str | None:
        return deployment.api_key()

    return key


async def azure_token(session: aiohttp.ClientSession) -> Lease[str]:
    """By a workload's federated token, else by App Service's or a machine's endpoint for managed identities."""
    client = os.environ.get("AZURE_CLIENT_ID", "")
    if assertion := secret("AZURE_FEDERATED_TOKEN"):  # from its file, which is written anew now and then
        authority = os.environ.get("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com").rstrip("/")
        url = URL(f"{authority}/{os.environ.get('AZURE_TENANT_ID', '')}/oauth2/v2.0/token")
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "scope": f"{_AZURE}/.default",
            "client_assertion_type": _ASSERTION,
            "client_assertion": assertion,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await _lease(send(session, "POST", url, headers, urlencode(form).encode(), proxy=proxy_for(url)))
    chosen = {"resource": _AZURE} | ({"client_id": client} if client else {})
    if endpoint := os.environ.get("IDENTITY_ENDPOINT"):
        headers = {"X-IDENTITY-HEADER": os.environ.get("IDENTITY_HEADER", "")}
        return await _asked(session, endpoint, {"api-version": "2019-08-01", **chosen}, headers)
    machine = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254").rstrip("/")
    query = {"api-version": "2018-02-01", **chosen}
    return await _asked(session, f"{machine}/metadata/identity/oauth2/token", query, {"Metadata": "true"})


async def google_token(session: aiohttp.ClientSession) -> Lease[str]:
    """Of the metadata server, which GKE's workload identity answers too."""
    host = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    address = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
    return await _asked(session, address, {}, {"Metadata-Flavor": "Google"})


async def _asked(
    session: aiohttp.ClientSession, address: str, query: dict[str, str], headers: dict[str, str]
) -> Lease[str]:
    """Without a proxy: a metadata server can only be reached from this machine."""
    return await _lease(send(session, "GET", URL(address).update_query(query), headers, b"", proxy=None))


async def _lease(answering: Awaitable[aiohttp.ClientResponse]) -> Lease[str]:
    async with asyncio.timeout(_PATIENCE), await answering as response:
        answer = json_object(await read(response))
    seconds = answer.get("expires_in") or float(answer["expires_on"]) - time.time()
    return Lease(str(answer["access_token"]), float(seconds))


class AwsKeys:
    """What botocore finds, and renews: environment, web identity, container, instance, profile. It may block."""

    def __init__(self) -> None:
        self._found: Any = None

    async def fetch(self) -> Lease[dict[str, str | None]]:
        """For a minute, as litellm names them; botocore renews ten minutes ahead of the end at the latest."""
        return Lease(await asyncio.to_thread(self._read), 60.0)

    def _read(self) -> dict[str, str | None]:
        import botocore.session

        self._found = self._found or botocore.session.Session().get_credentials()
        if self._found is None:
            raise AttemptFailed(Failure.OUR_FAULT)
        keys = self._found.get_frozen_credentials()
        return {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.token,
        }
