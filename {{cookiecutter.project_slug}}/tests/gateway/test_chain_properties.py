"""What holds of a request whatever its providers do, and when: hypothesis looks for a schedule that breaks it."""

from hypothesis import given, settings

from {{ cookiecutter.package_name }}.errors import DeadlineExceeded
from {{ cookiecutter.package_name }}.gateway.pace import SHORTEST

from tests.gateway.schedules import TOLERANCE, Request, requests, seen

whatever_happens = given(requests)
often = settings(max_examples=300, deadline=None)


@often
@whatever_happens
def test_no_request_outlives_its_deadline(request: Request) -> None:
    found = seen(request)
    assert found.ended <= max(found.call.deadline.end, found.free) + TOLERANCE


@often
@whatever_happens
def test_nothing_of_a_stream_is_passed_on_after_the_deadline(request: Request) -> None:
    """Also not what was there all along, while the caller read."""
    found = seen(request)
    assert all(at <= found.call.deadline.end + TOLERANCE for at in found.given)


@often
@whatever_happens
def test_what_cannot_finish_in_time_is_not_started(request: Request) -> None:
    found = seen(request)
    assert all(at <= found.call.deadline.end - SHORTEST for _, at in found.started)


@often
@whatever_happens
def test_each_deployment_is_tried_at_most_once_in_the_route_s_order(request: Request) -> None:
    found = seen(request)
    assert [name for name, _ in found.started] == found.order[: len(found.started)]
    assert [attempt.deployment for attempt in found.call.attempts] == found.order[: len(found.started)]


@often
@whatever_happens
def test_an_answer_is_of_one_model_and_nobody_is_asked_after_its_first_word(request: Request) -> None:
    found = seen(request)
    if found.words:
        assert set(found.words) == {found.started[-1][0]}


@often
@whatever_happens
def test_an_answer_is_whole_only_if_it_has_a_finish_reason(request: Request) -> None:
    found = seen(request)
    assert (found.finish == "stop") == (found.error is None)
    assert [attempt.outcome for attempt in found.call.attempts].count("answered") == (found.error is None)


@often
@whatever_happens
def test_a_deadline_that_is_over_names_what_was_tried(request: Request) -> None:
    found = seen(request)
    if isinstance(found.error, DeadlineExceeded):
        assert found.ended >= found.call.deadline.end - SHORTEST - 1e-6
        for attempt in found.call.attempts:
            assert f"{attempt.deployment}: {attempt.outcome}" in found.error.message
