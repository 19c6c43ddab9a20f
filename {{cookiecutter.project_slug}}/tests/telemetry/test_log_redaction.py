"""What a log line may not hold, whoever writes it: our code, a library, or a traceback."""

import json
import logging
import time
from collections.abc import Iterator

import pytest
import structlog

from {{ cookiecutter.package_name }}.governance import open_scrub
from {{ cookiecutter.package_name }}.telemetry import configure_logs
from {{ cookiecutter.package_name }}.telemetry.logs import LONGEST_TEXT

SECRET, PERSON = "sk-leaked-0123456789abcdef", "ada@example.com"


@pytest.fixture
def logging_restored() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("logging_restored")
def test_no_log_line_holds_a_secret_or_a_person(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    configure_logs("INFO", open_scrub({}))
    structlog.get_logger().info("asked", key=SECRET, by=PERSON)
    logging.getLogger("a.library").error("Key %s of %s was refused", SECRET, PERSON)
    try:
        raise RuntimeError(f"{SECRET} of {PERSON}")
    except RuntimeError:
        structlog.get_logger().exception("broke")
    lines = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [line["event"].split()[0] for line in lines] == ["asked", "Key", "broke"]
    assert SECRET not in json.dumps(lines)
    assert PERSON not in json.dumps(lines)
    assert lines[0]["key"] == "[secret]"


@pytest.mark.usefixtures("logging_restored")
def test_of_a_long_traceback_the_end_is_kept(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    configure_logs("INFO", open_scrub({}))
    for further in (100, 2):
        try:
            one_way(further, message=f"the cause {'x' * further * 100}")
        except RuntimeError:
            structlog.get_logger().exception("broke")
    long, short = [json.loads(line)["exception"] for line in capsysbinary.readouterr().out.splitlines()]
    assert "RuntimeError: the cause xxx" in long
    assert len(long) <= LONGEST_TEXT
    assert short.startswith("Traceback")


def one_way(further: int, message: str) -> None:
    if not further:
        raise RuntimeError(message)
    another_way(further - 1, message)


def another_way(further: int, message: str) -> None:  # the same one again and again would be told once
    one_way(further, message)


@pytest.mark.usefixtures("logging_restored")
def test_no_part_of_a_private_key_is_left_of_a_long_traceback(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lines = "\n".join(["MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEA"] * 60)
    configure_logs("INFO", open_scrub({}))
    try:
        raise RuntimeError(f"cannot load -----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----")
    except RuntimeError:
        structlog.get_logger().exception("broke")
    (line,) = capsysbinary.readouterr().out.splitlines()
    assert b"MIIBVgIB" not in line
    assert b"cannot load [secret]" in line


@pytest.mark.usefixtures("logging_restored")
def test_a_traceback_of_many_lines_is_cut_at_once(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    configure_logs("INFO", open_scrub({}))
    begun = time.monotonic()
    try:
        raise RuntimeError("line\n" * 100_000)
    except RuntimeError:
        structlog.get_logger().exception("broke")
    assert time.monotonic() - begun < 1
    assert len(capsysbinary.readouterr().out) < 2 * LONGEST_TEXT
