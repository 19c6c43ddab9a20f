"""One governed call as span and metrics tell of it."""

from ..gateway import R
from ..telemetry import Metrics, names
from .account import CallAccount
from .ask import Ask


def described(ask: Ask[R], data_class: str) -> dict[str, str]:
    told = {names.ROUTE: ask.route, names.DATA_CLASS: data_class}
    if ask.prompt:
        told |= {names.PROMPT: f"{ask.prompt.name} {ask.prompt.version}", names.PROMPT_DIGEST: ask.prompt.digest}
    return told


def measure(metrics: Metrics, account: CallAccount, outcome: str) -> None:
    usage, deployment = account.counted, account.deployment
    labels = {
        names.ROUTE: account.call.permit.route.name,
        names.DEPLOYMENT: deployment.name if deployment else "none",
        names.OUTCOME: outcome,
    }
    metrics.call_duration.record(account.call.deadline.elapsed(), labels)
    metrics.deadline_left.record(account.call.deadline.remaining(), labels)
    if account.first_chunk is not None:
        metrics.call_first_chunk.record(account.first_chunk, labels)
    for name, cost in account.costs:  # whatever the end: an attempt that timed out may have been paid
        metrics.cost.add((cost or 0) / 1_000_000, {**labels, names.DEPLOYMENT: name})
    if usage is None or deployment is None:
        return
    metrics.tokens.record(usage.input_tokens, {**labels, names.TOKEN_TYPE: "input"})
    metrics.tokens.record(usage.output_tokens, {**labels, names.TOKEN_TYPE: "output"})
