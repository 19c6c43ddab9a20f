"""One drill from its quiet beginning to the quiet after it."""

import asyncio
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assurance.drills.drill import Drill, DrillFailedError
from assurance.drills.pace import Rules, alerts, expressions, paced_expression
from assurance.drills.runbook import Shown, shown_by
from assurance.drills.stage import Stage, repeated, stage
from assurance.stamp import PROJECT

LONGEST_WAIT = 120  # seconds for an alert to fire, and for it to clear
PROBES_EVERY = 0.5  # seconds


@dataclass
class Outcome:
    """Times in seconds. `explained`: the runbook showed the cause.

    `notes` are for whoever looks into it: what the runbook showed, what the rule sees.
    """

    alert: str
    broken: str
    passed: bool = False
    reason: str = ""
    fires_after: float | None = None
    explained: bool = False
    clears_after: float | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list, repr=False)


async def rehearse(drill: Drill, rules: Mapping[str, Rules], patience: float = LONGEST_WAIT) -> Outcome:
    outcome, begun = Outcome(drill.alert, drill.name), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
        try:
            async with stage(Path(folder), rules, drill.pace) as set_up:
                await _Rehearsal(drill, set_up, rules, patience, outcome).run()
            outcome.passed = True
        except DrillFailedError as failure:
            outcome.reason = str(failure)
        except Exception as fault:  # whatever one stumbles over, the others go on
            outcome.reason = f"the drill itself broke: {type(fault).__name__}: {fault}"
        outcome.notes.append(f"The service's log ends with:\n\n{_end_of(Path(folder, 'service.log'))}")
    outcome.seconds = round(time.monotonic() - begun, 1)
    return outcome


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-10:])


@dataclass
class _Rehearsal:
    drill: Drill
    stage: Stage
    rules: Mapping[str, Rules]
    patience: float
    outcome: Outcome

    async def run(self) -> None:
        """Raises DrillFailedError."""
        async with (
            repeated(lambda: self.drill.visit(self.stage), self.drill.every),
            repeated(self.stage.probe, PROBES_EVERY),
        ):
            await asyncio.sleep(self.drill.past)
            await self._all_is_quiet()
            broken = time.monotonic()
            async with self.drill.fault(self.stage):
                await self._until(firing=True)
                self.outcome.fires_after = round(time.monotonic() - broken, 1)
                await self._the_runbook_shows_it()
                mended = time.monotonic()
            await self._until(firing=False)
            self.outcome.clears_after = round(time.monotonic() - mended, 1)
            await self._it_serves("after it cleared")

    async def _all_is_quiet(self) -> None:
        """What would fire anyway, or be shown anyway, proves nothing."""
        if self.drill.alert in await self.stage.prometheus.firing():
            await self._fail("it fires before anything is broken")
        await self._it_serves("before anything is broken")
        shown = await self._commands()
        if found := [pattern for pattern in self.drill.shows if re.search(pattern, shown.text)]:
            await self._fail(f"the runbook's commands show {found[0]!r} before anything is broken", shown)

    async def _the_runbook_shows_it(self) -> None:
        shown = await self._commands()
        self.outcome.notes.append(f"The runbook's commands show, while it fires:\n\n{shown.text}")
        for command, status in shown.failed:
            if status != 1 or not any(words in command for words in self.drill.findings):
                await self._fail(f"a command of the runbook ends with status {status}: {command}")
        if lost := [pattern for pattern in self.drill.shows if not re.search(pattern, shown.text)]:
            await self._fail(f"the runbook's commands do not show {lost[0]!r}")
        self.outcome.explained = True

    async def _it_serves(self, when: str) -> None:
        """An alert also stays quiet if nothing is measured."""
        if not await self.stage.prometheus.query("up == 1"):
            await self._fail(f"{when} its metrics cannot be fetched")
        answer = await self.stage.ask()
        if "choices" not in answer:
            await self._fail(f"{when} a question is answered by {answer}")

    async def _commands(self) -> Shown:
        page = PROJECT / alerts(self.rules)[self.drill.alert]
        if not page.is_file():
            raise DrillFailedError("its rule names no runbook that is there")
        return await shown_by(page, self.stage.on_call())

    async def _until(self, *, firing: bool) -> None:
        last = time.monotonic() + self.patience
        while time.monotonic() < last:
            if (self.drill.alert in await self.stage.prometheus.firing()) is firing:
                return
            await asyncio.sleep(0.2)
        broken = "does not fire" if firing else "does not clear"
        await self._fail(f"it {broken} within {self.patience:.0f} s")

    async def _fail(self, reason: str, shown: Shown | None = None) -> None:
        """With what the rule sees at this moment."""
        if shown:
            self.outcome.notes.append(f"The runbook's commands showed:\n\n{shown.text}")
        for expression in expressions(self.rules, self.drill.alert):
            asked = paced_expression(expression, self.drill.pace)
            found = [f"{dict(one.labels)} {one.value}" for one in await self.stage.prometheus.query(asked)]
            self.outcome.notes.append("\n".join([asked, "gives now:", *(found or ["nothing"])]))
        raise DrillFailedError(reason)
