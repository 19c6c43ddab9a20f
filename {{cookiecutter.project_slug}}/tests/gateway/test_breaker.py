import time

from {{ cookiecutter.package_name }}.gateway.breaker import Breaker


def test_one_request_tries_after_the_pause() -> None:
    breaker = Breaker(failures=2, pause=0.05)
    breaker.failed()
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()
    time.sleep(0.06)
    assert [breaker.admits(), breaker.admits()] == [True, False]


def test_an_answer_closes_it() -> None:
    breaker = Breaker(failures=1, pause=60)
    breaker.failed()
    assert breaker.open
    breaker.succeeded()
    assert breaker.admits()
    assert not breaker.open


def test_a_try_that_tells_nothing_leaves_the_next_one_to_try() -> None:
    breaker = Breaker(failures=1, pause=0.02)
    breaker.failed()
    time.sleep(0.03)
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.undecided()
    assert breaker.open
    assert [breaker.admits(), breaker.admits()] == [True, False]
