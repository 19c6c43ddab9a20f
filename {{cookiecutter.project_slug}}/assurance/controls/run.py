"""From the command to its exit status: 0 every control is proven, 1 one is not, 2 nothing could be proven."""

import argparse
import json
import os
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.wording import counted

from assurance.controls.proof import Outcome, Proof, Verdict, prove, run
from assurance.controls.register import REGISTER, Register, read_register
from assurance.stamp import PROJECT, stamp

LATEST = PROJECT / ".local" / "proof" / "latest.json"
MEANING = "This shows that a missing control is noticed, not that the control is sufficient."


def proofs(register: Register, names: Sequence[str], at_once: int) -> Iterator[Proof]:
    """In order of completion. Each test must first pass with its control."""
    present = run([register.controls[name].test for name in names])
    with ThreadPoolExecutor(at_once) as pool:
        begun = [pool.submit(prove, register, name, present[register.controls[name].test]) for name in names]
        for done in as_completed(begun):
            yield done.result()


def table(register: Register, found: Sequence[Proof]) -> str:
    wide = max(len(one.control) for one in found)
    lines = [f"{'control':{wide}}  {'question':13}  verdict     what the test says without it"]
    for one in sorted(found, key=lambda proof: list(register.controls).index(proof.control)):
        question = register.controls[one.control].question
        reason = textwrap.shorten(one.reason, 110, placeholder=" …")
        lines.append(f"{one.control:{wide}}  {question:13}  {one.verdict:10}  {reason}")
    return "\n".join(lines)


def conclusion(found: Sequence[Proof]) -> str:
    count = Counter(one.verdict for one in found)
    fallen = f"; {count[Verdict.SURVIVED]} survived, {count[Verdict.UNPROVEN]} could not be proven"
    proven = count[Verdict.PROVEN]
    return f"Proven: {proven} of {counted(len(found), 'control')}{'' if proven == len(found) else fallen}. {MEANING}"


def write(path: Path, register: Register, found: Sequence[Proof]) -> None:
    content = {
        "about": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "code": stamp("tests", REGISTER.name),
        },
        "meaning": MEANING,
        "passed": all(one.verdict is Verdict.PROVEN for one in found),
        "controls": [{**register.controls[one.control].model_dump(mode="json"), **asdict(one)} for one in found],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(register: Register, name: str) -> int:
    """The attack with the control and without it, in full."""
    control = register.controls[name]
    print(f"{name}: {control.attack}\n\nThe control is in {control.code}; the attack is {control.test}.")
    for title, absent in (("With the control", None), ("Without it", name)):
        _tell(title, run([control.test], absent=absent)[control.test])
    print(f"\n{MEANING}")
    return 0


def _tell(title: str, outcome: Outcome) -> None:
    print(f"\n== {title}: the test {'passes' if outcome.passed else 'fails'} ==")
    print(*outcome.exchanges or ["(nothing was sent by HTTP)"], sep="\n\n")
    if outcome.reason:
        print(f"\nThe test says: {outcome.reason}")


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m assurance.controls", description=__doc__, epilog=MEANING)
    parser.add_argument("--only", action="append", metavar="CONTROL", help="prove this one; may be given again")
    parser.add_argument("--show", metavar="CONTROL", help="show the attack with the control and without it")
    parser.add_argument("--at-once", type=int, default=min(2, os.cpu_count() or 1), help="processes; %(default)s")
    parser.add_argument("--register", type=Path, default=REGISTER, help="another file than controls.yaml")
    parser.add_argument("--output", type=Path, help=f"where the JSON goes; a whole proof also without, to {LATEST}")
    return parser.parse_args(words)


def _check(names: Sequence[str], register: Register) -> None:
    for name in names:
        if name not in register.controls:
            raise ConfigurationError([f"'{name}' is no control; there are {', '.join(register.controls)}"])


def main(words: Sequence[str] | None = None) -> int:
    chosen = _arguments(words)
    try:
        register = read_register(chosen.register)
        names = chosen.only or list(register.controls)
        _check([*names, *filter(None, [chosen.show])], register)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.show:
        return show(register, chosen.show)
    found: list[Proof] = []
    begun = time.monotonic()
    print(f"First with everything in place: the tests of {counted(len(names), 'control')} …", file=sys.stderr)
    for one in proofs(register, names, chosen.at_once):
        found.append(one)
        print(f"{len(found):3} of {len(names)}  {one.control}: {one.verdict}", file=sys.stderr)
    print(table(register, found), "", conclusion(found), f"It took {time.monotonic() - begun:.0f} s.", sep="\n")
    if output := chosen.output or (None if chosen.only else LATEST):
        write(output, register, found)
        print(f"The proof is in {output}.")
    return 0 if all(one.verdict is Verdict.PROVEN for one in found) else 1
