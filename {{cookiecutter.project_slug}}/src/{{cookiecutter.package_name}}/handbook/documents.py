import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from ..configfile import Faults, Section, shown
from ..promptfile import split_front_matter

_WORD = re.compile(r"\w{3,}")
_COMMON = frozenset(
    _WORD.findall("the and for are was what how can does who with that this from have has may when which will you your")
)


class DocumentHeader(Section):
    title: str
    data_class: str


@dataclass(frozen=True)
class Document:
    title: str
    data_class: str
    text: str
    words: frozenset[str]


def load_documents(folder: Path, classes: Sequence[str], faults: Faults) -> list[Document]:
    documents = []
    for path in sorted(folder.glob("*.md")):
        try:
            front, body = split_front_matter(path.read_text(encoding="utf-8"))
            header = DocumentHeader.model_validate(yaml.safe_load(front))
        except (OSError, ValueError, yaml.YAMLError, ValidationError):
            faults.add(
                shown(path),
                "wants front matter with title and data_class between two lines of '---'",
            )
            continue
        if header.data_class not in classes:
            faults.add(
                shown(path),
                f"'{header.data_class}' is no data class; there are {', '.join(classes)}",
            )
        documents.append(Document(header.title, header.data_class, body, words(f"{header.title} {body}")))
    return documents


def best_matches(question: str, documents: Sequence[Document], *, most: int = 2) -> list[Document]:
    """Those that share most words with the question; a search engine or vector store takes this function's place."""
    wanted = words(question)
    ranked = sorted(documents, key=lambda document: len(wanted & document.words), reverse=True)
    return [document for document in ranked[:most] if wanted & document.words]


def words(text: str) -> frozenset[str]:
    """Cut to six letters, so that 'holiday' finds 'holidays' and 'travelling' finds 'travel'."""
    return frozenset(word[:6] for word in _WORD.findall(text.lower()) if word not in _COMMON)
