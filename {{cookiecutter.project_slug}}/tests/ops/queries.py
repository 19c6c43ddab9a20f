"""What an expression of PromQL asks for, held against what a running service has."""

import re
from collections.abc import Iterator, Mapping

from {{ cookiecutter.package_name }}.errors import ServiceError, Unavailable
from {{ cookiecutter.package_name }}.gateway import Failure
from {{ cookiecutter.package_name }}.telemetry.metrics import SCORES, SECONDS, SHARES

from assurance.evals.exported import ALL

# A series that ops/objectives.yaml records, or whatever a range, a bracket or an offset follows.
SELECTOR = re.compile(r"\b(slo:[a-z0-9_:]+|[a-zA-Z_]\w*(?=(?:\{[^}]*\})?(?:\[|\)| offset)))(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|group_left) \(([^)]*)\)")
OF_THE_SCRAPE = {"job", "instance"}


def kinds(error: type[ServiceError] = ServiceError) -> set[type[ServiceError]]:
    return {error}.union(*(kinds(kind) for kind in error.__subclasses__()))


CODES = {kind.code for kind in kinds()}
CALLER_S = "caller_deadline_exceeded"

VALUES = {
    "app_check": {"identity", "audit", "routes"},
    "app_evaluator": {ALL},
    "app_reason": {kind.code for kind in kinds() if kind.status < 500 or issubclass(kind, Unavailable)} | {"no_token"},
    "app_outcome": {failure.label for failure in Failure} | CODES | {"answered", "abandoned", CALLER_S},
    "error_type": CODES | {CALLER_S},
    "app_budget": {"user", "tenant"},
    "gen_ai_token_type": {"input", "output"},
    "http_route": {"/v1/.*", "/login", "/callback"},
    "le": {str(bound) for bound in (*SECONDS, *SHARES, *SCORES)},
    "slo": {"availability", "latency", "first_token", "quality", "cost"},
}


def unknown(expression: str, found: Mapping[str, set[str]]) -> Iterator[str]:
    """Metrics, labels and values that the service does not have. `found`: the labels of each metric."""
    selectors = SELECTOR.findall(GROUPING.sub("", expression))
    if not selectors and not expression.startswith("vector("):
        yield f"no metric in {expression}"
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    known = OF_THE_SCRAPE.union(*(found.get(metric, set()) for metric, _ in selectors))
    yield from grouped - {""} - known
    for metric, matchers in selectors:
        if metric not in found:
            yield metric
            continue
        for label, values in MATCHER.findall(matchers):
            if label not in found[metric] | OF_THE_SCRAPE:
                yield f"{label} of {metric}"
            elif values != ".*":
                yield from set(values.split("|")) - VALUES.get(label, set(values.split("|")))
