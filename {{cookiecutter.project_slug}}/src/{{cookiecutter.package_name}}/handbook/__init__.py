"""What does the staff handbook say? THE EXAMPLE: replace it with your idea."""

from .documents import Document, load_documents
from .handbook import Handbook, open_handbook

__all__ = ["Document", "Handbook", "load_documents", "open_handbook"]
