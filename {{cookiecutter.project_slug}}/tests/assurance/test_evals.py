"""The evaluators, the verdict, and the exit status that a pipeline goes by."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_evals import Case
from pydantic_evals.evaluators import Evaluator

from assurance.evals.evaluators import EVALUATORS, AnsweredAs, Cites, DoesNotSay, Refused, Says, SaysOneOf
from assurance.evals.question import Question, Reply
from assurance.evals.report import Verdict, conclusion, verdict
from assurance.evals.run import main
from assurance.evals.suite import Cases, Metadata, Suite
from local.stack import Stack, local_stack
from tests.assurance.written import case, written
from tests.service import Service, Surroundings, running_service

ASKED = Question(ask="How many?", model="assistant")
ANSWER = Reply("You have 28 days\u00a0of leave. [Annual leave]", receipt={"data_class": "internal"})
REFUSAL = Reply("Your role may not.", refused="data_class_refused")

Judge = Evaluator[Question, Reply, Any]
CONTENT: list[Judge] = [
    Says(["28 DAYS of leave"]),
    SaysOneOf(["30 days", "28 days"]),
    DoesNotSay(["30 days"]),
    Cites("Annual leave"),
    AnsweredAs("internal"),
]
NOT_CONTENT: list[Judge] = [
    Says(["28 days", "30 days"]),
    SaysOneOf(["30 days", "31 days"]),
    DoesNotSay(["28 days"]),
    Cites("Leave"),
    AnsweredAs("confidential"),
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


def test_every_evaluator_is_tested() -> None:
    assert {*map(type, NOT_CONTENT)} == set(EVALUATORS)


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


async def command(service: Service, stack: Stack, folder: Path, content: dict[str, Any]) -> tuple[int, Any]:
    cases, _ = written(folder, content)
    latest = folder / "latest.json"
    options = {"--url": service.url, "--issuer": stack.issuer, "--cases": str(cases), "--output": str(latest)}
    status = await asyncio.to_thread(main, [word for option in options.items() for word in option])
    return status, json.loads(latest.read_text(encoding="utf-8"))


async def test_good_answers_exit_with_zero_and_a_receipt_for_each(
    evaluated: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, latest = await command(evaluated, stack, tmp_path, case("Is it raining?"))
    assert status == 0
    (row,) = latest["suites"][0]["rows"]
    assert (row["deployment"], row["data_class"]) == ("first", "internal")
    assert row["cost_usd"] > 0
    said = capsys.readouterr().out
    assert "some/only" in said
    assert "some: passed; 1 of 1 cases" in said


async def test_an_answer_that_is_not_good_enough_exits_with_one_and_says_which(
    evaluated: Service, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, latest = await command(evaluated, stack, tmp_path, case(evaluators=[{"Says": ["sunshine"]}]))
    assert status == 1
    assert latest["passed"] is False
    said = capsys.readouterr().out
    assert "FELL some/only: Says: does not say 'sunshine'" in said
    assert "some: NOT passed; 0 of 1 cases" in said


async def test_a_refusal_costs_nothing_and_can_be_expected(evaluated: Service, stack: Stack, tmp_path: Path) -> None:
    inputs = {"model": "assistant", "ask": "Is it?", "data_class": "restricted"}
    content = case(inputs=inputs, evaluators=[{"Refused": "data_class_refused"}])
    status, latest = await command(evaluated, stack, tmp_path, content)
    assert status == 0
    (row,) = latest["suites"][0]["rows"]
    assert (row["deployment"], row["cost_usd"]) == (None, None)


async def test_a_run_that_cannot_ask_exits_with_two(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVAL_CLIENT_SECRET", "guessed")
    words = ["--url", "http://127.0.0.1:1", "--issuer", stack.issuer, "--output", str(tmp_path / "latest.json")]
    assert await asyncio.to_thread(main, words) == 2
    assert "invalid_client" in capsys.readouterr().err
