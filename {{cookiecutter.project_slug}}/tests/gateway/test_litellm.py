import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from {{ cookiecutter.package_name }} import gateway as package
from {{ cookiecutter.package_name }}.gateway import Failure, LiteLLMGateway, LiteLLMLibrary

from tests.gateway.calls import both_ways, deployment, permitted_call
from tests.gateway.faults import EVENTS, whole
from tests.gateway.outcome import answered, failure
from tests.gateway.upstream import Reply, running
from tests.gateway.wires import Wire

# One of each way that litellm has to HTTP.
PROVIDERS = [
    "azure/m",
    "azure_ai/m",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock/invoke/anthropic.claude-3-haiku-20240307-v1:0",
    "cohere_chat/m",
    "deepseek/m",
    "gemini/m",
    "groq/m",
    "hosted_vllm/m",
    "mistral/m",
    "ollama_chat/m",
    "openrouter/m",
    "perplexity/m",
]
Gateways = Callable[..., LiteLLMGateway]


@pytest.fixture
def claude(library: LiteLLMLibrary, our_key: str) -> Gateways:
    def at(address: str, model: str = "anthropic/m", **entry: Any) -> LiteLLMGateway:
        return LiteLLMGateway(deployment(litellm=model, base_url=address, api_key_env=our_key, **entry), library)

    return at


def run_python(code: str, folder: Path) -> str:
    source = Path(package.__file__).parents[2]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": str(source)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout + done.stderr


def test_nothing_of_litellm_is_imported_before_it_is_wanted(tmp_path: Path) -> None:
    code = f"import sys, {package.__name__}; print([m for m in ('litellm', 'openai', 'httpx') if m in sys.modules])"
    assert run_python(code, tmp_path).strip() == "[]"


def test_the_import_stays_off_the_network_and_reads_no_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_ENV_FILE=1\n")
    code = f"""
import os, socket, time
from {package.__name__} import LiteLLMLibrary

tried = []
socket.socket.connect = socket.getaddrinfo = lambda *arguments, **_: tried.append(arguments) or 1 / 0
library = LiteLLMLibrary(None)
library.begin_loading()
while not library.ready:
    time.sleep(0.01)
print(tried, os.environ.get("FROM_ENV_FILE"))
"""
    assert run_python(code, tmp_path).strip() == "[] None"


def test_a_failed_import_leaves_the_deployments_out_of_use(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    library = LiteLLMLibrary(session)
    thread = library.begin_loading()
    thread.join()
    assert not library.ready
    assert not LiteLLMGateway(deployment(litellm="anthropic/m"), library).ready
    assert "litellm_not_loaded" in capsys.readouterr().out


@both_ways
@pytest.mark.parametrize("model", PROVIDERS)
async def test_no_provider_s_redirect_is_followed(
    claude: Gateways, model: str, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "eu-central-1")
    async with running(whole) as neighbour:

        def script(wire: Wire, streamed: bool) -> Reply:
            return Reply(307, {"Location": neighbour.address}, length=0)

        async with running(script) as upstream:
            failed = await failure(claude(upstream.address, model), permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure is Failure.REDIRECT
    assert neighbour.accepted == 0


@both_ways
async def test_an_adapter_that_goes_around_our_transport_is_of_no_use(claude: Gateways, streamed: bool) -> None:
    async with running(whole) as upstream:
        gateway = claude(f"{upstream.address}/v1/chat/completions", "aiohttp_openai/m")
        failed = await failure(gateway, permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure in (Failure.NONSENSE, Failure.OUR_FAULT)


async def test_what_litellm_would_ask_by_the_way_goes_nowhere(imported: Any) -> None:
    """It has a client that would hold up the event loop, and asks Ollama about its model after each answer."""
    async with running(whole) as upstream:
        with pytest.raises(Exception, match="without a deadline"):
            imported.module_level_client.post(f"{upstream.address}/api/show", json={"name": "m"})
    assert upstream.accepted == 0


@both_ways
@pytest.mark.parametrize(
    ("model", "asked", "param"),
    [
        ("gemini/m", {"parallel_tool_calls": False}, "parallel_tool_calls"),
        ("ollama_chat/m", {"tool_choice": "required"}, "tool_choice"),
        ("anthropic/m", {"response_format": {"type": "json_object"}}, "response_format"),
        ("openai/m", {"seed": 7}, "seed"),
    ],
)
async def test_a_field_that_would_be_left_out_without_a_word_is_refused(
    claude: Gateways, model: str, asked: dict[str, Any], param: str, streamed: bool
) -> None:
    async with running(whole) as upstream:
        gateway = claude(upstream.address, model, lacks=["seed"])
        failed = await failure(gateway, permitted_call(**asked), streamed=streamed)
    assert failed
    assert (failed.failure, failed.param) == (Failure.UNSUPPORTED, param)
    assert upstream.requests == []


async def test_what_comes_anyway_may_be_asked_for(claude: Gateways) -> None:
    async with running(whole) as upstream:
        call = permitted_call(tool_choice="auto", parallel_tool_calls=True, response_format={"type": "text"})
        await answered(claude(upstream.address), call, streamed=False)
    assert upstream.requests[0].keys() == {"model", "messages", "max_tokens"}


@both_ways
async def test_what_the_provider_cannot_do_is_refused_by_name(claude: Gateways, streamed: bool) -> None:
    async with running(whole) as upstream:
        call = permitted_call(temperature=0.1, seed=7)
        failed = await failure(claude(upstream.address), call, streamed=streamed)
    assert failed
    assert (failed.failure, failed.param) == (Failure.UNSUPPORTED, "seed")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("asked", "sent"), [({}, 77), ({"max_tokens": 5}, 5), ({"max_completion_tokens": 6, "max_tokens": 5}, 6)]
)
async def test_an_answer_is_always_limited(claude: Gateways, asked: dict[str, int], sent: int) -> None:
    async with running(whole) as upstream:
        gateway = claude(upstream.address, max_output_tokens=77)
        await answered(gateway, permitted_call(response_format={"type": "text"}, **asked), streamed=False)
    assert upstream.requests[0]["max_tokens"] == sent
    assert "tools" not in upstream.requests[0]


async def test_a_conversation_that_the_provider_cannot_have_is_the_caller_s_fault(claude: Gateways) -> None:
    call = permitted_call(messages=[{"role": "system", "content": "Be kind."}])
    async with running(whole) as upstream:
        failed = await failure(claude(upstream.address), call, streamed=False)
    assert failed
    assert failed.failure is Failure.BAD_REQUEST


async def test_an_unknown_provider_is_our_fault(claude: Gateways) -> None:
    failed = await failure(claude("http://127.0.0.1:1", "nonesuch/m"), permitted_call(), streamed=False)
    assert failed
    assert failed.failure is Failure.OUR_FAULT


async def test_unusual_line_separators_in_a_stream_arrive(claude: Gateways) -> None:
    """litellm's reader ends lines at U+2028 and U+0085 too, and would lose what follows."""
    text = "one\u2028two\u0085three"

    def script(wire: Wire, streamed: bool) -> Reply:
        return Reply(headers=EVENTS, pieces=[event.replace(b"Hello ", text.encode()) for event in wire.events()])

    async with running(script) as upstream:
        answer = await answered(claude(upstream.address), permitted_call(), streamed=True)
    assert answer.message["content"] == f"{text}world"
