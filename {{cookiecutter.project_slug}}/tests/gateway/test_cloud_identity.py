"""In place of a key: Azure's managed identity, Google's metadata server, Amazon's roles; on loopback stand-ins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.gateway import (
    AttemptFailed,
    DirectGateway,
    Failure,
    LiteLLMGateway,
    LiteLLMLibrary,
)
from {{ cookiecutter.package_name }}.gateway.cloud_identity import (
    AwsKeys,
    Lease,
    Renewed,
    azure_token,
    google_token,
)

from tests.clouds import AMAZON_CONTAINER, AZURE_APP, AZURE_MACHINE, AZURE_TENANT, Cloud, served_cloud
from tests.conformance.server import wire_server
from tests.conformance.wires.bedrock import BedrockWire
from tests.gateway.calls import deployment, permitted_call
from tests.gateway.faults import whole
from tests.gateway.outcome import answered, failure
from tests.gateway.upstream import running

CLEARED = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    *("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
)


@pytest.fixture
async def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Cloud]:
    """In an environment that names no other: no machine's metadata server is asked."""
    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    async with served_cloud() as cloud:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", cloud.url)
        monkeypatch.setenv("GCE_METADATA_HOST", cloud.url.removeprefix("http://"))
        yield cloud


async def test_a_machine_in_azure_gives_a_token(cloud: Cloud, session: aiohttp.ClientSession) -> None:
    assert await azure_token(session) == Lease("azure-token", 3600.0)
    (asked,) = cloud.asked
    assert asked.startswith(AZURE_MACHINE)
    assert "resource=https://cognitiveservices.azure.com" in asked
    assert "client_id" not in asked


async def test_app_service_gives_a_token_of_the_chosen_identity(
    cloud: Cloud, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}{AZURE_APP}")
    monkeypatch.setenv("IDENTITY_HEADER", "app-secret")
    monkeypatch.setenv("AZURE_CLIENT_ID", "acme-client")
    lease = await azure_token(session)
    assert lease.value == "azure-token"
    assert 3500 < lease.seconds <= 3600
    assert "client_id=acme-client" in cloud.asked[0]


async def test_a_workload_trades_its_federated_token_which_is_read_anew(
    cloud: Cloud, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    for name, value in {
        "AZURE_AUTHORITY_HOST": f"{cloud.url}/",
        "AZURE_TENANT_ID": "acme-tenant",
        "AZURE_CLIENT_ID": "acme-client",
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
    }.items():
        monkeypatch.setenv(name, value)
    for written in ("first", "second"):
        file.write_text(f"{written}\n", encoding="utf-8")
        assert (await azure_token(session)).value == "azure-token"
        assert cloud.forms[-1]["client_assertion"] == written
    assert cloud.asked == [f"{AZURE_TENANT}?"] * 2
    assert cloud.forms[0]["scope"] == "https://cognitiveservices.azure.com/.default"


async def test_google_s_metadata_server_gives_a_token(cloud: Cloud, session: aiohttp.ClientSession) -> None:
    assert await google_token(session) == Lease("google-token", 3600.0)


@pytest.mark.parametrize("identity", ["azure", "google"])
async def test_the_direct_adapter_sends_the_token_and_asks_for_it_once(
    cloud: Cloud, session: aiohttp.ClientSession, identity: str
) -> None:
    async with running(whole) as upstream:
        gateway = DirectGateway(deployment(openai="m", base_url=f"{upstream.address}/v1", identity=identity), session)
        await asyncio.gather(*(answered(gateway, permitted_call(), streamed=False) for _ in range(5)))
    assert {headers["authorization"] for headers in upstream.headers} == {f"Bearer {identity}-token"}
    assert len(cloud.asked) == 1


async def test_litellm_sends_azure_s_token(cloud: Cloud, library: LiteLLMLibrary) -> None:
    entry = {"litellm": "azure/gpt-eu", "identity": "azure", "api_version": "2024-10-21"}
    async with running(whole) as upstream:
        gateway = LiteLLMGateway(deployment(base_url=upstream.address, **entry), library)
        await failure(gateway, permitted_call(), streamed=False)
    assert upstream.headers[0]["authorization"] == "Bearer azure-token"
    assert "api-key" not in upstream.headers[0]


async def test_a_cloud_that_gives_nothing_is_our_fault(cloud: Cloud, session: aiohttp.ClientSession) -> None:
    cloud.status = 403
    async with running(whole) as upstream:
        gateway = DirectGateway(deployment(openai="m", base_url=f"{upstream.address}/v1", identity="azure"), session)
        failed = await failure(gateway, permitted_call(), streamed=False)
    assert failed
    assert failed.failure is Failure.OUR_FAULT
    assert upstream.requests == []


async def asked_of_bedrock(library: LiteLLMLibrary, times: int = 1) -> None:
    """Whose server checks the signature with the secret key that the stand-in gave."""
    entry = {"litellm": "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws_region": "eu-central-1"}
    async with wire_server(BedrockWire()) as (server, url):
        gateway = LiteLLMGateway(deployment(base_url=url, **entry), library)
        for _ in range(times):
            answer = await answered(gateway, permitted_call(), streamed=False)
            assert answer.message["content"] == "Hello world"
        assert server.complaints == []
        assert all(one.headers["x-amz-security-token"] == "a-session" for one in server.received)
        assert "/eu-central-1/bedrock/" in server.received[0].headers["authorization"]


async def test_bedrock_is_asked_with_the_role_of_a_container(
    cloud: Cloud, library: LiteLLMLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{cloud.url}{AMAZON_CONTAINER}")
    await asked_of_bedrock(library, times=3)
    assert cloud.asked == [AMAZON_CONTAINER]


async def test_bedrock_is_asked_with_the_role_of_a_workload(
    cloud: Cloud, library: LiteLLMLibrary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("a-web-identity", encoding="utf-8")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/models")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", cloud.url)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    await asked_of_bedrock(library)
    assert cloud.forms[0]["WebIdentityToken"] == "a-web-identity"


async def test_without_any_role_bedrock_is_our_fault(cloud: Cloud, library: LiteLLMLibrary) -> None:
    gateway = LiteLLMGateway(deployment(litellm="bedrock/m", base_url="http://127.0.0.1:9"), library)
    failed = await failure(gateway, permitted_call(), streamed=False)
    assert failed
    assert failed.failure is Failure.OUR_FAULT
    assert cloud.asked == []


async def test_a_look_up_that_hangs_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits in a thread, and a caller no longer than its deadline."""
    let_go = asyncio.Event()
    waiting = asyncio.get_running_loop()

    def hangs(self: AwsKeys) -> dict[str, str | None]:
        asyncio.run_coroutine_threadsafe(let_go.wait(), waiting).result()
        return {}

    monkeypatch.setattr(AwsKeys, "_read", hangs)
    keys = Renewed(AwsKeys().fetch)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await keys.get()
    let_go.set()
    assert await keys.get() == {}


class Source:
    """Gives what it is told to, and counts."""

    def __init__(self, *given: Lease[str] | Exception) -> None:
        self.given: list[Any] = list(given)
        self.calls = 0

    async def fetch(self) -> Lease[str]:
        self.calls += 1
        lease = self.given.pop(0)
        if isinstance(lease, Exception):
            raise lease
        return lease  # type: ignore[no-any-return] # a list of both


async def test_what_holds_is_used_again() -> None:
    source = Source(Lease("one", 3600))
    renewed = Renewed(source.fetch)
    assert [await renewed.get() for _ in range(3)] == ["one"] * 3
    assert source.calls == 1


async def test_what_has_ended_is_fetched_again_and_waited_for() -> None:
    renewed = Renewed(Source(Lease("one", 0.02), Lease("two", 60)).fetch)
    assert await renewed.get() == "one"
    await asyncio.sleep(0.03)
    assert await renewed.get() == "two"


async def test_the_old_one_serves_while_its_renewal_fails() -> None:
    source = Source(Lease("one", 60), OSError("words of the cloud's"))
    renewed = Renewed(source.fetch)
    await renewed.get()
    renewed._renewed_after = 0  # as if half of its time were over
    assert [await renewed.get() for _ in range(2)] == ["one", "one"]
    await asyncio.sleep(0)
    assert [await renewed.get() for _ in range(3)] == ["one"] * 3
    assert source.calls == 2


async def test_a_failure_is_told_to_everybody_who_waited_and_tried_again_by_the_next() -> None:
    source = Source(OSError("words of the cloud's"), Lease("one", 60))
    renewed = Renewed(source.fetch)
    failed = await asyncio.gather(*(renewed.get() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, AttemptFailed) for one in failed)
    assert source.calls == 1
    assert await renewed.get() == "one"
