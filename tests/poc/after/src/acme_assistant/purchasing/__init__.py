"""How does the company buy things?"""

from .documents import load_documents
from .purchasing import Purchasing, open_purchasing

__all__ = ["Purchasing", "load_documents", "open_purchasing"]
