"""What the local model says, and that it says the same thing again."""

import pytest

from local.model_server.answers import Question, answer, satisfy

HANDBOOK = """Answer from these documents.
<document title="Holidays" class="internal">
# Holidays
Everybody has 28 days of holiday a year. Unused days may be carried
over until March.

- Ask your manager two weeks ahead
- Tell the desk
</document>
<document title="Travel &amp; expenses">
Trains are booked in second class. A hotel may cost up to 140 EUR a night.
</document>"""


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("How many days of holiday do I have?", "Everybody has 28 days of holiday a year."),
        ("Until when are unused days carried?", "Unused days may be carried over until March. [Holidays]"),
        ("Whom do I ask: my manager?", "Ask your manager two weeks ahead [Holidays]"),
        ("What may a hotel cost?", "A hotel may cost up to 140 EUR a night. [Travel & expenses]"),
        ("What is the capital of France?", "The documents I was given do not say."),
        ("", "The documents I was given do not say."),
    ],
)
def test_answer_is_what_the_documents_say(asked: str, expected: str) -> None:
    question = Question("m", HANDBOOK, asked, characters=len(asked))
    assert answer(question).text.startswith(expected)
    assert answer(question) == answer(question)


def test_answer_without_documents_restates_the_topic() -> None:
    assert "capital of France" in answer(Question("m", "Be brief.", "The capital of France?", 20)).text


def test_smallest_value_of_a_schema() -> None:
    schema = {"type": "array", "minItems": 2, "items": {"anyOf": [{"const": 7}, {"type": "string"}]}}
    assert satisfy(schema, "x") == [7, 7]
