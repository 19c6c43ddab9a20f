import json
import time
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.governance import open_scrub, redact
from {{ cookiecutter.package_name }}.governance.redaction import RULES, each_text

from tests.service import Service, Surroundings, running_service

scrub = open_scrub({})
FOUND = [
    ("secret", "key sk-proj-abcdefghij0123456789 here", "key [secret] here"),
    ("secret", "sk-leaked-0123456789abcdef", "[secret]"),
    ("secret", "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl.", "token [secret]."),
    ("secret", "AKIAIOSFODNN7EXAMPLE", "[secret]"),
    ("secret", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[secret]"),
    ("secret", "Authorization: Bearer abcdef0123456789abcdef==", "Authorization: [secret]"),
    ("secret", "-----BEGIN RSA PRIVATE KEY-----\nMIIE-x\n-----END RSA PRIVATE KEY-----\nafter", "[secret]\nafter"),
    ("secret", "-----BEGIN PRIVATE KEY-----\nMIIEvQ cut off", "[secret]"),
    ("email", "write to ada.l+x@mail.example.co.uk, please", "write to [email], please"),
    ("email", "<ada@example.com>", "<[email]>"),
    ("email", "møller@exämple.dk", "[email]"),
    ("card", "4111 1111 1111 1111", "[card]"),
    ("card", "4111-1111-1111-1111 12/29 123", "[card] 12/29 123"),
    ("card", "order 12 4111 1111 1111 1111 123", "order 12 [card] 123"),
    ("card", "5555555555554444", "[card]"),
    ("card", "3782 822463 10005", "[card]"),
    ("card", "no.4222222222222,", "no.[card],"),
    ("iban", "DE89 3704 0044 0532 0130 00", "[iban]"),
    ("iban", "DE89370400440532013000 BIC COBADEFFXXX", "[iban] BIC COBADEFFXXX"),
    ("iban", "BE71 0961 2345 6769 2024 REF", "[iban] 2024 REF"),
    ("iban", "to GB82WEST12345698765432.", "to [iban]."),
    ("iban", "NO9386011117947", "[iban]"),
    ("iban", "MT84MALT011000012345MTLCAST001S", "[iban]"),
    ("phone", "call +49 (0)30 1234-5678 today", "call [phone] today"),
    ("phone", "0044 20 7946 0958", "[phone]"),
    ("phone", "+14155552671", "[phone]"),
]

ORDINARY = [
    "The meeting is on 2026-11-23 at 14:30, room 4.12, floor 3.",
    "Call 550e8400-e29b-41d4-a716-446655440000 took 1732364400123 ns in v1.109.1.",
    "Turnover rose from 1,234,567,890,123 to 2.345.678.901.234 in 2021 2022 2023 2025.",
    "The risk-management-framework-of-the-company and pk_primary_key_of_the_table matter.",
    "The bearer acknowledges all responsibilities; the bearer unquestionably agrees.",
    "Order 4111 1111 1111 1112 and IBAN DE89 3704 1144 0532 1130 11 have a wrong digit.",
    "Write @ada or to the address example.com; 3 + 4 = 7; +1 for that; 00:15 h.",
    "Ten digits: 0301234567. Zeros: 000. ISO: 2026-11-23T14:30:00.000000Z.",
    "DE21 is a postcode area, AB12 a plate, and EUR 12 345 678.90 a price.",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
]


@pytest.mark.parametrize(("rule", "text", "clean"), FOUND)
def test_a_finding_is_replaced_by_its_rule_s_name(rule: str, text: str, clean: str) -> None:
    assert redact(text, [rule]) == clean
    assert redact(text, RULES) == clean
    assert redact(text, RULES.keys() - {rule}) != clean


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_has_no_finding(text: str) -> None:
    assert scrub(text) == text


HOSTILE = [
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "AA00AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAa ",
    "AA00 AAAA AAAA AAAA ",
    "a@",
    "a.",
    "@a.",
    "1",
    "1 ",
    "4111 ",
    "+1 (",
    "sk-",
    "eyJaaaaaaaaa.",
    "eyJaaaaaaaaa-",
    "ghp_",
    "AIza-",
    "bearer ",
    " ",
    "é",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_makes_an_expression_slow(piece: str) -> None:
    text = piece * (200_000 // len(piece)) + " sk-1 12 @"
    begun = time.monotonic()
    scrub(text)
    assert time.monotonic() - begun < 1


def test_texts_are_found_wherever_they_stand_but_names_stay() -> None:
    value = {
        "role": "user",
        "content": ["a", {"text": "a", "name": "a", "n": 1, "none": None}],
        "name": {"type": "a", "x": "a"},
    }
    assert each_text(value, str.upper) == {
        "role": "user",
        "content": ["A", {"text": "A", "name": "a", "n": 1, "none": None}],
        "name": {"type": "a", "x": "A"},
    }


CARD, SECRET = "4111 1111 1111 1111", "sk-leaked-0123456789abcdef"


async def sent(service: Service, **request: Any) -> Any:
    answer = await service.ask(**request)
    assert answer.status_code == 200, answer.text
    return (await service.upstream.stats())["last"]


async def test_what_reaches_the_provider_is_redacted_wherever_it_stands(service: Service) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "pay", "arguments": json.dumps({"card": CARD})}}
    described = {"name": "pay", "description": SECRET, "parameters": {"type": "object", "enum": [CARD]}}
    schema = {"name": "reply", "schema": {"type": "object", "description": CARD}}
    body = await sent(
        service,
        messages=[
            {"role": "system", "content": f"Use {SECRET}."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "4111 1111 "}, {"type": "text", "text": "1111 1111"}],
            },
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": f"paid by {CARD}"},
            {"role": "user", "content": "Did it work?"},
        ],
        tools=[{"type": "function", "function": described}],
        response_format={"type": "json_schema", "json_schema": schema},
    )
    assert CARD not in json.dumps(body)
    assert SECRET not in json.dumps(body)
    assert [one.get("content") for one in body["messages"]] == [
        "Use [secret].",
        "[card]",
        None,
        "paid by [card]",
        "Did it work?",
    ]
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "pay", "arguments": '{"card": "[card]"}'}
    assert body["tools"][0]["function"]["name"] == "pay"


async def test_a_more_sensitive_class_takes_more_out(service: Service) -> None:
    text = f"ada@example.com paid by {CARD}"
    internal = await sent(service, text=text, who="grace")
    confidential = await sent(service, text=text, who="grace", headers={"X-Data-Class": "confidential"})
    assert internal["messages"][0]["content"] == "ada@example.com paid by [card]"
    assert confidential["messages"][0]["content"] == "[email] paid by [card]"


async def test_a_policy_without_rules_sends_what_was_asked(tmp_path: Path, around: Surroundings) -> None:
    async with running_service(tmp_path, around, changes={"policy": {"redact": {}}}) as service:
        assert (await sent(service, text=CARD))["messages"][0]["content"] == CARD
