"""The report as a page, to be sent around or kept. Its links to papers work where it lies, in .local/readiness/."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from assurance.markup import Child, element, page
from assurance.questions import Question
from assurance.readiness.report import Report, Result, State

STYLE = Path(__file__).with_name("page.css")
SHOWN = 5  # of the steps to take next; the rest stands below
_LEGEND = (
    "Beside each check: by which week of the plan it is due, and where the answer is looked for. A paper is a "
    "page that people write; proof, evaluation and drill are what `make prove`, `make eval` and `make drill` found."
)
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
        element("p", _marked(_LEGEND), class_="note"),
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
    more = f"And {len(steps) - SHOWN} more, each below with its next step."
    rest = element("p", more) if len(steps) > SHOWN else None
    return [element("h2", "What to do next"), element("ol", items), rest]


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
        element("span", one.name, element("span", _marked(one.said), class_="found")),
        element("span", f"week {one.check.week} · {one.check.evidence}"),
    )
    is_next = due and one.state is State.OPEN
    told = element("p", "Next: " if is_next else None, _marked(one.check.help))
    return element("details", summary, told, class_="" if due else "later", **({"open": "open"} if is_next else {}))


def _marked(text: str) -> Child:
    """Turns text in backticks into code, and the path of a paper into a link to it."""
    return [_part(part) for part in re.split(r"(`[^`]+`|docs/[\w/-]+\.md)", text)]


def _part(text: str) -> Child:
    if text.startswith("docs/") and text.endswith(".md"):
        return element("a", text, href=f"../../{text}")
    return element("code", text[1:-1]) if text.startswith("`") and text.endswith("`") else text
