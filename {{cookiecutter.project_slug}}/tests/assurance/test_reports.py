"""The files that a run leaves: for programs, for pipelines, and for people."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assurance.evals.cases_page import difference
from assurance.evals.comparison import Comparison
from assurance.evals.junit import junit
from assurance.evals.outcome import Verdict
from assurance.evals.page import page
from assurance.evals.report import write
from assurance.markup import element, html
from tests.assurance.written import ABOUT, ROW, run_of
from tests.web.chromium import Page, chromium

HOSTILE = "</p><script>document.title = 'mine'</script><img src=x onerror=alert(1)>\x00\ud800&amp;"
MEASURED = replace(ROW, cost_usd=0.001, latency_ms=120, data_class="internal")
FELL = replace(MEASURED, passed=False, score=0.0, faults=[f"Says: {HOSTILE}"], answer=HOSTILE, required=True)


def test_junit_has_a_test_for_each_case_whatever_was_answered() -> None:
    run = run_of(MEASURED, replace(FELL, case="other"), replace(MEASURED, case="other"))
    suites = ElementTree.fromstring(junit(run))
    (suite,) = suites
    assert [suite.attrib[name] for name in ("tests", "failures", "skipped")] == ["2", "1", "0"]
    good, bad = suite.findall("testcase")
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "1 of 2 runs fell"
    assert "<script>" in (failure.text or "")


def test_junit_names_what_was_skipped() -> None:
    run = replace(run_of(), verdicts=[Verdict("some", 0.5, [MEASURED], ["as_grace"])])
    (suite,) = ElementTree.fromstring(junit(run))
    assert suite.attrib["skipped"] == "1"
    assert [case.attrib["name"] for case in suite.findall("testcase") if case.find("skipped") is not None] == [
        "as_grace"
    ]


def test_a_difference_shows_what_is_gone_and_what_is_new() -> None:
    shown = html(element("p", difference("You have 28 days of leave.", "You have 30 days of leave.")))
    assert "You have <del>28</del><ins>30</ins> days of leave." in shown
    other = html(element("p", difference("You have 28 days of leave.", "No idea")))
    assert "<del>You have 28 days of leave.</del>\n<ins>No idea</ins>" in other


def test_the_json_says_passed_only_where_nothing_dropped(tmp_path: Path) -> None:
    good, bad = (run_of(*(replace(MEASURED, case=str(n), passed=n < most) for n in range(10))) for most in (10, 5))
    write(tmp_path, bad, Comparison(good, bad, ("before", "now")))
    latest = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))
    assert (latest["passed"], latest["drops"]) == (False, ["passed, some"])
    assert (latest["about"]["at"], latest["about"]["code"]) == (ABOUT.at, ABOUT.code)


@pytest.fixture
async def browser() -> AsyncIterator[Page]:
    async with chromium() as opened:
        yield opened


async def test_the_page_stands_alone_and_runs_nothing(tmp_path: Path, browser: Page) -> None:
    before, after = run_of(MEASURED, replace(MEASURED, case="other")), run_of(FELL, replace(MEASURED, case="other"))
    content = page(after, Comparison(before, after, ("the baseline", "this run")))
    assert "src=" not in content.replace("&lt;img src=x", "")
    assert "url(" not in content
    file = tmp_path / "report.html"
    file.write_text(content, encoding="utf-8")
    await browser.open(file.as_uri())
    assert await browser.until("document.title") == "Evaluation: not passed"
    assert await browser.does("document.querySelectorAll('script, img, link, iframe').length") == 0
    assert "document.title = 'mine'" in await browser.does("document.body.innerText")
    assert await browser.does("document.querySelectorAll('svg').length") >= 4
    assert await browser.does("document.querySelectorAll('details[open]').length") == 1
    assert await browser.does("document.querySelector('ins, del') !== null")
    assert browser.complaints == []


@pytest.mark.parametrize("width", [360, 1100])
async def test_the_page_fits_a_phone_and_a_screen(tmp_path: Path, browser: Page, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(run_of(FELL, MEASURED), None), encoding="utf-8")
    await browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
    )
    await browser.open(file.as_uri())
    await browser.until("document.title")
    assert await browser.does("document.documentElement.scrollWidth <= innerWidth")
