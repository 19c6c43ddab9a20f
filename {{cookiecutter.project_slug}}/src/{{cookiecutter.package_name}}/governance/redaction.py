"""What is taken out of texts: for a provider by class of data, from logs always. The rules are data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol


class Redactor(Protocol):
    def __call__(self, text: str, rules: Collection[str]) -> str:
        """The text with every finding of the named rules replaced by `[rule]`."""
        ...


@dataclass(frozen=True)
class Rule:
    """`worth_a_look` is a cheap test that spares most texts the expression."""

    name: str
    pattern: re.Pattern[str]
    worth_a_look: Callable[[str], bool]
    confirm: Callable[[str], bool] = lambda _: True

    def replacement(self, found: re.Match[str]) -> str:
        return f"[{self.name}]" if self.confirm(found[0]) else found[0]


def _luhn(found: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in found if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _mod_97(found: str) -> bool:
    """The check digits of an IBAN (ISO 13616)."""
    compact = re.sub(r"\s", "", found).upper()
    return 15 <= len(compact) <= 34 and int("".join(str(int(one, 36)) for one in compact[4:] + compact[:4])) % 97 == 1


_DIGIT = re.compile(r"\d{2}")
_CREDENTIAL = (
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"  # provider keys
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAIza[A-Za-z0-9_-]{30,}"  # AWS, GitHub, Google
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{16,}=*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"
)
RULES = {
    rule.name: rule
    for rule in (
        Rule("secret", re.compile(_CREDENTIAL), lambda text: len(text) >= 16),
        Rule("email", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), lambda text: "@" in text),
        Rule(
            "iban",
            re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}\b"),
            lambda text: bool(_DIGIT.search(text)),
            _mod_97,
        ),
        Rule("card", re.compile(r"\b\d(?:[ -]?\d){12,18}\b"), lambda text: bool(_DIGIT.search(text)), _luhn),
        Rule(
            "phone",
            re.compile(r"(?<!\w)(?:\+|00)\d(?:[ ()/.-]{0,2}\d){6,13}\b"),
            lambda text: bool(_DIGIT.search(text)),
        ),
    )
}


def redact(text: str, rules: Collection[str]) -> str:
    """The default Redactor: in the order of RULES, as a key may look like a phone number but not the reverse."""
    for rule in RULES.values():
        if rule.name in rules and rule.worth_a_look(text):
            text = rule.pattern.sub(rule.replacement, text)
    return text


def scrub(text: str) -> str:
    """For logs and spans, whatever the class."""
    return redact(text, RULES)
