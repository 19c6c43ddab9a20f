"""Runs a control's test with and without the control, each time in a process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from assurance.controls.register import Register
from assurance.stamp import PROJECT

PLUGIN = "assurance.controls.plugin"
LONGEST_RUN = 120  # seconds


class Verdict(StrEnum):
    PROVEN = "proven"
    SURVIVED = "SURVIVED"  # its test passes without it
    UNPROVEN = "UNPROVEN"  # its test did not fail of its own will, or not for lack of the control


@dataclass(frozen=True)
class Outcome:
    """Of one test in one run. `broke`: not by an assertion."""

    passed: bool
    broke: bool
    reason: str
    exchanges: list[str] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Proof:
    control: str
    verdict: Verdict
    reason: str
    seconds: float


def prove(register: Register, name: str, present: Outcome) -> Proof:
    """`present`: what its test did with the control in place."""
    begun = time.monotonic()
    test = register.controls[name].test
    if not present.passed:
        return Proof(name, Verdict.UNPROVEN, f"its test fails with the control too: {present.reason}", 0.0)
    absent = run([test, register.still_works], absent=name)
    verdict, reason = _judged(absent[test], absent[register.still_works])
    return Proof(name, verdict, reason, round(time.monotonic() - begun, 1))


def _judged(attacked: Outcome, ordinary: Outcome) -> tuple[Verdict, str]:
    if attacked.passed:
        return Verdict.SURVIVED, "its test passes without it, and would not notice if it went missing"
    if attacked.broke:
        return Verdict.UNPROVEN, f"its test breaks instead of failing: {attacked.reason}"
    if not ordinary.passed:
        return Verdict.UNPROVEN, f"without it nothing works, so that its test proves nothing: {ordinary.reason}"
    return Verdict.PROVEN, attacked.reason


def run(tests: Sequence[str], absent: str | None = None) -> dict[str, Outcome]:
    """One outcome for each test, also where it could not be run."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told.json")
        command = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", f"--told={told}"]
        options = [f"--absent={absent}"] if absent else []
        try:
            done = subprocess.run(
                [*command, *options, *tests], cwd=PROJECT, capture_output=True, text=True, timeout=LONGEST_RUN
            )
        except subprocess.TimeoutExpired:
            return dict.fromkeys(tests, Outcome(False, True, f"nothing came of it in {LONGEST_RUN} s"))
        reports = json.loads(told.read_text(encoding="utf-8")) if told.exists() else []
    return {test: _outcome(test, reports, done.stdout + done.stderr) for test in tests}


def _outcome(test: str, reports: list[dict[str, Any]], printed: str) -> Outcome:
    own = {one["phase"]: one for one in reports if one["test"] == test}
    if "call" not in own:
        setup = own.get("setup", {})
        lines = [line for line in printed.splitlines() if line.strip()]
        return Outcome(False, True, f"it was not run: {setup.get('reason') or ' '.join(lines[-1:])}")
    call = own["call"]
    return Outcome(call["outcome"] == "passed", call["broke"], call["reason"], call["exchanges"])
