"""Tools that a feature offers to the model and runs itself, with the caller's permissions. docs/architecture.md"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from opentelemetry.trace import StatusCode
from pydantic import BaseModel, ValidationError

from ..audit import AuditEvent, Kind
from ..configfile import Faults
from ..deadline import Deadline
from ..errors import AuditUnavailable, DeadlineExceeded, InvalidRequest, ServiceError, UpstreamInvalid
from ..gateway import Message, ToolCall
from ..identity import Permission, Principal
from ..telemetry import names
from .ask import Ask, Completion
from .governed import GovernedGateway, StreamPart
from .policy import Policy
from .rounds import Heard, Rounds

MOST_ROUNDS = 5  # in which tools may be called; one more has to answer in words
MOST_CALLS = 8  # in one round
LONGEST_RESULT = 20_000  # characters
RUN = "execute_tool"  # the operation's name in the GenAI conventions
A = TypeVar("A", bound=BaseModel)
_log = structlog.get_logger()


@dataclass(frozen=True)
class Tool(Generic[A]):
    """`run` is given the ask for its principal, delegation and deadline. `data_class` is that of what it returns.

    It raises ServiceError for what the model shall be told; its message is sent to a provider.
    """

    name: str
    description: str
    arguments: type[A]
    permission: Permission
    data_class: str
    run: Callable[[Ask, A], Awaitable[BaseModel | str]]

    def described(self) -> dict[str, Any]:
        parameters = self.arguments.model_json_schema()
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class _Told:
    """The result of a tool call: `outcome` for the trail, `text` for the model, `data_class` if the tool ran."""

    outcome: str
    text: str
    data_class: str | None = None


class WithTools:
    """Asks the governed gateway in rounds, each with its own permit, budget and records, until there is an answer."""

    def __init__(self, governed: GovernedGateway, policy: Policy, tools: Sequence[Tool[Any]]) -> None:
        self._governed = governed
        self._policy = policy
        self._tools = {tool.name: tool for tool in tools}

    async def complete(self, ask: Ask) -> Completion:
        rounds = self._begin(ask)
        while True:
            done = await self._governed.complete(rounds.ask)
            rounds.receipts.append(done.receipt)
            calls = done.answer.message.get("tool_calls")
            if not calls:
                return Completion(done.answer, rounds.receipt())
            await self._go_on(rounds, done.answer.message.get("content"), calls)

    async def stream(self, ask: Ask) -> AsyncGenerator[StreamPart, None]:
        """The words of every round as they come; of a tool's call nothing."""
        rounds = self._begin(ask)
        while True:
            heard, last = Heard(), None
            async with aclosing(self._governed.stream(rounds.ask)) as parts:
                async for part in parts:
                    heard.add(part.chunk.delta)
                    if part.receipt:
                        last = part
                        rounds.receipts.append(part.receipt)
                    elif part.chunk.delta.get("content"):
                        yield StreamPart(part.chunk, rounds.call_id or part.call_id)
            if last and not heard.calls:
                yield StreamPart(last.chunk, rounds.call_id, rounds.receipt())
                return
            await self._go_on(rounds, heard.text, heard.calls)

    def _begin(self, ask: Ask) -> Rounds:
        if ask.request.tools or ask.request.tool_choice:
            raise InvalidRequest(f"'{ask.request.model}' brings its own tools; leave 'tools' out.", param="tools")
        offered = [tool.described() for tool in self._tools.values() if self._may_run(ask.principal, tool)]
        return Rounds(ask.offering(offered) if offered else ask)

    def _may_run(self, principal: Principal, tool: Tool[Any]) -> bool:
        return tool.permission in principal.permissions and self._policy.may_send(principal, tool.data_class)

    async def _go_on(self, rounds: Rounds, said: str | None, asked: list[dict[str, Any]]) -> None:
        """Runs what the model asks for; the class of the results holds from the next round on."""
        try:
            calls = [ToolCall.model_validate(call) for call in asked]
        except ValidationError:
            calls = []
        if len(rounds.receipts) > MOST_ROUNDS or not 0 < len(calls) <= MOST_CALLS or not all(one.id for one in calls):
            raise UpstreamInvalid("The model calls tools too often, or not as they are called. Ask again.")
        told = [await self._run(rounds, call) for call in calls]
        results = [
            Message(role="tool", tool_call_id=call.id, content=one.text) for call, one in zip(calls, told, strict=True)
        ]
        rounds.go_on(
            [Message(role="assistant", content=said, tool_calls=calls), *results],
            [one.data_class for one in told if one.data_class],
            tools_allowed=len(rounds.receipts) < MOST_ROUNDS,
        )

    async def _run(self, rounds: Rounds, call: ToolCall) -> _Told:
        """Returns when the record of it is durable; it will be even when the caller is gone."""
        begun, told = time.monotonic(), _Told("client_closed", "")
        name = call.function.name if call.function.name in self._tools else "unknown"
        try:
            with self._governed.step(f"{RUN} {name}") as span:
                span.set_attributes({names.OPERATION: RUN, names.TOOL: name})
                told = await self._told(rounds.ask, call)
                span.set_attribute(names.OUTCOME, told.outcome)
                if told.outcome != "answered":
                    span.set_attribute(names.ERROR_TYPE, told.outcome)
                    span.set_status(StatusCode.ERROR, told.outcome)
        except DeadlineExceeded as error:
            told = _Told(error.reason, "")
            raise
        finally:
            written = self._governed.record(self._record(rounds, call, told, time.monotonic() - begun))
        await written
        return told

    async def _told(self, ask: Ask, call: ToolCall) -> _Told:
        tool = self._tools.get(call.function.name)
        if tool is None:
            return _Told("unknown_tool", "There is no such tool.")
        if not self._may_run(ask.principal, tool):
            return _Told("permission_denied", "The person who asks may not use this tool.")
        try:
            arguments = tool.arguments.model_validate_json(call.function.arguments or "{}")
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            return _Told("arguments_invalid", f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}")
        return await self._result(ask, tool, arguments)

    async def _result(self, ask: Ask, tool: Tool[Any], arguments: BaseModel) -> _Told:
        deadline = self._deadline(ask)
        try:
            async with deadline.timeout():
                result = await tool.run(ask, arguments)
        except (AuditUnavailable, DeadlineExceeded):
            raise
        except ServiceError as error:
            return _Told(error.code, error.message, tool.data_class)
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.remaining() <= 0:
                over = f"The request's time is over; the tool '{tool.name}' was running."
                raise DeadlineExceeded(over, by_caller=deadline.by_caller) from None
            _log.exception("tool_failed", tool=tool.name)
            return _Told("failed", "The tool failed; answer without it.", tool.data_class)
        text = result if isinstance(result, str) else result.model_dump_json()
        if len(text) > LONGEST_RESULT:
            return _Told("too_long", "It found too much; ask it for less.", tool.data_class)
        return _Told("answered", text, tool.data_class)

    def _deadline(self, ask: Ask) -> Deadline:
        route = self._policy.catalogue.routes.get(ask.route)
        return ask.deadline.no_later_than(route.deadline) if route else ask.deadline

    def _record(self, rounds: Rounds, call: ToolCall, told: _Told, seconds: float) -> AuditEvent:
        principal, tool = rounds.ask.principal, self._tools.get(call.function.name)
        last = rounds.receipts[-1]
        return AuditEvent(
            Kind.RAN,
            rounds.call_id,
            principal.tenant,
            principal.subject,
            last.trace_id,
            {
                "tool": call.function.name,
                "tool_call": call.id[:64],
                "asked_by": last.audit_id,
                "permission": str(tool.permission) if tool else None,
                "data_class": tool.data_class if tool else None,
                "outcome": told.outcome,
                "latency_ms": round(seconds * 1000),
                "arguments_digest": self._governed.digest([call.function.arguments]),
                "result_digest": self._governed.digest([told.text]) if told.text else None,
            },
        )


def check_tools(tools: Sequence[Tool[Any]], policy: Policy, faults: Faults) -> None:
    for tool in tools:
        if tool.data_class not in policy.classes:
            known = ", ".join(policy.classes)
            faults.add(f"the tool {tool.name}", f"'{tool.data_class}' is no data class; there are {known}")
