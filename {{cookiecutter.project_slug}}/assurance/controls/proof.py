"""Runs a control's test with and without the control, each time in a process of its own."""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from assurance.controls.absence import PACKAGE
from assurance.controls.register import Register
from assurance.stamp import PROJECT

LONGEST_RUN = 120  # seconds
# Each run needs a process of its own; where there is a fork server, it has done the slow imports already.
_PROCESSES: Any = multiprocessing.get_context(multiprocessing.get_all_start_methods()[-1])
if "forkserver" in multiprocessing.get_all_start_methods():
    _PROCESSES.set_forkserver_preload([f"{PACKAGE}.app", "local.identity_provider", "local.model_server"])


class Verdict(StrEnum):
    PROVEN = "proven"
    SURVIVED = "SURVIVED"  # its test passes without it
    UNPROVEN = "UNPROVEN"  # its test broke instead of failing, or failed for another reason


@dataclass(frozen=True)
class Outcome:
    """The outcome of one test in one run. `broke`: it ended with an error that is no failed assertion."""

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
    verdict, reason = judged(absent[test], absent[register.still_works])
    return Proof(name, verdict, reason, round(time.monotonic() - begun, 1))


def judged(attacked: Outcome, ordinary: Outcome) -> tuple[Verdict, str]:
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
        told, printed = Path(folder, "told.json"), Path(folder, "printed.txt")
        files = sorted({test.partition("::")[0] for test in tests})
        words = ["-p", "assurance.controls.plugin", "-p", "no:cacheprovider", f"--told={told}", *files]
        words += [f"--named={test}" for test in tests]
        process = _PROCESSES.Process(
            target=_pytest, args=([f"--absent={absent}", *words] if absent else words, printed)
        )
        process.start()
        process.join(LONGEST_RUN)
        if process.is_alive():
            process.kill()
            process.join()
            return dict.fromkeys(tests, Outcome(False, True, f"nothing came of it in {LONGEST_RUN} s"))
        reports = json.loads(told.read_text(encoding="utf-8")) if told.exists() else []
        lines = printed.read_text(encoding="utf-8", errors="replace").split("\n") if printed.exists() else []
    return {test: _outcome(test, reports, lines) for test in tests}


def _pytest(words: list[str], printed: Path) -> None:
    """In the new process."""
    with printed.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.chdir(PROJECT)
    sys.exit(pytest.main(words))


def _outcome(test: str, reports: list[dict[str, Any]], printed: list[str]) -> Outcome:
    own = {one["phase"]: one for one in reports if one["test"] == test}
    if "call" not in own:
        last = [line for line in printed if line.strip()][-1:]
        because = own["setup"]["reason"] if own else "there is no test of this name" if reports else " ".join(last)
        return Outcome(False, True, f"it was not run: {because}")
    call = own["call"]
    return Outcome(call["outcome"] == "passed", call["broke"], call["reason"], call["exchanges"])
