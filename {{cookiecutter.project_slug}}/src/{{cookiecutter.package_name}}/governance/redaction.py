"""What is taken out of texts: for a provider by class of data, from logs always. The rules are data."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Redactor(Protocol):
    def __call__(self, text: str, rules: Collection[str]) -> str:
        """The text with every finding of the named rules replaced by `[rule]`."""
        ...


@dataclass(frozen=True)
class Rule:
    """`patterns` take turns. `mark`: what a text must hold to be searched; `length`: how much of a match is a finding.

    A pattern must take time in proportion to the text, whatever the text: a caller chooses it, and others wait.
    """

    name: str
    patterns: Sequence[re.Pattern[str]]
    length: Callable[[str], int] = len
    mark: str = ""

    def replaced(self, text: str) -> str:
        if self.mark in text:
            for pattern in self.patterns:
                text = pattern.sub(self._replacement, text)
        return text

    def _replacement(self, found: re.Match[str]) -> str:
        length = self.length(found[0])
        return f"[{self.name}]{found[0][length:]}" if length else found[0]


def _card(found: str) -> int:
    """All of it, or 0, by the check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in found if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return 0 if (sum(digits[-1::-2]) + sum(doubled)) % 10 else len(found)


def _iban(found: str) -> int:
    """Up to the last group with which the check digits are right (ISO 13616): what follows may look like one more."""
    ends = [len(found), *(place for place in range(len(found) - 1, 0, -1) if found[place] == " ")]
    return next((end for end in ends if _mod_97(found[:end].replace(" ", ""))), 0)


def _mod_97(iban: str) -> bool:
    return 15 <= len(iban) <= 34 and int("".join(str(int(one, 36)) for one in iban[4:] + iban[:4])) % 97 == 1


def _pattern(begin: str, rest: str, *, not_after: str = r"\w") -> re.Pattern[str]:
    """The lookbehind comes after the first characters, since only a pattern that starts with literals searches fast."""
    return re.compile(rf"{begin}(?<!{not_after}{begin}){rest}")


_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----))*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"),
    _pattern("[Bb]", r"(?i:earer\s{1,4})(?=[A-Za-z._~+/-]*\d)[A-Za-z0-9._~+/-]{16,}=*"),
    # JSON web tokens
    _pattern("eyJ", r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", not_after=r"[\w-]"),
    # provider keys; long words have no digit
    *(
        _pattern(begin, r"(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}", not_after=r"[\w-]")
        for begin in ("sk[-_]", "pk[-_]", "rk[-_]")
    ),
    # AWS, GitHub, Google
    _pattern("A[KS]IA", r"[A-Z0-9]{16}\b"),
    _pattern("gh[pousr]_", r"[A-Za-z0-9]{20,}"),
    _pattern("AIza", r"[A-Za-z0-9_-]{30,}"),
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IBAN = _pattern("[A-Z]", r"[A-Z]\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?![A-Z0-9])")
_CARD = _pattern(  # in groups as cards print them, or in one piece; other numbers of that length are too many
    "[2-6]",
    r"(?:\d{3}([ -])\d{4}\1\d{4}\1\d{4}|(?<=3)\d{3}([ -])\d{6}\2\d{4,5}|\d{12,18})(?!\d)",
    not_after=r"\d",
)
_PHONE = [_pattern(begin, r"\d(?:[ ()/.-]{0,2}\d){6,13}\b") for begin in (r"\+", "00")]
RULES = {
    rule.name: rule
    for rule in (
        Rule("secret", _SECRETS),
        Rule("email", [_EMAIL], mark="@"),
        Rule("iban", [_IBAN], _iban),
        Rule("card", [_CARD], _card),
        Rule("phone", _PHONE),
    )
}


def redact(text: str, rules: Collection[str]) -> str:
    """The default Redactor: in the order of RULES, as a key may look like a phone number but not the reverse."""
    for rule in RULES.values():
        if rule.name in rules:
            text = rule.replaced(text)
    return text


_ENDLESS = re.compile(r"(?<!\\)(?:\\\\)*(?:[*+]|\{\d*,\})")


def pattern_fault(name: str, pattern: str) -> str | None:
    """Why this cannot be a redaction rule; None if it can."""
    if name in RULES or not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name):
        return f"'{name}' is taken, or no name: small letters, digits and underscores"
    if _ENDLESS.search(pattern) or len(pattern) > 200:
        return "repeats without end, or is long, and delays every caller; write {1,9} for + and *, and \\+ for a plus"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error}"
    return "matches a text in which nothing is" if compiled.search("") else None


def open_redactor(*patterns: Mapping[str, str]) -> Redactor:
    """The default Redactor, followed by rules of one's own; a name that two of `patterns` share stands for both."""
    own = [(name, re.compile(pattern)) for each in patterns for name, pattern in each.items()]

    def with_own(text: str, rules: Collection[str]) -> str:
        text = redact(text, rules)
        for name, pattern in own:
            if name in rules:
                text = pattern.sub(f"[{name}]", text)
        return text

    return with_own


def open_scrub(*patterns: Mapping[str, str]) -> Callable[[str], str]:
    """For logs and spans: every rule, whatever the class."""
    redactor, rules = open_redactor(*patterns), {*RULES}.union(*patterns)
    return lambda text: redactor(text, rules)


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The same structure with every text changed, but for roles, types and names, which leave no room for one."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {
            key: part if key in ("role", "type", "name") and isinstance(part, str) else each_text(part, change)
            for key, part in value.items()
        }
    return value
