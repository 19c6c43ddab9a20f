import json

import pytest

from {{ cookiecutter.package_name }}.gateway import AttemptFailed, Failure
from {{ cookiecutter.package_name }}.gateway.failure import from_response

F = Failure


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (204, F.NONSENSE),
        (301, F.REDIRECT),
        (308, F.REDIRECT),
        (400, F.BAD_REQUEST),
        (401, F.OUR_FAULT),
        (402, F.OUR_FAULT),
        (403, F.OUR_FAULT),
        (404, F.OUR_FAULT),
        (405, F.OUR_FAULT),
        (408, F.SERVER_ERROR),
        (409, F.SERVER_ERROR),
        (413, F.CONTEXT_LENGTH),
        (415, F.BAD_REQUEST),
        (422, F.BAD_REQUEST),
        (429, F.RATE_LIMITED),
        (500, F.SERVER_ERROR),
        (503, F.SERVER_ERROR),
        (529, F.SERVER_ERROR),
    ],
)
def test_each_status_has_its_failure(status: int, failure: Failure) -> None:
    assert from_response(status, None, b"").failure is failure


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ('{"error": {"code": "context_length_exceeded"}}', F.CONTEXT_LENGTH),
        ('{"message": "This model\'s maximum context length is 8192 tokens"}', F.CONTEXT_LENGTH),
        ('{"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}}', F.CONTEXT_LENGTH),
        ('{"message": "Input is too long for requested model."}', F.CONTEXT_LENGTH),
        ('{"error": {"message": "the request exceeds the available context size"}}', F.CONTEXT_LENGTH),
        ('{"error": {"message": "exceeds the maximum number of tokens allowed (1048576)"}}', F.CONTEXT_LENGTH),
        ('{"error": {"code": "content_filter", "innererror": {}}}', F.CONTENT_FILTER),
        ('{"error": {"code": "content_policy_violation"}}', F.CONTENT_FILTER),
        ('{"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}', F.CONTENT_FILTER),
        ('{"error": {"message": "Your credit balance is too low"}}', F.OUR_FAULT),
        ('{"error": {"code":"insufficient_quota"}}', F.OUR_FAULT),
        ('{"error": {"message": "you wrote \\"insufficient_quota\\""}}', F.BAD_REQUEST),
        ("not JSON", F.BAD_REQUEST),
        ("[]", F.BAD_REQUEST),
    ],
)
def test_a_bad_request_is_told_apart_by_what_the_provider_writes(body: str, failure: Failure) -> None:
    assert from_response(400, None, body.encode()).failure is failure


@pytest.mark.parametrize(("param", "named"), [("temperature", "temperature"), ("sk-secret", None), (7, None)])
def test_only_a_field_of_the_request_is_named(param: object, named: str | None) -> None:
    body = json.dumps({"error": {"message": "no", "param": param}}).encode()
    assert from_response(400, None, body).param == named


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), (None, None), ("-1", None), ("soon", None), ("٣", None), ("1.5", None)],
)
def test_retry_after_is_whole_seconds_or_nothing(header: str | None, seconds: float | None) -> None:
    assert from_response(429, header, b"").retry_after == seconds


@pytest.mark.parametrize(("asked", "told"), [(None, 5.0), (7.0, 7.0), (3600.0, 60.0), (float("inf"), 60.0)])
def test_a_caller_is_never_told_to_wait_longer_than_a_minute(asked: float | None, told: float) -> None:
    error = AttemptFailed(F.RATE_LIMITED, retry_after=asked).as_service_error()
    assert (error.status, error.code, error.retry_after) == (503, "upstream_unavailable", told)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (F.SERVER_ERROR, 503, "upstream_unavailable"),
        (F.CONNECTION, 503, "upstream_unavailable"),
        (F.NOT_LOADED, 503, "not_ready"),
        (F.OPEN, 503, "upstream_unavailable"),
        (F.NONSENSE, 502, "upstream_invalid"),
        (F.CUT, 502, "upstream_invalid"),
        (F.REDIRECT, 502, "upstream_invalid"),
        (F.OUR_FAULT, 502, "upstream_invalid"),
        (F.BAD_REQUEST, 400, "invalid_request"),
        (F.UNSUPPORTED, 400, "invalid_request"),
        (F.CONTEXT_LENGTH, 400, "context_length_exceeded"),
        (F.CONTENT_FILTER, 400, "content_filter"),
    ],
)
def test_a_caller_sees_each_failure_as_the_contract_says(failure: Failure, status: int, code: str) -> None:
    error = AttemptFailed(failure, param="temperature").as_service_error()
    assert (error.status, error.code) == (status, code)
