"""The report as one HTML page without scripts, to be sent around or kept."""

import re
from collections.abc import Iterator
from html import escape

from assurance.questions import Question
from assurance.readiness.report import Report, Result

_ASKS = {
    Question.SECURITY: "Who may do what, with which data?",
    Question.INTEGRATION: "Does it stand among real systems?",
    Question.RELIABILITY: "Does it answer well, and still when something fails?",
    Question.OBSERVABILITY: "Do we see quality, cost and time?",
    Question.ADOPTION: "Do people who did not build it use it?",
    Question.GOVERNANCE: "Which model, which data, and who can show it?",
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
:root { color-scheme: light dark }
.wide { overflow-x: auto }
.scores { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; padding: 0 }
.scores li { border: 1px solid #c8c8c8; border-radius: 6px; padding: .75rem 1rem; list-style: none }
.scores b { font-size: 1.75rem; display: block }
meter { width: 100%; height: 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #ddd }
td:last-child { overflow-wrap: anywhere }
th { white-space: nowrap }
.OPEN { color: #a00000; font-weight: 600 } .passed { color: #0a6b2d } .waived { color: #7a5200 }
.later { color: #5c5c5c }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #16181b } .scores li, th, td { border-color: #444 } .later { color: #a5a5a5 }
  .OPEN { color: #ff8f8f } .passed { color: #7fd89b } .waived { color: #f0c674 }
}
"""
_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{name}: may it go live?</title>
<style>{style}</style></head><body>
<h1>{name}: may it go live?</h1>
<p>Looked at on {at}, by what is due in week {week} of the plan. The state of src, config and assurance is
<code>{code}</code>; evidence about another one counts as none.</p>
<ul class="scores">"""
_FOOT = """<p>A check can tell that a question was answered, not that the answer is right. Controls are proven by their
absence: that shows that a missing control is noticed, not that it is sufficient.</p></body></html>
"""


def html(report: Report, week: int, name: str) -> str:
    head = _HEAD.format(name=escape(name), style=_STYLE, at=report.at, week=week, code=report.code[:12])
    scores = (_score(report, question, week) for question in Question)
    questions = (line for question in Question for line in _question(report, question, week))
    return "\n".join([head, *scores, "</ul>", *_next(report.next_steps(week)), *questions, _FOOT])


def _score(report: Report, question: Question, week: int) -> str:
    settled, of = report.score(question, week)
    share = f"{settled / of:.0%}" if of else "–"
    bar = f'<meter min="0" max="{of}" value="{settled}">{settled} of {of}</meter>' if of else ""
    count = f"{settled} of {of} that are due" if of else "nothing is due yet"
    return f"<li><b>{share}</b>{question.capitalize()}<br><small>{_ASKS[question]}<br>{count}</small>{bar}</li>"


def _next(steps: list[Result]) -> Iterator[str]:
    yield "<h2>What to do next</h2>"
    if not steps:
        yield "<p>Nothing that is due is open.</p>"
        return
    yield "<ol>"
    for one in steps[:5]:
        yield f"<li><b>{one.name}</b> (week {one.check.week}): {_marked(one.check.help)}</li>"
    yield "</ol>"
    if len(steps) > 5:
        yield f"<p>And {len(steps) - 5} more, below.</p>"


def _question(report: Report, question: Question, week: int) -> Iterator[str]:
    yield f'<h2>{question.capitalize()}</h2><div class="wide"><table>'
    yield "<tr><th>check<th>state<th>week<th>evidence<th>what was found</tr>"
    for one in report.results:
        if one.check.question is question:
            later = ' class="later"' if one.check.week > week else ""
            yield (
                f'<tr{later}><th scope="row">{one.name}<td class="{one.state}">{one.state}<td>{one.check.week}'
                f"<td>{one.check.evidence}<td>{escape(one.said)}</tr>"
            )
    yield "</table></div>"


def _marked(text: str) -> str:
    """What stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
