"""From the command to its exit status: 0 good enough, 1 below a threshold, 2 nothing could be judged."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from assurance.evals.question import Asker
from assurance.evals.report import Verdict, conclusion, table, verdict, write
from assurance.evals.suite import HERE, Suite, SuiteError, read_suites
from assurance.evals.target import Target, asking, own_service
from local.loopback import NotStartedError
from local.sign_in import SignInError
from local.stack import PROJECT, ServiceEndedError

LATEST = PROJECT / ".local" / "evals" / "latest.json"
AT_ONCE = 4


async def judge(suites: Sequence[Suite], asker: Asker) -> list[Verdict]:
    return [
        verdict(suite, await suite.cases.evaluate(asker.__call__, progress=False, max_concurrency=AT_ONCE))
        for suite in suites
    ]


async def _run(target: Target | None, suites: Sequence[Suite], latest: Path) -> int:
    started = contextlib.nullcontext(target) if target else own_service()
    async with started as service, asking(service) as asker:
        verdicts = await judge(suites, asker)
        write(latest, service.url, verdicts)
    print(table(verdicts), "", *conclusion(verdicts), f"The answers are in {latest}.", sep="\n")
    return 0 if all(one.passed for one in verdicts) else 1


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assurance.evals", description=__doc__)
    url, issuer = os.environ.get("EVAL_URL"), os.environ.get("EVAL_ISSUER")
    parser.add_argument("--url", default=url, help="a running service; without it one is started (EVAL_URL)")
    parser.add_argument("--issuer", default=issuer, help="the identity provider of that service (EVAL_ISSUER)")
    parser.add_argument("--cases", type=Path, default=HERE / "cases", help="a folder of case files")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the JSON goes")
    chosen = parser.parse_args(words)
    if bool(chosen.url) != bool(chosen.issuer):
        parser.error("--url and --issuer (EVAL_URL and EVAL_ISSUER) belong together")
    return chosen


def _target(chosen: argparse.Namespace) -> Target | None:
    """The secret comes from the environment alone: a command line is for everybody on the machine to read."""
    if not chosen.url:
        return None
    known = {"client": os.environ.get("EVAL_CLIENT_ID"), "secret": os.environ.get("EVAL_CLIENT_SECRET")}
    return Target(chosen.url, chosen.issuer, **{name: value for name, value in known.items() if value})


def main(words: Sequence[str] | None = None) -> int:
    chosen = _arguments(words)
    try:
        return asyncio.run(_run(_target(chosen), read_suites(chosen.cases), chosen.output))
    except (NotStartedError, ServiceEndedError, SignInError, SuiteError) as fault:
        print(fault, file=sys.stderr)
        return 2
