"""How does the company buy things?

Begun as a copy of `handbook/`, as the service's README says: of two ideas neither should have to mind the other.
"""

from .documents import load_documents
from .purchasing import Purchasing, open_purchasing

__all__ = ["Purchasing", "load_documents", "open_purchasing"]
