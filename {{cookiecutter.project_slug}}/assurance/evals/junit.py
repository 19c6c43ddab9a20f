"""The run as JUnit's XML, which every pipeline can show: a test for each case."""

from xml.etree.ElementTree import Element, tostring

from assurance.evals.outcome import Row, Run, Verdict
from assurance.markup import element


def junit(run: Run) -> bytes:
    suites = [_suite(run, one) for one in run.verdicts]
    root = element(
        "testsuites", suites, name="evaluation", tests=_sum(suites, "tests"), failures=_sum(suites, "failures")
    )
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _suite(run: Run, verdict: Verdict) -> Element:
    facts = {"deployments": ", ".join(run.deployments), "code": run.about.code, "threshold": verdict.threshold}
    cases = list(verdict.cases())
    return element(
        "testsuite",
        element("properties", [element("property", name=name, value=value) for name, value in facts.items()]),
        [_case(verdict.suite, name, rows) for name, rows in cases],
        [_skipped(verdict.suite, name) for name in verdict.skipped],
        name=verdict.suite,
        tests=len(cases) + len(verdict.skipped),
        failures=sum(not all(row.passed for row in rows) for _, rows in cases),
        skipped=len(verdict.skipped),
        timestamp=run.about.at,
    )


def _case(suite: str, name: str, rows: list[Row]) -> Element:
    seconds = sum(row.latency_ms or 0 for row in rows) / 1000
    fallen = [row for row in rows if not row.passed]
    failure = None
    if fallen:
        said = "\n".join(dict.fromkeys(fault for row in fallen for fault in row.faults))
        failure = element("failure", said, message=f"{len(fallen)} of {len(rows)} runs fell")
    return element("testcase", failure, classname=suite, name=name, time=f"{seconds:.3f}")


def _skipped(suite: str, name: str) -> Element:
    return element("testcase", element("skipped", message="asks as a local person"), classname=suite, name=name)


def _sum(suites: list[Element], attribute: str) -> int:
    return sum(int(one.attrib[attribute]) for one in suites)
