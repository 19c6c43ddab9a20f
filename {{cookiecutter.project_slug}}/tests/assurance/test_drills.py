"""Drills: each alert has one, and one passes only where something broke, was shown, and was mended."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import main as command

from assurance.drills import run, runbook
from assurance.drills.drill import Drill, DrillFailedError
from assurance.drills.pace import alerts, read_rules
from assurance.drills.rehearsal import Outcome, rehearse
from assurance.drills.run import NotDrilledError, check, chosen_ones
from assurance.drills.runbook import commands, shown_by
from assurance.drills.scenes import DRILLS
from assurance.drills.stage import Stage, repeated
from assurance.stamp import PROJECT
from local.stack import Stack
from tests.programs import program

PATIENCE = 6  # seconds; what this alert does, it does in two
ALERTS = alerts(read_rules())


def test_each_alert_has_one_drill() -> None:
    check(DRILLS, ALERTS)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.alert)
def test_each_drill_says_what_its_runbook_shows(drill: Drill) -> None:
    assert drill.shows
    assert commands(PROJECT / ALERTS[drill.alert])


def test_an_alert_without_a_drill_and_a_drill_without_an_alert_are_named() -> None:
    first, *rest = DRILLS
    with pytest.raises(NotDrilledError) as found:
        check([*rest, rest[0], replace(first, alert="Nothing")], ALERTS)
    assert f"{first.alert} has no drill" in str(found.value)
    assert f"{rest[0].alert} has 2 drills" in str(found.value)
    assert "Nothing is drilled, and is no alert" in str(found.value)


def test_one_is_chosen_by_its_alert() -> None:
    assert [drill.alert for drill in chosen_ones(DRILLS, ["CostSpike"])] == ["CostSpike"]
    with pytest.raises(NotDrilledError, match="Nothing is no alert that has a drill; there are "):
        chosen_ones(DRILLS, ["Nothing"])


def test_without_prometheus_a_laptop_is_told_what_to_install_and_a_pipeline_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    assert run.main([]) == 0
    monkeypatch.setenv("CI", "true")
    assert run.main([]) == 2
    assert "Nothing is drilled: prometheus, promtool, bash, curl must be on the PATH" in capsys.readouterr().err


@pytest.mark.parametrize(("only", "written"), [([], True), (["--only", "CostSpike"], False)])
def test_a_part_of_the_drills_is_no_evidence(
    only: list[str], written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rehearsed(drill: Drill, _: Any) -> Outcome:
        return Outcome(drill.alert, drill.name, passed=drill.alert != "CostSpike", notes=["seen"])

    monkeypatch.setattr(run, "rehearse", rehearsed)
    monkeypatch.setattr(run, "look_for_programs", lambda *_: None)
    monkeypatch.setattr(run, "REPORTS", tmp_path)
    monkeypatch.setattr(run, "PROJECT", tmp_path)
    assert run.main(only) == 1
    assert "seen" in (tmp_path / "CostSpike.txt").read_text(encoding="utf-8")
    assert (tmp_path / "latest.json").exists() is written
    if written:
        content = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))
        assert content["passed"] is False
        assert {one["alert"] for one in content["drills"]} == set(ALERTS)


@pytest.mark.parametrize("count", ["0", "-1"])
def test_fewer_than_one_at_once_is_refused(count: str) -> None:
    with pytest.raises(SystemExit):
        run.main(["--at-once", count])


def test_a_cause_that_was_shown_is_told_also_where_the_alert_does_not_clear() -> None:
    outcome = Outcome("CostSpike", "costs", reason="it does not clear", fires_after=1)
    assert "the cause" not in run.row(outcome)
    outcome.explained = True
    assert "the cause" in run.row(outcome)


def test_a_developers_env_file_has_no_part_in_a_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FROM_THE_FILE=1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    none: Any = None
    stage = Stage(tmp_path, Stack("", "", "", 0, ""), none, none, none, 0, none, none)
    for name, value in stage.environment().items():
        monkeypatch.setenv(name, value)
    CliRunner().invoke(command, ["usage", "--help"])
    assert "FROM_THE_FILE" not in os.environ


async def test_the_load_goes_on_where_nobody_answers() -> None:
    errors, over = [aiohttp.ServerDisconnectedError(), TimeoutError()], asyncio.Event()

    async def unanswered() -> None:
        if errors:
            raise errors.pop()
        over.set()

    async with asyncio.timeout(30), repeated(unanswered, seconds=0.1):
        await over.wait()


async def test_any_other_error_of_the_load_ends_the_drill_under_its_own_name() -> None:
    async def broken() -> None:
        raise KeyError("choices")

    with pytest.raises(KeyError, match="choices"):
        async with repeated(broken, seconds=0.1):
            await asyncio.sleep(30)


async def test_what_failed_under_load_is_told_under_its_own_name() -> None:
    async def late() -> None:
        await asyncio.sleep(30)

    with pytest.raises(DrillFailedError, match="it does not fire"):
        async with repeated(late, seconds=0.1), repeated(late, seconds=0.1):
            raise DrillFailedError("it does not fire")


async def test_commands_that_take_too_long_end_with_all_that_they_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runbook, "LONGEST_RUN", 1)
    os.mkfifo(held := tmp_path / "held")
    reading = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    page = tmp_path / "page.md"
    page.write_text(f"## First five minutes\n\n```sh\nsleep 30 > {held}\necho over\n```\n")
    async with asyncio.timeout(20):
        with pytest.raises(DrillFailedError, match=r"the commands of page\.md take longer than 1 s"):
            await shown_by(page, os.environ)
        os.set_blocking(reading, True)
        assert await asyncio.to_thread(os.read, reading, 1) == b""  # nobody holds the other end
    os.close(reading)


async def test_a_command_that_fails_is_told_with_its_status(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## First five minutes\n\nFirst:\n\n```sh\necho $WORD\nfalse\nsh -c 'exit 3' | cat\n```\n")
    shown = await shown_by(page, {**os.environ, "WORD": "here"})
    assert shown.text.startswith("here\n")
    assert [status for _, status in shown.failed] == [1, 3]


@asynccontextmanager
async def nobody_is_let_in(stage: Stage) -> AsyncIterator[None]:
    token, stage.token = stage.token, "none"
    yield
    stage.token = token


@asynccontextmanager
async def nothing_is_broken(_: Stage) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def nothing_is_mended(stage: Stage) -> AsyncIterator[None]:
    stage.token = "none"
    yield


def refused(folder: Path) -> dict[str, Any]:
    """A rule file with an alert of this module's own, which is quick."""
    page = folder / "page.md"
    page.write_text(
        "## First five minutes\n\n```sh\necho always\n"
        """promtool query instant "$PROMETHEUS" 'sum by (app_reason) (app_refusals_total)'\n"""
        "```\n",
        encoding="utf-8",
    )
    expression = "sum by (job) (increase(app_refusals_total[1m])) > 0"
    rule = {"alert": "Refused", "expr": expression, "annotations": {"runbook": str(page)}}
    return {"own.yaml": {"groups": [{"name": "own", "rules": [rule]}]}}


SOUND = Drill("Refused", nobody_is_let_in, ["invalid_token"], pace=30, past=1)
# With `slow`, since each of them has a service and a Prometheus of its own.
UNSOUND = {
    "it does not fire": replace(SOUND, fault=nothing_is_broken),
    "it does not clear": replace(SOUND, fault=nothing_is_mended),
    "the runbook's commands do not show 'spent'": replace(SOUND, shows=["spent"]),
    "the runbook's commands show 'always' before anything is broken": replace(SOUND, shows=["always"]),
}


async def rehearsed(drill: Drill, folder: Path) -> Outcome:
    for name in ("prometheus", "promtool"):
        program(name, package="prometheus")
    return await rehearse(drill, refused(folder), PATIENCE)


async def test_a_drill_passes_and_the_same_without_its_fault_does_not(tmp_path: Path) -> None:
    sound, unsound = await asyncio.gather(
        rehearsed(SOUND, tmp_path), rehearsed(replace(SOUND, fault=nothing_is_broken), tmp_path)
    )
    assert (sound.passed, sound.reason, sound.explained) == (True, "", True)
    assert 0 < (sound.fires_after or 0) < PATIENCE
    assert 'app_reason="invalid_token"' in "".join(sound.notes)
    assert (unsound.passed, unsound.reason) == (False, f"it does not fire within {PATIENCE} s")
    assert "gives now:\nnothing" in "".join(unsound.notes)


@pytest.mark.slow
@pytest.mark.parametrize("reason", UNSOUND)
async def test_a_drill_fails_for_what_is_wrong_with_it(reason: str, tmp_path: Path) -> None:
    outcome = await rehearsed(UNSOUND[reason], tmp_path)
    assert not outcome.passed
    assert outcome.reason.startswith(reason)
