"""What providers may do over time, chosen by hypothesis, and what one request through a chain then looks like."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import strategies as st

from {{ cookiecutter.package_name }}.deadline import Deadline
from {{ cookiecutter.package_name }}.errors import ServiceError
from {{ cookiecutter.package_name }}.gateway import (
    Answer,
    AttemptFailed,
    ChainGateway,
    Chunk,
    Failure,
    PermittedCall,
)

from tests.gateway.calls import ChatsOnly, deployment, permitted_call
from tests.scripted_clock import played
from tests.silence import TELEMETRY

TOLERANCE = 0.5  # seconds; docs/fallback.md promises it
LONGEST_CLOSING = 0.4  # seconds that a gateway may take to let go of a connection; the adapters' tests measure theirs
LONGEST_HEADER = 3600.0
Step = float | Literal["word", "silence"] | Failure


@dataclass(frozen=True)
class Schedule:
    """Its steps (a number: a wait in seconds), and then an end: a finish, none, a silence or words for ever.

    `closing`: the seconds for which it holds on after it was told to let go.
    """

    steps: tuple[Step, ...]
    end: Literal["finish", "none", "hang", "endless"]
    closing: float = 0


@dataclass
class Provider(ChatsOnly):
    name: str
    schedule: Schedule
    started: list[tuple[str, float]]
    ready: bool = True

    async def complete(self, call: PermittedCall) -> Answer:
        async with aclosing(self.stream(call)) as chunks:
            finishes = [chunk.finish_reason async for chunk in chunks]
        if finishes[-1:] != ["stop"]:
            raise AttemptFailed(Failure.NONSENSE)
        return Answer({"role": "assistant", "content": self.name}, "stop", None)

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        self.started.append((self.name, time.monotonic()))
        try:
            for step in self.schedule.steps:
                if isinstance(step, Failure):
                    raise AttemptFailed(step)
                if isinstance(step, str):
                    yield Chunk({"content": self.name} if step == "word" else {})
                else:
                    await asyncio.sleep(step)
            async for chunk in self._end():
                yield chunk
        finally:
            if self.schedule.closing:
                await asyncio.sleep(self.schedule.closing)

    async def _end(self) -> AsyncGenerator[Chunk, None]:
        if self.schedule.end == "hang":
            await asyncio.Event().wait()
        while self.schedule.end == "endless":
            await asyncio.sleep(1)
            yield Chunk({"content": self.name})
        if self.schedule.end == "finish":
            yield Chunk({}, "stop")


@dataclass(frozen=True)
class Request:
    """`header`: X-Request-Timeout-Ms in seconds. `spent`: what is gone of the time when the chain is asked.

    `reading`: the seconds that the caller takes for each piece of a stream.
    """

    schedules: tuple[Schedule, ...]
    streamed: bool
    route_deadline: float
    header: float | None
    first_token: float
    gap: float
    spent: float
    reading: float


@dataclass
class Seen:
    """`free`: when the caller last came back for more, since no timer of ours runs while it reads."""

    order: list[str]
    call: PermittedCall
    started: list[tuple[str, float]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    given: list[float] = field(default_factory=list)
    finish: str | None = None
    error: ServiceError | None = None
    free: float = 0
    ended: float = 0


def seen(request: Request) -> Seen:
    return played(_seen(request))


async def _seen(request: Request) -> Seen:
    names = [f"deployment-{number}" for number, _ in enumerate(request.schedules)]
    arrived = Deadline.after(LONGEST_HEADER)
    call = permitted_call(
        *(deployment(name, openai="m", base_url="http://a/v1") for name in names),
        seconds=request.route_deadline,
        first_token=request.first_token,
        gap=request.gap,
    )
    call.deadline = arrived.no_later_than(request.header or LONGEST_HEADER).no_later_than(call.permit.route.deadline)
    found = Seen(names, call)
    await asyncio.sleep(request.spent)
    found.free = time.monotonic()
    providers = zip(names, request.schedules, strict=True)
    chain = ChainGateway({name: Provider(name, one, found.started) for name, one in providers}, TELEMETRY)
    try:
        await (_read if request.streamed else _wait)(chain, found, request)
    except ServiceError as error:
        found.error = error
    found.ended = time.monotonic()
    return found


async def _wait(chain: ChainGateway, found: Seen, _: Request) -> None:
    answer = await chain.complete(found.call)
    found.words.append(answer.message["content"])
    found.finish = answer.finish_reason


async def _read(chain: ChainGateway, found: Seen, request: Request) -> None:
    async with aclosing(chain.stream(found.call)) as chunks:
        async for chunk in chunks:
            found.given.append(time.monotonic())
            found.words += [chunk.delta["content"]] if chunk.delta else []
            found.finish = chunk.finish_reason or found.finish
            await asyncio.sleep(request.reading)
            found.free = time.monotonic()


# Round numbers meet each other exactly, odd ones fall in between.
waits = st.sampled_from([0.0, 0.001, 1.0, 10.0, 30.0, 60.0]) | st.floats(0, 60)
words: st.SearchStrategy[Step] = st.sampled_from(["word", "silence"])
steps = st.lists(waits | words | st.sampled_from(list(Failure)), max_size=8)
schedules = st.builds(
    Schedule,
    steps.map(tuple),
    st.sampled_from(["finish", "none", "hang", "endless"]),
    st.just(0.0) | st.floats(0, LONGEST_CLOSING),
)
requests = st.builds(
    Request,
    schedules=st.lists(schedules, min_size=1, max_size=4).map(tuple),
    streamed=st.booleans(),
    route_deadline=st.sampled_from([1.0, 60.0]) | st.floats(0.1, 90),
    header=st.none() | st.floats(0.001, 120),
    first_token=st.floats(0.1, 30),
    gap=st.floats(0.1, 30),
    spent=st.just(0.0) | st.floats(0, 90),
    reading=st.just(0.0) | st.floats(0, 20),
)
