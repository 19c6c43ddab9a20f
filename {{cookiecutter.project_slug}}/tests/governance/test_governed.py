"""The life of a call as somebody sees it who looks at the database, at the provider and at the caller at once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, select, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from {{ cookiecutter.package_name }}.audit import verify
from {{ cookiecutter.package_name }}.database import open_engine
from {{ cookiecutter.package_name }}.governance.tables import balances, entries_table

from local.loopback import listen, serving
from tests.service import Service, Surroundings, deployment, running_service

LIMITLESS = {"limits": {}, "budgets": {"user": {"usd_per_day": 1000}}}


class Witness:
    """A provider that looks around, by `look`, in the moment in which it is asked."""

    def __init__(self) -> None:
        self.look: Callable[[], Any] = lambda: None
        self.seen: list[Any] = []
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.json()
        self.seen.append(await asyncio.to_thread(self.look))
        usage = {"prompt_tokens": 3, "completion_tokens": 5}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
            return JSONResponse({"choices": [choice], "usage": usage})
        deltas: list[dict[str, Any]] = [{"delta": {"content": "Hello."}}, {"delta": {}, "finish_reason": "stop"}]
        events = [{"choices": [{"index": 0, **delta}]} for delta in deltas] + [{"choices": [], "usage": usage}]
        lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]
        return StreamingResponse(iter(lines), media_type="text/event-stream")


@pytest.fixture
async def witness() -> AsyncIterator[tuple[Witness, str]]:
    watching = Witness()
    async with serving(watching.app, listen(0, "PORT")) as url:
        yield watching, url


@pytest.fixture
async def witnessed(
    tmp_path: Path, around: Surroundings, database_url: str, witness: tuple[Witness, str]
) -> AsyncIterator[tuple[Service, Witness]]:
    watching, url = witness
    models = {"deployments": {"only": deployment(url)}, "routes": {"assistant": {"try": ["only"], "deadline": "5s"}}}
    changes = {"models": models, "policy": LIMITLESS}
    async with running_service(tmp_path, around, changes=changes, database_url=database_url) as service:
        yield service, watching


@pytest.fixture
async def service(tmp_path: Path, around: Surroundings, database_url: str) -> AsyncIterator[Service]:
    async with running_service(tmp_path, around, changes={"policy": LIMITLESS}, database_url=database_url) as running:
        yield running


def kinds(service: Service) -> list[str]:
    return [record["kind"] for record in service.records() if record["kind"] != "loaded"]


def ledger(service: Service) -> list[Any]:
    with service.engine.connect() as connection:
        return list(connection.execute(select(entries_table)))


def balance(service: Service) -> int:
    with service.engine.connect() as connection:
        return sum(connection.execute(select(balances.c.micro_usd)).scalars())


async def until(condition: Callable[[], Any], seconds: float = 2) -> None:
    """The two seconds in which a caller who left must be noticed everywhere."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it has not happened in time"
        await asyncio.sleep(0.02)


class Lock:
    """Keeps everybody else from writing, from `take` to `release`; in a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = open_engine(engine.url.render_as_string(hide_password=False))
        self._connection = self._engine.execution_options(writes=True).connect()

    def take(self) -> None:
        self._connection.begin()
        if self._engine.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))

    def release(self) -> None:
        self._connection.close()
        self._engine.dispose()


@contextmanager
def broken(engine: Engine) -> Iterator[None]:
    """The trail's table is gone, so that no record can be written."""
    _rename(engine, "audit", "gone")
    try:
        yield
    finally:
        _rename(engine, "gone", "audit")


def _rename(engine: Engine, old: str, new: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_started_is_durable_before_a_byte_goes_to_the_provider(
    witnessed: tuple[Service, Witness], stream: bool
) -> None:
    service, witness = witnessed
    witness.look = lambda: (kinds(service), balance(service) > 0)
    assert (await service.ask(stream=stream)).status_code == 200
    assert witness.seen == [(["started"], True)]
    assert kinds(service) == ["started", "finished"]


async def test_there_is_no_answer_before_finished_is_durable(witnessed: tuple[Service, Witness]) -> None:
    service, witness = witnessed
    lock = Lock(service.engine)
    witness.look = lock.take
    asking = asyncio.create_task(service.ask())
    await until(lambda: witness.seen)
    await asyncio.sleep(0.3)
    assert not asking.done()
    lock.release()
    assert (await asking).status_code == 200
    assert kinds(service) == ["started", "finished"]


async def test_there_is_no_end_of_a_stream_before_finished_is_durable(witnessed: tuple[Service, Witness]) -> None:
    service, witness = witnessed
    lock = Lock(service.engine)
    witness.look = lock.take
    lines: list[str] = []
    asking = asyncio.create_task(read_lines(service, lines))
    await until(lambda: lines)
    await asyncio.sleep(0.3)
    assert "Hello." in lines[0]
    assert not any('"stop"' in line or "DONE" in line for line in lines)
    lock.release()
    await asking
    assert lines[-1] == "data: [DONE]"
    assert kinds(service) == ["started", "finished"]


async def read_lines(service: Service, lines: list[str], **body: Any) -> None:
    async with streaming(service, **body) as response:
        async for line in response.aiter_lines():
            lines += [line] if line else []


def streaming(service: Service, model: str = "assistant") -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": "How many days of leave?"}], "stream": True}
    return service.http.stream("POST", f"{service.url}/v1/chat/completions", json=body, headers=service.headers())


async def test_without_a_trail_nothing_is_asked(witnessed: tuple[Service, Witness]) -> None:
    service, witness = witnessed
    with broken(service.engine):
        for stream in (False, True):
            answer = await service.ask(stream=stream)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "audit_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        ready = await service.http.get(f"{service.url}/readyz")
        assert (ready.status_code, list(ready.json()["waiting_for"])) == (503, ["audit"])
        assert (await service.http.get(f"{service.url}/livez")).status_code == 200
    assert witness.seen == []
    assert balance(service) == 0
    assert (await service.ask()).status_code == 200
    assert verify(service.engine).faults == []


async def test_an_answer_that_cannot_be_recorded_is_not_given(witnessed: tuple[Service, Witness]) -> None:
    service, witness = witnessed
    witness.look = lambda: _rename(service.engine, "audit", "gone")
    answer = await service.ask()
    lines: list[str] = []
    _rename(service.engine, "gone", "audit")
    await read_lines(service, lines)
    _rename(service.engine, "gone", "audit")
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"]["code"] == "audit_unavailable"
    assert "Hello" not in answer.text
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "audit_unavailable"
    assert not any("DONE" in line for line in lines)
    verdict = verify(service.engine)
    assert (verdict.unfinished, verdict.faults) == (2, [])
    assert balance(service) == sum(row.reserved_micro_usd for row in ledger(service))  # what was paid is not forgotten


async def test_receipt_trail_and_ledger_agree(service: Service) -> None:
    receipt = (await service.ask()).json()["receipt"]
    (started,), (finished,) = service.records("started"), service.records("finished")
    (row,) = ledger(service)
    assert started["call_id"] == finished["call_id"] == row.call_id == receipt["audit_id"]
    assert finished["cost_micro_usd"] == row.spent_micro_usd == balance(service) == receipt["cost_usd"] * 1_000_000
    assert started["reserved_micro_usd"] == row.reserved_micro_usd >= row.spent_micro_usd
    assert (finished["input_tokens"], finished["output_tokens"]) == (receipt["input_tokens"], receipt["output_tokens"])
    assert (row.tenant, row.subject, row.deployment) == ("acme", "ada", "first")


async def test_a_caller_who_leaves_a_stream_is_noticed_and_pays_for_what_came(service: Service) -> None:
    await service.upstream.fails_with("endless")
    async with streaming(service) as response:
        lines = response.aiter_lines()
        for _ in range(20):
            await anext(lines)
        assert (await service.upstream.stats())["open"] == 1
    await until(lambda: service.records("finished"))
    await upstream_is_closed(service)
    (finished,), (row,) = service.records("finished"), ledger(service)
    assert (finished["outcome"], finished["deployment"], finished["estimated"]) == ("client_closed", "first", True)
    assert finished["output_tokens"] > 0
    assert 0 < finished["cost_micro_usd"] == row.spent_micro_usd == balance(service)


async def upstream_is_closed(service: Service) -> None:
    end = time.monotonic() + 2
    while (await service.upstream.stats())["open"]:
        assert time.monotonic() < end, "the provider is still answering"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_a_caller_who_leaves_before_the_answer_pays_for_one(service: Service, stream: bool) -> None:
    await service.upstream.fails_with("timeout")
    with pytest.raises(httpx2.ReadTimeout):
        await impatient(service, stream)
    await until(lambda: service.records("finished"))
    await upstream_is_closed(service)
    (finished,) = service.records("finished")
    assert (finished["outcome"], finished["attempts"]) == (
        "client_closed",
        [{"deployment": "first", "outcome": "abandoned"}],
    )
    assert 0 < finished["cost_micro_usd"] == balance(service) < service.records("started")[0]["reserved_micro_usd"]


async def impatient(service: Service, stream: bool) -> None:
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    url = f"{service.url}/v1/chat/completions"
    await service.http.post(url, json=body, headers=service.headers(), timeout=0.3)


async def test_a_deadline_that_passes_while_started_waits_asks_nothing_and_leaves_no_call_open(
    witnessed: tuple[Service, Witness],
) -> None:
    service, witness = witnessed
    lock = Lock(service.engine)
    await asyncio.to_thread(lock.take)
    answer = await service.ask(headers={"X-Request-Timeout-Ms": "200"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    with pytest.raises(httpx2.ReadTimeout):
        await impatient(service, stream=False)
    await asyncio.sleep(0.1)
    lock.release()
    await until(lambda: len(service.records("finished")) == 2)
    assert sorted(one["outcome"] for one in service.records("finished")) == ["client_closed", "deadline_exceeded"]
    assert witness.seen == []
    assert balance(service) == 0


async def test_each_attempt_that_may_be_charged_counts(tmp_path: Path, around: Surroundings) -> None:
    route = {"try": ["first", "second"], "deadline": "2s", "first_token": "1s", "gap": "1s"}
    models = {
        "deployments": {
            "first": deployment(around.upstream.url, max_output_tokens=1000),
            "second": deployment(around.upstream.url, openai="local-small"),
        },
        "routes": {"assistant": route},
    }
    async with running_service(tmp_path, around, changes={"models": models}) as service:
        await service.upstream.fails_with("timeout", model="local-large")
        receipt = (await service.ask("x" * 400)).json()["receipt"]
        assert (receipt["deployment"], receipt["attempts"]) == ("second", 2)
        answered = receipt["input_tokens"] + 2 * receipt["output_tokens"]
        assert receipt["cost_usd"] == pytest.approx((answered + 100 + 2 * 1000) / 1_000_000)
        await service.upstream.fails_with("500", model="local-large")
        receipt = (await service.ask("x" * 400)).json()["receipt"]
        assert receipt["cost_usd"] == pytest.approx(
            (receipt["input_tokens"] + 2 * receipt["output_tokens"]) / 1_000_000
        )


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("fault", ["usage-missing", "usage-text", "usage-negative", "usage-huge"])
async def test_a_count_that_cannot_be_true_is_replaced_by_an_estimate(
    service: Service, fault: str, stream: bool
) -> None:
    await service.upstream.fails_with(fault)
    await service.ask(stream=stream)
    (finished,) = service.records("finished")
    assert finished["estimated"]
    assert 0 < finished["output_tokens"] < 1000
    assert 0 < finished["cost_micro_usd"] == balance(service)


async def test_at_the_edge_of_a_budget_a_hundred_at_once_are_answered_or_refused(
    tmp_path: Path, around: Surroundings, database_url: str
) -> None:
    """A request reserves two times 101 micro-dollars, and costs less than 60."""
    changes = {"policy": {"limits": {}, "budgets": {"user": {"usd_per_day": 0.001}}}}
    async with running_service(tmp_path, around, changes=changes, database_url=database_url) as service:
        answers = await asyncio.gather(*(service.ask("Hi", max_tokens=50) for _ in range(100)))
        refused = [answer for answer in answers if answer.status_code == 402]
        answered = [answer for answer in answers if answer.status_code == 200]
        assert len(refused) + len(answered) == 100
        assert refused
        assert answered
        assert (await service.upstream.stats())["calls"] == len(answered)
        assert sum(row.spent_micro_usd for row in ledger(service)) == balance(service) <= 1000
        error = refused[0].json()["error"]
        assert error["code"] == "budget_exceeded"
        assert "renews" in error["message"]
        assert 0 < int(refused[0].headers["Retry-After"]) <= 86_400
        assert {one["code"] for one in service.records("refused")} == {"budget_exceeded"}
        assert len(service.records("refused")) == len(refused)


async def test_past_a_limit_a_request_is_refused_with_when_to_come_back(tmp_path: Path, around: Surroundings) -> None:
    limits = {"employee": {"requests_per_minute": 2, "tokens_per_minute": 2000}}
    async with running_service(tmp_path, around, changes={"policy": {"limits": limits}}) as service:
        huge = await service.ask("x" * 8000)
        assert huge.status_code == 429, huge.text
        assert (huge.status_code, huge.json()["error"]["code"]) == (429, "rate_limited")
        assert "shorten it" in huge.json()["error"]["message"]
        assert (await service.ask()).status_code == 200
        late = await service.ask()
        assert (late.status_code, late.json()["error"]["code"]) == (429, "rate_limited")
        assert 1 <= int(late.headers["Retry-After"]) <= 60
        assert (await service.upstream.stats())["calls"] == 1
        assert [one["code"] for one in service.records("refused")] == ["rate_limited"] * 2
        assert (await service.ask(who="sam")).status_code == 200


async def test_a_refusal_is_recorded_with_who_what_and_under_which_rules(service: Service) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"X-Data-Class": "restricted", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert (await service.ask("marmalade", headers=headers)).status_code == 403
    (refused,) = service.records("refused")
    assert (refused["tenant"], refused["subject"], refused["trace_id"]) == ("acme", "ada", trace)
    assert (refused["code"], refused["model"], refused["data_class"]) == (
        "data_class_refused",
        "assistant",
        "restricted",
    )
    assert "policy.yaml:" in refused["reason"]
    assert refused["policy_version"] == service.records("loaded")[0]["policy_version"]
    assert "marmalade" not in json.dumps(refused)
