"""No call ever reaches a deployment outside its class, whatever fails on the way: through all that governs a call."""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from string import Template

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import ContentDigests, Trail
from {{ cookiecutter.package_name }}.database import Writer, open_engine, running
from {{ cookiecutter.package_name }}.deadline import Deadline
from {{ cookiecutter.package_name }}.errors import DataClassRefused, ServiceError, Stopped
from {{ cookiecutter.package_name }}.gateway import (
    Answer,
    AttemptFailed,
    ChainGateway,
    ChatRequest,
    Chunk,
    EmbeddingRequest,
    Failure,
    Message,
    PermittedCall,
    ScriptedGateway,
)
from {{ cookiecutter.package_name }}.governance import (
    Ask,
    GovernedGateway,
    Ledger,
    Policy,
    Switches,
    Tool,
    WithTools,
    open_limits,
    open_redactor,
)
from {{ cookiecutter.package_name }}.identity import Permission
from {{ cookiecutter.package_name }}.promptfile import Prompt

from tests.governance.policies import compiled, who, yaml_text
from tests.governance.situations import Situation, lawful, situations
from tests.silence import METRICS, TELEMETRY
from tests.tables import make_tables

PROMPT = Prompt("test", "1", "digest", Template("$documents"))
# What a deployment does, by its place in the list; only some failures fall back to the next one.
REPLY = st.sampled_from(["an answer", *(AttemptFailed(one) for one in Failure)])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        opened = open_engine(f"sqlite:///{folder}/service.db")
        make_tables(opened)
        yield opened
        opened.dispose()


@asynccontextmanager
async def governed(
    engine: Engine, policy: Policy, gateways: dict[str, ScriptedGateway], situation: Situation
) -> AsyncIterator[GovernedGateway]:
    trail, ledger, switches = Trail(), Ledger(METRICS), Switches(engine)
    switches.stopped = situation.stopped
    chain = ChainGateway(gateways, TELEMETRY)
    digests = ContentDigests("a secret")
    async with running(Writer(engine, [ledger, trail], METRICS)) as writer:
        yield GovernedGateway(
            policy, switches, open_limits(None), open_redactor({}), digests, ledger, trail, writer, chain, TELEMETRY
        )


def asked(situation: Situation) -> Ask:
    """As the caller sends it, and as a feature hands it on."""
    request = ChatRequest(model="assistant", messages=[Message(role="user", content="Hello")])
    caller = who(*situation.roles, permissions=[Permission.ASK])
    direct = Ask(caller, request, "assistant", frozenset([situation.declared]), Deadline.after(60))
    return direct.via("assistant", messages=request.messages, added=situation.added, prompt=PROMPT)


async def completed(gateway: GovernedGateway | WithTools, ask: Ask) -> None:
    await gateway.complete(ask)


async def streamed(gateway: GovernedGateway | WithTools, ask: Ask) -> None:
    async with aclosing(gateway.stream(ask)) as parts:
        async for _ in parts:
            pass


async def embedded(gateway: GovernedGateway, ask: Ask) -> None:
    request = EmbeddingRequest(model="assistant", input=["Hello"])
    await gateway.embed(Ask(ask.principal, request, ask.route, ask.data_classes, ask.deadline))


WAYS = [completed, streamed, embedded]  # an evaluation's judge is a client, and comes by the first one


@settings(max_examples=150, deadline=None)
@given(situations(), st.lists(REPLY, min_size=5, max_size=5), st.sampled_from(WAYS))
async def test_a_call_reaches_what_its_class_allows_in_order_and_nothing_else(
    engine: Engine,
    situation: Situation,
    replies: list[str | AttemptFailed],
    asks: Callable[[GovernedGateway, Ask], Awaitable[None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        policy = compiled(Path(folder), yaml_text(situation.models), yaml_text(situation.policy))
    gateways = {name: ScriptedGateway(replies[place]) for place, name in enumerate(situation.models["deployments"])}
    allowed = lawful(situation)
    refused: ServiceError | None = None
    async with governed(engine, policy, gateways, situation) as gateway:
        try:
            await asks(gateway, asked(situation))
        except ServiceError as error:
            refused = error
    reached = {name for name, one in gateways.items() if one.calls}
    expected = reachable(allowed, {name: replies[place] for place, name in enumerate(gateways)})
    assert reached == set(expected)
    assert all(call.permit.data_class == situation.data_class for one in gateways.values() for call in one.calls)
    assert isinstance(refused, DataClassRefused | Stopped) == (not allowed)


def reachable(allowed: list[str], replies: dict[str, str | AttemptFailed]) -> list[str]:
    """As far as the failures lead."""
    for place, name in enumerate(allowed):
        reply = replies[name]
        if not isinstance(reply, AttemptFailed) or not reply.failure.falls_back:
            return allowed[: place + 1]
    return allowed


CALLED = {"id": "t1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


def told(call: PermittedCall) -> bool:
    return any(message.role == "tool" for message in call.request.messages)


class CallsATool(ScriptedGateway):
    """Until it is told what the tool found, where one is offered."""

    async def complete(self, call: PermittedCall) -> Answer:
        answer = await super().complete(call)
        if not call.request.tools or told(call):
            return answer
        return Answer({"role": "assistant", "content": None, "tool_calls": [CALLED]}, "tool_calls", answer.usage)

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        answer = await self.complete(call)
        yield Chunk({name: part for name, part in answer.message.items() if part})
        yield Chunk({}, answer.finish_reason, answer.usage)


class Nothing(BaseModel):
    pass


async def look_up(_: Ask, __: Nothing) -> str:
    return "what the tool found"


def trusted(situation: Situation) -> Situation:
    """The caller may send every class and asks for the lowest, or hardly any example has a tool that raises it."""
    classes = list(situation.policy["data_classes"])
    policy = {**situation.policy, "ceilings": {"employee": classes[-1]}}
    return replace(situation, roles=["employee"], policy=policy, declared=classes[0], added=frozenset(), stopped={})


@settings(max_examples=150, deadline=None)
@given(situations().map(trusted), st.integers(0, 3), st.booleans())
async def test_what_a_tool_found_reaches_no_deployment_outside_its_class(
    engine: Engine, situation: Situation, rank: int, in_a_stream: bool
) -> None:
    data_class = list(situation.policy["data_classes"])[: rank + 1][-1]
    with tempfile.TemporaryDirectory() as folder:
        policy = compiled(Path(folder), yaml_text(situation.models), yaml_text(situation.policy))
    gateways: dict[str, ScriptedGateway] = {name: CallsATool("an answer") for name in situation.models["deployments"]}
    async with governed(engine, policy, gateways, situation) as gateway:
        tool = Tool("look_up", "Finds something.", Nothing, Permission.ASK, data_class, look_up)
        model = WithTools(gateway, policy, [tool])
        with suppress(ServiceError):
            await (streamed if in_a_stream else completed)(model, asked(situation))
    before = lawful(situation)[:1]
    after = lawful(replace(situation, added=situation.added | {data_class}))[:1] if before else []
    assert [name for name, one in gateways.items() if not all(map(told, one.calls))] == before
    assert [name for name, one in gateways.items() if any(map(told, one.calls))] == after


@given(situations())
def test_a_feature_raises_a_class_and_never_lowers_it(situation: Situation) -> None:
    ask = asked(situation)
    assert situation.declared in ask.data_classes
    assert ask.data_classes >= situation.added
    twice = ask.via("assistant", messages=ask.request.messages, added=[], prompt=PROMPT)
    assert twice.data_classes == ask.data_classes
