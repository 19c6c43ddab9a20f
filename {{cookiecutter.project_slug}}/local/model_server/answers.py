"""What the local model says: the same answer to the same question, taken from the documents it was given."""

import hashlib
import html
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

DOCUMENT = re.compile(r'<document\b[^>]*?title="([^"]*)"[^>]*>(.*?)</document>', re.DOTALL)
JUDGED = re.compile(r"<answer>\n(.*?)\n</answer>\n<criterion>\n(.*?)\n</criterion>", re.DOTALL)
HEADING = re.compile(r"^#.*$", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*(?=[*-] |\n)")
COMMON = re.compile(
    r"about|after|all|also|and|any|are|ask|can|could|did|does|for|from|give|had|has|have|her|his|how|into|its|just"
    r"|may|more|most|must|need|not|our|out|please|she|should|tell|than|that|the|their|them|then|there|they|this"
    r"|was|were|what|when|where|which|who|whom|why|will|with|would|you|your|\w\w?"
)
DIMENSIONS = 256


@dataclass(frozen=True)
class Question:
    """A request, whatever its wire format. `characters` counts the text of all messages."""

    model: str
    instructions: str
    asked: str
    characters: int
    tool_result: str | None = None
    tools: dict[str, Schema] = field(default_factory=dict)
    forced_tool: str | None = None
    schema: Schema | None = None
    max_tokens: int | None = None
    stream: bool = False
    usage_wanted: bool = True
    vectors: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """`finish` is OpenAI's word for it. Token counts are numbers unless a fault wants nonsense, or none."""

    text: str
    finish: str | None = "stop"
    tool: tuple[str, str] | None = None
    tokens: tuple[Any, Any] | None = (1, 1)

    def pieces(self) -> list[str]:
        return re.findall(r"\s*\S+\s*$|\s*\S+", self.text)


def answer(question: Question) -> Answer:
    asked = max(1, question.characters // 4)
    if name := _tool_for(question):
        # A forced tool is how a schema is asked for where there is no other way: it wants the answer.
        filling = _text(question) if question.forced_tool else question.asked
        arguments = _judgement(question) or json.dumps(satisfy(question.tools[name], filling))
        return Answer("", "tool_calls", (name, arguments), (asked, max(1, len(arguments) // 4)))
    judged = _judgement(question)
    text = judged or _text(question)
    if question.schema is not None and judged is None:
        text = json.dumps(satisfy(question.schema, text))
    if question.max_tokens and len(text) > 4 * question.max_tokens:
        return Answer(text[: 4 * question.max_tokens], "length", None, (asked, question.max_tokens))
    return Answer(text, tokens=(asked, max(1, len(text) // 4)))


def _tool_for(question: Question) -> str | None:
    if question.tool_result is not None:
        return None
    asked = set(stems(question.asked))
    named = (name for name in question.tools if name in question.asked or asked.issuperset(_named(name)))
    return question.forced_tool or next(named, None)


def _named(tool: str) -> set[str]:
    """What a question has to speak of for the tool to be called: all that its name speaks of."""
    return set(stems(tool.replace("_", " "))) or {tool}


def _text(question: Question) -> str:
    if question.tool_result is not None:
        return f"I looked it up: {_flat(question.tool_result)}"
    documents = DOCUMENT.findall(question.instructions + question.asked)
    plain = DOCUMENT.sub("", question.asked)
    if documents:
        return _quote(documents, plain)
    topic = " ".join(list(dict.fromkeys(re.findall(r"\w+", plain)))[:12])
    return f"You asked about “{topic}”. I am a local stand-in and answer from documents; I was given none."


def _judgement(question: Question) -> str | None:
    """No judge, but words counted in a judge's place, so that everything around one can be tried on a laptop."""
    material = JUDGED.search(question.asked)
    if material is None:
        return None
    answered, criterion = material.groups()
    wanted = set(stems(criterion))
    found = len(wanted.intersection(stems(answered)))
    why = f"It has {found} of the criterion's {len(wanted)} words."
    return json.dumps({"why": why, "holds": 2 * found >= len(wanted)})


def _flat(result: str) -> str:
    try:
        fields = json.loads(result)
    except ValueError:
        return result
    if not isinstance(fields, dict):
        return result
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in fields.items()) + "."


def _quote(documents: list[tuple[str, str]], asked: str) -> str:
    """One or two sentences of one document, and its title."""
    wanted = set(stems(asked))
    best, text = max((_excerpt(title, body, wanted) for title, body in documents), key=lambda found: found[0])
    return text if best >= max(1, math.ceil(len(wanted) / 3)) else "The documents I was given do not say."


def _excerpt(title: str, body: str, wanted: set[str]) -> tuple[int, str]:
    """How many of the wanted words it has, and the one or two sentences that have most of them."""
    about = wanted.intersection(stems(title))
    scored = []
    for number, sentence in enumerate(SENTENCE.split(html.unescape(HEADING.sub("", body)).strip())):
        own = wanted.intersection(stems(sentence))
        scored.append((-len(own | about) if own else 0, number, " ".join(sentence.split()).lstrip("*- ")))
    first, *second = sorted(scored)[:2]
    kept = sorted([first, *(row for row in second if row[0] < first[0] / 2)], key=lambda row: row[1])
    return -first[0], " ".join(sentence for _, _, sentence in kept) + f" [{html.unescape(title)}]"


def stems(text: str) -> Iterator[str]:
    """Words that carry meaning, cut short so that `holiday` meets `holidays`."""
    for word in re.findall(r"\w+", text.lower()):
        if not COMMON.fullmatch(word):
            yield word[:5]


def satisfy(schema: Schema, text: str, root: Schema | None = None) -> Any:
    """The smallest value that a JSON schema accepts, with `text` where it wants a string."""
    root = root if root is not None else schema
    if "$ref" in schema:
        return satisfy(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], text, root)
    if "const" in schema:
        return schema["const"]
    if choices := schema.get("enum"):
        return next((choice for choice in choices if str(choice) in text), choices[0])
    for either in ("anyOf", "oneOf", "allOf"):
        if either in schema:
            return satisfy(schema[either][0], text, root)
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            wanted = schema.get("required", [])
            return {name: satisfy(schema["properties"][name], text, root) for name in wanted}
        case "array":
            return [satisfy(schema["items"], text, root) for _ in range(schema.get("minItems", 0))]
        case "string":
            return text[: schema.get("maxLength")].ljust(schema.get("minLength", 0), ".")
        case "integer" | "number":
            return schema.get("minimum", schema.get("maximum", 0))
        case "boolean":
            return False
    return None


def embedding(text: str, dimensions: int | None = None) -> list[float]:
    """A unit vector; texts that share words lie close together."""
    vector = [0.0] * (dimensions or DIMENSIONS)
    for stem in stems(text):
        vector[int.from_bytes(hashlib.blake2b(stem.encode(), digest_size=8).digest()) % len(vector)] += 1.0
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]
