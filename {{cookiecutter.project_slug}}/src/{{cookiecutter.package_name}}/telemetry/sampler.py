"""Whether a request is traced: a stranger's header must neither hide one nor fill the collector."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

_IDS = RandomIdGenerator()


class OwnSampler(Sampler):
    """Decides by `chosen` as if a request had no parent. Its trace still has the id of the caller's."""

    def __init__(self, chosen: Sampler) -> None:
        self._chosen = chosen

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if get_current_span(parent_context).get_span_context().is_remote:
            parent_context, trace_id = Context(), _IDS.generate_trace_id()  # its id would decide as its flag would
        return self._chosen.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Own({self._chosen.get_description()})"
