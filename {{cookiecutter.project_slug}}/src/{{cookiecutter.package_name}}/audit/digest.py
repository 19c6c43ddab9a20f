import hmac
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class ContentDigests:
    """HMAC-SHA256 of what is never on the trail itself; keyed, so that nobody finds a short text by trying all.

    `secret_keys` are separated by commas; the first counts.
    """

    def __init__(self, secret_keys: str) -> None:
        first = next(key.strip() for key in secret_keys.split(",") if key.strip())
        self._key = HKDF(SHA256(), length=32, salt=None, info=b"audit digests").derive(first.encode())

    def of_content(self, content: Sequence[Any]) -> str:
        """The digest of the content as canonical JSON; see docs/governance/audit-format.md."""
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hmac.digest(self._key, text.encode("ascii"), "sha256").hex()

    def begin(self) -> hmac.HMAC:
        """To be fed with a text that comes in pieces, each as UTF-8."""
        return hmac.new(self._key, digestmod="sha256")
