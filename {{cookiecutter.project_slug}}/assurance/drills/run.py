"""From the command to its exit status: 0 every drill passed, 1 one did not, 2 nothing could be drilled.

Without Prometheus nothing is drilled either, which is 2 where CI is set and 0 on a laptop.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from assurance.drills.drill import Drill
from assurance.drills.pace import Rules, alerts, decide, read_rules
from assurance.drills.prometheus import ProgramMissingError, look_for_programs
from assurance.drills.rehearsal import Outcome, rehearse
from assurance.drills.scenes import DRILLS
from assurance.stamp import PROJECT, stamp

REPORTS = PROJECT / ".local" / "drills"
ROW = "{:27}{:>12}  {:14}{:>13}{:>9}"
HEADING = ROW.format("alert", "fires after", "runbook shows", "clears after", "whole")


class NotDrilledError(Exception):
    """Why nothing can be drilled, in a line for each fault."""


def check(drills: Collection[Drill], known: Collection[str]) -> None:
    """Raises NotDrilledError unless each alert has exactly one drill."""
    count = Counter(drill.alert for drill in drills)
    faults = [f"{name} has no drill: write one in assurance/drills/scenes" for name in known if not count[name]]
    faults += [f"{name} is drilled, and is no alert of ops/" for name in count if name not in known]
    faults += [f"{name} has {times} drills" for name, times in count.items() if times > 1]
    if faults:
        raise NotDrilledError("\n".join(faults))


def chosen_ones(drills: Sequence[Drill], names: Sequence[str]) -> Sequence[Drill]:
    known = {drill.alert: drill for drill in drills}
    if unknown := [name for name in names if name not in known]:
        raise NotDrilledError(f"{unknown[0]} is no alert that has a drill; there are {', '.join(known)}")
    return [known[name] for name in names] or drills


async def rehearsals(drills: Sequence[Drill], rules: Mapping[str, Rules], at_once: int) -> AsyncIterator[Outcome]:
    """In order of completion."""
    room = asyncio.Semaphore(at_once)

    async def one(drill: Drill) -> Outcome:
        async with room:
            return await rehearse(drill, rules)

    under_way = [asyncio.create_task(one(drill)) for drill in drills]  # which takes the order as it is
    for ended in asyncio.as_completed(under_way):
        yield await ended


async def _rehearse(drills: Sequence[Drill], rules: Mapping[str, Rules], at_once: int) -> list[Outcome]:
    found = []
    print(HEADING, flush=True)
    async for one in rehearsals(drills, rules, at_once):
        found.append(one)
        print(row(one), flush=True)
        note(REPORTS / f"{one.alert}.txt", one)
    return found


def row(one: Outcome) -> str:
    seen = "the cause" if one.explained else "-"
    line = ROW.format(one.alert, _seconds(one.fires_after), seen, _seconds(one.clears_after), _seconds(one.seconds))
    return line if one.passed else f"{line}\n    FAILED: {one.reason}\n    What was seen is in {_note(one)}."


def _note(one: Outcome) -> Path:
    return (REPORTS / f"{one.alert}.txt").relative_to(PROJECT)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def note(path: Path, one: Outcome) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    said = [f"{one.alert}: {one.broken.replace('_', ' ')}", one.reason or "It fired, was explained, and cleared."]
    path.write_text("\n\n".join([*said, *one.notes]) + "\n", encoding="utf-8")


def write(path: Path, rules: Mapping[str, Rules], found: Sequence[Outcome]) -> None:
    rows = [{name: value for name, value in asdict(one).items() if name != "notes"} for one in found]
    content = {
        "about": {"at": datetime.now(UTC).isoformat(timespec="seconds"), "code": stamp(*decide(rules))},
        "passed": all(one.passed for one in found),
        "drills": sorted(rows, key=lambda one: str(one["alert"])),
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assurance.drills", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="ALERT", help="drill this one; may be repeated")
    counts = range(1, len(DRILLS) + 1)
    told = "drills; they mostly wait; %(default)s"
    parser.add_argument("--at-once", type=int, default=4, choices=counts, metavar="COUNT", help=told)
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    chosen, rules = _arguments(words), read_rules()
    try:
        check(DRILLS, alerts(rules))
        drills = chosen_ones(DRILLS, chosen.only)
        look_for_programs("bash", "curl")
    except NotDrilledError as fault:
        print(fault, file=sys.stderr)
        return 2
    except ProgramMissingError as missing:
        print(f"Nothing is drilled: {missing}", file=sys.stderr)
        return 2 if os.environ.get("CI") else 0
    found = asyncio.run(_rehearse(drills, rules, chosen.at_once))
    passed = sum(one.passed for one in found)
    print(f"{passed} of {len(found)} alerts fired, were explained by their runbooks and cleared.")
    if not chosen.only:
        write(REPORTS / "latest.json", rules, found)
        print(f"The evidence is in {(REPORTS / 'latest.json').relative_to(PROJECT)}.")
    return 0 if passed == len(found) else 1
