"""The evaluators, the verdict, and the exit status that a pipeline goes by."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic_evals import Case
from pydantic_evals.evaluators import Evaluator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assurance.evals.evaluators import (
    EVALUATORS,
    AnsweredAs,
    CallsNoTool,
    CallsTool,
    Cites,
    DoesNotSay,
    FitsSchema,
    Grounded,
    Judged,
    Refused,
    Says,
    SaysOneOf,
)
from assurance.evals.outcome import Verdict, conclusion, verdict
from assurance.evals.question import Asker, Call, Document, Question, Reply
from assurance.evals.run import main
from assurance.evals.suite import Cases, Metadata, Suite
from local.loopback import listen, serving
from local.sign_in import service_token
from local.stack import Stack, local_stack
from tests.assurance.written import case, written
from tests.service import Service, Surroundings, running_service

SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
LEAVE = Document(title="Annual leave", text="Employees have 28 days of leave.")
ASKED = Question(ask="How many?", model="assistant", documents=(LEAVE,), json_schema=SCHEMA)
ANSWER = Reply("You have 28 days\u00a0of leave. [Annual leave]", receipt={"data_class": "internal"})
CALL = Reply("", calls=(Call("lookup", '{"order": "4711", "deep": true}'),))
REFUSAL = Reply("Your role may not.", refused="data_class_refused")

ASKED_AS_GRACE = {"model": "assistant", "ask": "Is it?", "person": "grace"}
Judge = Evaluator[Question, Reply, Any]
CONTENT: list[Judge] = [
    Says(["28 DAYS of leave"]),
    SaysOneOf(["30 days", "28 days"]),
    DoesNotSay(["30 days"]),
    Cites("Annual leave"),
    AnsweredAs("internal"),
    Grounded(),
    CallsNoTool(),
]
NOT_CONTENT: list[Judge] = [
    Says(["28 days", "30 days"]),
    SaysOneOf(["30 days", "31 days"]),
    DoesNotSay(["28 days"]),
    Cites("Leave"),
    AnsweredAs("confidential"),
    CallsTool("lookup"),
    FitsSchema(),
    Judged("The answer says that there are 28 days."),
    Refused("data_class_refused"),
]


def name_of(evaluator: Judge) -> str:
    return type(evaluator).__name__


async def judged(reply: Reply, *evaluators: Judge, threshold: float = 1, required: bool = False) -> Verdict:
    async def answer(_: Question) -> Reply:
        return reply

    case = Case(name="only", inputs=ASKED, metadata=Metadata(required=required), evaluators=evaluators)
    suite = Suite("suite", Cases(name="suite", cases=[case]), threshold)
    return verdict(suite, await suite.cases.evaluate(answer, progress=False))


@pytest.mark.parametrize("evaluator", CONTENT, ids=name_of)
async def test_a_good_answer_contents_each_evaluator(evaluator: Judge) -> None:
    assert (await judged(ANSWER, evaluator)).passed


@pytest.mark.parametrize("evaluator", NOT_CONTENT, ids=name_of)
async def test_a_bad_answer_fails_with_what_was_said(evaluator: Judge) -> None:
    found = await judged(ANSWER, evaluator)
    assert not found.passed
    assert "28 days of leave" in found.rows[0].faults[0]


@pytest.mark.parametrize("evaluator", CONTENT, ids=name_of)
async def test_a_refusal_contents_nobody_who_expects_an_answer(evaluator: Judge) -> None:
    assert not (await judged(REFUSAL, evaluator)).passed


async def test_the_expected_refusal_passes_and_another_does_not() -> None:
    assert (await judged(REFUSAL, Refused("data_class_refused"))).passed
    assert not (await judged(REFUSAL, Refused("permission_denied"))).passed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("You have 28 days, or 30.", "numbers that no document has, 30"),
        ("Nobody ever told anybody here about holidays.", "takes 0% of its words"),
    ],
)
async def test_what_no_document_says_is_not_grounded(text: str, says: str) -> None:
    (row,) = (await judged(Reply(text), Grounded())).rows
    assert says in row.faults[0]


@pytest.mark.parametrize("content", [True, False])
async def test_a_tool_is_called_by_name_and_arguments(content: bool) -> None:
    wanted = CallsTool("lookup", {"order": "4711" if content else "4712"})
    assert (await judged(CALL, wanted)).passed is content
    assert not (await judged(CALL, CallsTool("search"))).passed
    (row,) = (await judged(CALL, CallsNoTool())).rows
    assert row.faults == ["CallsNoTool: calls lookup: \"lookup({'order': '4711', 'deep': true})\"".replace("'", '"')]


async def test_json_is_held_against_the_schema_that_was_asked_for() -> None:
    assert (await judged(Reply('{"days": 28}'), FitsSchema())).passed
    (row,) = (await judged(Reply('{"days": "many"}'), FitsSchema())).rows
    assert "'many' is not of type 'integer'" in row.faults[0]


def test_every_evaluator_is_tested() -> None:
    assert {*map(type, NOT_CONTENT), Grounded, CallsNoTool} == set(EVALUATORS)


async def test_the_score_is_the_share_of_content_evaluators() -> None:
    found = await judged(ANSWER, Says(["28"]), Says(["29"]), Cites("Annual leave"), Cites("Nothing"))
    assert found.rows[0].score == 0.5
    assert len(found.rows[0].faults) == 2


async def test_a_required_case_falls_whatever_the_threshold() -> None:
    assert (await judged(ANSWER, Says(["29"]), threshold=0.0)).passed
    assert not (await judged(ANSWER, Says(["29"]), threshold=0.0, required=True)).passed


async def test_a_service_that_fails_passes_nothing() -> None:
    async def broken(_: Question) -> Reply:
        raise TimeoutError("too slow")

    case: Case[Question, Reply, Metadata] = Case(name="only", inputs=ASKED, evaluators=[DoesNotSay(["28"])])
    suite = Suite("suite", Cases(name="suite", cases=[case]), 1)
    found = verdict(suite, await suite.cases.evaluate(broken, progress=False))
    assert not found.passed
    assert "FELL suite/only: TimeoutError: too slow" in list(conclusion([found]))


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with local_stack() as running:
        yield running


@pytest.fixture
async def evaluated(tmp_path: Path, around: Surroundings, stack: Stack) -> AsyncIterator[Service]:
    """A service that trusts the local issuer, which knows the client `eval`."""
    async with running_service(tmp_path, around, oidc_issuer=stack.issuer, oidc_audience=stack.audience) as service:
        yield service


async def command(service: Service, stack: Stack, folder: Path, content: dict[str, Any], *more: str) -> tuple[int, Any]:
    status = await asyncio.to_thread(main, [*options(service, stack, folder, content), *more])
    found = folder / "reports" / ("compared" if "--route" in more else "") / "latest.json"
    return status, json.loads(found.read_text(encoding="utf-8"))


def options(service: Service, stack: Stack, folder: Path, content: dict[str, Any]) -> list[str]:
    cases, _ = written(folder, content)
    given = {
        "--url": service.url,
        "--issuer": stack.issuer,
        "--cases": str(cases),
        "--reports": str(folder / "reports"),
        "--baselines": str(folder / "baselines"),
    }
    return [word for option in given.items() for word in option]


async def test_good_answers_exit_with_zero_and_a_receipt_for_each(
    evaluated: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, latest = await command(evaluated, stack, tmp_path, case("Is it raining?"))
    assert status == 0
    (row,) = latest["verdicts"][0]["rows"]
    assert (row["deployment"], row["data_class"]) == ("first", "internal")
    assert row["cost_usd"] > 0
    said = capsys.readouterr().out
    assert "some/only" in said
    assert "some: passed; 1 of 1 case" in said


async def test_an_answer_that_is_not_good_enough_exits_with_one_and_says_which(
    evaluated: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, latest = await command(evaluated, stack, tmp_path, case(evaluators=[{"Says": ["sunshine"]}]))
    assert status == 1
    assert latest["passed"] is False
    said = capsys.readouterr().out
    assert "FELL some/only: Says: does not say 'sunshine'" in said
    assert "some: NOT passed; 0 of 1 case" in said


async def test_a_refusal_costs_nothing_and_can_be_expected(evaluated: Service, stack: Stack, tmp_path: Path) -> None:
    inputs = {"model": "assistant", "ask": "Is it?", "data_class": "restricted"}
    content = case(inputs=inputs, evaluators=[{"Refused": "data_class_refused"}])
    status, latest = await command(evaluated, stack, tmp_path, content)
    assert status == 0
    (row,) = latest["verdicts"][0]["rows"]
    assert (row["deployment"], row["cost_usd"]) == (None, None)


async def test_a_run_that_cannot_ask_exits_with_two(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVAL_CLIENT_SECRET", "guessed")
    words = ["--url", "http://127.0.0.1:1", "--issuer", stack.issuer, "--reports", str(tmp_path)]
    assert await asyncio.to_thread(main, words) == 2
    assert "invalid_client" in capsys.readouterr().err


async def test_a_token_of_the_environment_takes_the_place_of_the_client_s_credentials(
    evaluated: Service, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = options(evaluated, stack, tmp_path, case("Is it raining?"))
    monkeypatch.setenv("EVAL_TOKEN", await service_token(stack.issuer, "eval", "local-eval-secret"))
    monkeypatch.setenv("EVAL_CLIENT_SECRET", "guessed")
    assert await asyncio.to_thread(main, words) == 0


async def test_cases_of_local_people_are_skipped_by_name_elsewhere(
    evaluated: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = case()
    content["cases"].append({**content["cases"][0], "name": "as_grace", "inputs": ASKED_AS_GRACE})
    status, latest = await command(evaluated, stack, tmp_path, content)
    assert (status, latest["verdicts"][0]["skipped"]) == (0, ["as_grace"])
    assert "1 skipped, as they ask as local people" in capsys.readouterr().out


async def test_each_case_is_asked_as_often_as_wanted(
    evaluated: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, latest = await command(evaluated, stack, tmp_path, case("Is it raining?"), "--repeats", "3")
    assert [row["case"] for row in latest["verdicts"][0]["rows"]] == ["only"] * 3
    assert "yes 3/3" in capsys.readouterr().out


async def test_who_asks_too_fast_is_waited_for() -> None:
    refused = Response(status_code=429, headers={"Retry-After": "0"})
    message = {"choices": [{"message": {"content": "Now."}}], "receipt": {}}
    answers = iter([refused, refused, JSONResponse(message)])

    async def answer(_: Request) -> Response:
        return next(answers)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
    async with serving(app, listen(0, "PORT")) as url, aiohttp.ClientSession() as http:
        assert (await Asker(http, url, {"": "token"})(ASKED)).text == "Now."
