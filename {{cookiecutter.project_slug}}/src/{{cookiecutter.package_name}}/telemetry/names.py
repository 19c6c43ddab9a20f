"""Every name that a span, a metric, a dashboard or an alert uses; docs/adr/T008 tells which conventions."""

SCOPE = "groundwork"

# OpenTelemetry's GenAI conventions as of semantic-conventions v1.41.0.
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
ERROR_TYPE = "error.type"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 # the name of an attribute, not a secret

HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"
URL_SCHEME = "url.scheme"

# Ours: no convention has a word for them.
DEPLOYMENT = "app.deployment"
ROUTE = "app.route"
REGION = "app.region"
DATA_CLASS = "app.data_class"
OUTCOME = "app.outcome"
REASON = "app.reason"
REQUEST_ID = "app.request_id"
PROMPT = "app.prompt"
PROMPT_DIGEST = "app.prompt.digest"
BUDGET = "app.budget"

METRIC_HTTP_DURATION = "http.server.request.duration"
METRIC_ATTEMPT_DURATION = "gen_ai.client.operation.duration"
METRIC_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
METRIC_TOKENS = "gen_ai.client.token.usage"  # the name of a metric, not a secret
METRIC_CALL_DURATION = "app.call.duration"
METRIC_CALL_FIRST_CHUNK = "app.call.first_chunk"
METRIC_COST = "app.call.cost"
METRIC_DEADLINE_LEFT = "app.deadline.left"
METRIC_FALLBACKS = "app.fallbacks"
METRIC_BREAKER_OPEN = "app.breaker.open"
METRIC_BUDGET_LEFT = "app.budget.left"
METRIC_FEEDBACK = "app.feedback.score"
METRIC_REFUSALS = "app.refusals"
METRIC_ISSUER_FAILURES = "app.issuer.failures"
METRIC_COMMIT_DURATION = "app.audit.commit.duration"
METRIC_COMMIT_FAILURES = "app.audit.commit.failures"
METRIC_CHECKPOINT_FAILURES = "app.audit.checkpoint.failures"
METRIC_SPANS_DROPPED = "app.telemetry.spans.dropped"
METRIC_WRITER_QUEUE = "app.audit.queue"
