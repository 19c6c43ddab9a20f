"""From the command to its exit status: 1 where the environment demands what is open, 2 where the plan is faulty."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dotenv import load_dotenv

from {{ cookiecutter.package_name }} import NAME
from {{ cookiecutter.package_name }}.configfile import ConfigurationError

from assurance.readiness.checks import read_checks
from assurance.readiness.page import html
from assurance.readiness.plan import WEEKS, Plan, read_plan
from assurance.readiness.project import Project
from assurance.readiness.report import Report, as_json, conclusion, judge, table
from assurance.stamp import PROJECT, stamp


def report_on(project: Project, plan: Plan) -> Report:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    results = list(judge(project, plan, read_checks()))
    return Report(at, stamp(project=project.root), plan.week(project.today), results)


def write(folder: Path, report: Report, week: int, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(as_json(report, week), indent=2, ensure_ascii=False)
    (folder / "latest.json").write_text(content + "\n", encoding="utf-8")
    (folder / "report.html").write_text(html(report, week, name), encoding="utf-8")


def _explain(name: str) -> int:
    checks = read_checks()
    if name not in checks:
        print(f"'{name}' is no check; there are {', '.join(checks)}", file=sys.stderr)
        return 2
    check, _ = checks[name]
    print(f"{name}: {check.question}, week {check.week}, settled by the {check.settled_by}", check.help, sep="\n\n")
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assurance.readiness", description=__doc__)
    parser.add_argument("--week", type=int, choices=range(1, WEEKS + 1), help="what is due by then; default: this week")
    parser.add_argument("--all", action="store_const", const=WEEKS, dest="week", help="what is due by the last week")
    parser.add_argument("--url", default=os.environ.get("READY_URL"), help="a running service (READY_URL)")
    parser.add_argument("--told", type=Path, help="a folder with what that service's own commands printed")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--explain", metavar="CHECK", help="what a check is about, and how to settle it")
    parser.add_argument("--project", type=Path, default=PROJECT, help="another folder than this project's")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    chosen = _arguments(words)
    if chosen.explain:
        return _explain(chosen.explain)
    load_dotenv(chosen.project / ".env")
    project = Project(chosen.project, chosen.url, told=chosen.told)
    environment = os.environ.get("ENVIRONMENT", "local")
    try:
        plan = read_plan(project)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    report = report_on(project, plan)
    demanded = plan.demands.get(environment)
    week = chosen.week or demanded or report.week
    folder = project.root / ".local" / "readiness"
    write(folder, report, week, NAME)
    if chosen.json:
        print(json.dumps(as_json(report, week), indent=2, ensure_ascii=False))
    else:
        print(table(report, week), "", *conclusion(report, week), f"The page is {folder / 'report.html'}.", sep="\n")
    return int(demanded is not None and bool(report.next_steps(demanded)))
