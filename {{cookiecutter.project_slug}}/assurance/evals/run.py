"""From the command to its exit status: 0 good enough, 1 below a threshold or clearly worse, 2 nothing was judged."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from {{ cookiecutter.package_name }}.configfile import ConfigurationError, Faults
from {{ cookiecutter.package_name }}.promptfile import read as read_prompt

from assurance.evals.adopt import main as adopt
from assurance.evals.baseline import accept, baseline_of
from assurance.evals.comparison import Comparison
from assurance.evals.exported import export
from assurance.evals.judge import PROMPT, Judge, judge_prompt
from assurance.evals.outcome import About, Run, Verdict, verdict
from assurance.evals.question import Asker, NoReplyError, Question, Reply
from assurance.evals.report import write
from assurance.evals.suite import HERE, Suite, SuiteError, asking, read_suites, without_people
from assurance.evals.table import said_of
from assurance.evals.target import Target, asker_of, own_service
from assurance.stamp import stamp
from local.loopback import NotStartedError
from local.sign_in import SignInError
from local.stack import PROJECT, ServiceEndedError

REPORTS = PROJECT / ".local" / "evals"
AT_ONCE = 4


async def evaluate(
    suites: Sequence[Suite], asker: Asker, judge: Judge | None = None, repeats: int = 1
) -> list[Verdict]:
    async def task(question: Question) -> Reply:
        return replace(await asker(question), judge=judge)

    return [
        verdict(suite, await suite.cases.evaluate(task, progress=False, max_concurrency=AT_ONCE, repeat=repeats))
        for suite in suites
    ]


async def _run(chosen: argparse.Namespace) -> int:
    """With `against`, its model is asked first, and takes the baseline's place."""
    target, suites = _target(chosen), read_suites(chosen.cases)
    if target:
        suites = without_people(suites)
    asked = {chosen.route, chosen.against} - {None}
    plans = [asking(suites, asked, model) for model in (chosen.against, chosen.route) if model] or [suites]
    started = contextlib.nullcontext(target) if target else own_service()
    people = {name for suite in suites for name in suite.people}
    async with started as service, asker_of(service, people) as asker:
        judge = Judge(judge_prompt(), chosen.judge, asker) if any(suite.judged for suite in suites) else None
        runs = [
            Run(
                _about(service.url, chosen.repeats, judge),
                await evaluate(plan, asker, judge, chosen.repeats),
            )
            for plan in plans
        ]
    return _concluded(chosen, runs)


def _about(url: str, repeats: int, judge: Judge | None) -> About:
    """Code and prompts are those of the folder in which this runs: at another address, other ones may answer."""
    return About(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        url=url,
        repeats=repeats,
        judge=f"{judge.model}, prompt {judge.prompt.version} ({judge.prompt.digest[:12]})" if judge else "none",
        code=stamp(),
        prompts=dict(_prompts()),
    )


def _prompts() -> Iterator[tuple[str, str]]:
    for path in sorted((PROJECT / "src").rglob("prompts/*.md")):
        if path != PROMPT and (prompt := read_prompt(path, Faults())):
            yield f"{path.parent.parent.name}/{prompt.name}", f"{prompt.version} ({prompt.digest[:12]})"


def _concluded(chosen: argparse.Namespace, runs: Sequence[Run]) -> int:
    run, comparison = runs[-1], _comparison(chosen, runs)
    folder = chosen.reports / "compared" if chosen.route else chosen.reports
    page = write(folder, run, comparison)
    print(*said_of(run, comparison), f"The report is {page}.", sep="\n")
    export(run)
    if chosen.accept:
        print(f"Accepted as {accept(run, chosen.baselines)}.")
        return 0
    drops = comparison.drops if comparison else []
    for drop in drops:
        print(f"CLEARLY WORSE than {comparison.names[0] if comparison else ''}: {drop.name}")
    return 0 if run.passed and not drops else 1


def _comparison(chosen: argparse.Namespace, runs: Sequence[Run]) -> Comparison | None:
    if len(runs) == 2:
        return Comparison(runs[0], runs[1], (chosen.against, chosen.route))
    before = baseline_of(runs[0], chosen.baselines)
    if before is None:
        print(f"No baseline of {', '.join(runs[0].deployments)} yet; with --accept this run becomes it.")
        return None
    return Comparison(before, runs[0], (f"the baseline of {before.about.at[:10]}", "this run"))


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m assurance.evals", description=__doc__, epilog="`adopt ID` makes a case of shared feedback."
    )
    url, issuer = os.environ.get("EVAL_URL"), os.environ.get("EVAL_ISSUER")
    parser.add_argument("--url", default=url, help="a running service; without it one is started (EVAL_URL)")
    parser.add_argument("--issuer", default=issuer, help="the identity provider of that service (EVAL_ISSUER)")
    parser.add_argument("--route", metavar="MODEL", help="only cases that ask this model of the API, or --against")
    parser.add_argument("--against", metavar="MODEL", help="ask this model the same, and compare the two")
    parser.add_argument("--repeats", type=int, default=1, help="how often each case is asked")
    parser.add_argument("--judge", metavar="MODEL", default="assistant", help="the model that judges answers")
    parser.add_argument("--accept", action="store_true", help="this run becomes the deployment's baseline")
    parser.add_argument("--cases", type=Path, default=HERE / "cases", help="a folder of case files")
    parser.add_argument("--baselines", type=Path, default=HERE / "baselines", help="the folder of baselines")
    parser.add_argument("--reports", type=Path, default=REPORTS, help="where the reports go")
    chosen = parser.parse_args(words)
    if chosen.url and not (chosen.issuer or os.environ.get("EVAL_TOKEN")):
        parser.error("--url wants --issuer (EVAL_ISSUER), or a token in EVAL_TOKEN")
    if chosen.issuer and not chosen.url:
        parser.error("--issuer wants --url (EVAL_URL)")
    if chosen.against and not chosen.route:
        parser.error("--against wants --route: which model is compared with it?")
    if chosen.accept and chosen.route:
        parser.error("--accept wants a run of all cases, without --route")
    if chosen.repeats < 1:
        parser.error("--repeats wants 1 or more")
    return chosen


def _target(chosen: argparse.Namespace) -> Target | None:
    """Secrets come from the environment alone: a command line is for everybody on the machine to read."""
    if not chosen.url:
        return None
    known = {name: os.environ.get(variable) for name, variable in _FROM_ENVIRONMENT.items()}
    return Target(chosen.url, chosen.issuer or "", **{name: value for name, value in known.items() if value})


_FROM_ENVIRONMENT = {"client": "EVAL_CLIENT_ID", "secret": "EVAL_CLIENT_SECRET", "token": "EVAL_TOKEN"}


def main(words: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    try:
        if words[:1] == ["adopt"]:
            return adopt(words[1:])
        return asyncio.run(_run(_arguments(words)))
    except (NotStartedError, ServiceEndedError, SignInError, SuiteError, NoReplyError) as fault:
        print(fault, file=sys.stderr)
        return 2
    except ConfigurationError as fault:
        print(*fault.faults, sep="\n", file=sys.stderr)
        return 2
