"""The report as a page, to be sent around or kept."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from assurance.markup import Child, element, page
from assurance.questions import Question
from assurance.readiness.report import Report, Result, State

STYLE = Path(__file__).with_name("page.css")
SHOWN = 5  # of the steps to take next; the rest stands below
_ASKS = {
    Question.SECURITY: "Who may do what, with which data?",
    Question.INTEGRATION: "Does it stand among real systems?",
    Question.RELIABILITY: "Does it answer well, and still when something fails?",
    Question.OBSERVABILITY: "Do we see quality, cost and time?",
    Question.ADOPTION: "Do people who did not build it use it?",
    Question.GOVERNANCE: "Which model, which data, and who can show it?",
}


def html(report: Report, week: int, name: str) -> str:
    title = f"{name}: may it go live?"
    return page(
        title,
        STYLE,
        element("h1", title),
        element(
            "p",
            f"Of the checks that are due by week {week} of the plan, {report.score(week)}, "
            f"{len(report.next_steps(week))} open. ",
            f"Looked at on {report.at[:10]} at {report.at[11:16]} UTC.",
            class_="lead",
        ),
        element("div", [_score(report, question, week) for question in Question], class_="figures"),
        _next(report.next_steps(week)),
        [_question(report, question, week) for question in Question],
        element("h2", "What this shows"),
        element(
            "p",
            "A check can tell that a question was answered, not that the answer is right. What is waived did not pass: "
            "whoever waived it answers for going on without. Controls are proven by their "
            "absence: that shows that a missing control is noticed, not that it is sufficient. The state of src, "
            "config and assurance is ",
            element("code", report.code[:12]),
            "; evidence about another one counts as none.",
            class_="note",
        ),
    )


def _score(report: Report, question: Question, week: int) -> Element:
    score = report.score(week, question)
    return element(
        "div",
        element("strong", score.share),
        element("span", question.capitalize(), element("br"), str(score)),
        element("meter", str(score), min=0, max=score.due, value=score.passed) if score.due else None,
    )


def _next(steps: list[Result]) -> Child:
    if not steps:
        return [element("h2", "What to do next"), element("p", "Nothing that is due is open.")]
    items = [
        element("li", element("b", one.name), f" (week {one.check.week}): ", _marked(one.check.help))
        for one in steps[:SHOWN]
    ]
    more = element("p", f"And {len(steps) - SHOWN} more, below.") if len(steps) > SHOWN else None
    return [element("h2", "What to do next"), element("ol", items), more]


def _question(report: Report, question: Question, week: int) -> Child:
    results = [one for one in report.results if one.check.question is question]
    return [
        element("h2", question.capitalize()),
        element("p", _ASKS[question], class_="note"),
        [_check(one, due=one.check.week <= week) for one in results],
    ]


def _check(one: Result, *, due: bool) -> Element:
    summary = element(
        "summary",
        element("span", one.state, class_="bad" if due and one.state is State.OPEN else ""),
        element("span", one.name, element("span", one.said, class_="found")),
        element("span", f"week {one.check.week} · {one.check.evidence}"),
    )
    return element("details", summary, element("p", _marked(one.check.help)), class_="" if due else "later")


def _marked(text: str) -> Child:
    """Turns text in backticks into code."""
    return [element("code", part) if number % 2 else part for number, part in enumerate(re.split("`([^`]+)`", text))]
