import base64
import binascii
import hashlib
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SECOND = len("2026-01-31T09:15:00")
END = "%Y-%m-%dT%H:%M:%SZ"


class SigningKeys:
    """Ed25519, with commas between: base64 of a seed, or PEM. The first signs, all verify. Raises ValueError.

    `PUBLIC@TIME` behind them is a public key, base64, of which nothing verifies that was signed later than this second.
    """

    def __init__(self, text: str) -> None:
        found = [one.strip() for one in text.split(",") if one.strip()]
        if not found or "@" in found[0]:
            raise ValueError("names no key to sign with; a private one must be the first")
        self._signs = _private(found[0])
        self.public: dict[str, Ed25519PublicKey] = {}
        self._ends: dict[str, str] = {}
        for one in found:
            text, _, end = one.partition("@")
            key = _public(text, end) if end else _private(one).public_key()
            self.public[key_id(key)] = key
            self._ends |= {key_id(key): end} if end else {}

    @property
    def key(self) -> str:
        """The id of the key that signs."""
        return key_id(self._signs.public_key())

    def public_texts(self) -> dict[str, str]:
        """Of each key's id the base64 of its 32 public bytes."""
        return {name: base64.b64encode(key.public_bytes_raw()).decode() for name, key in self.public.items()}

    def given(self) -> list[str]:
        """As the script that verifies an export takes them."""
        ends = {name: f"@{end}" for name, end in self._ends.items()}
        return sorted(f"{text}{ends.get(name, '')}" for name, text in self.public_texts().items())

    def sign(self, text: str) -> str:
        return base64.b64encode(self._signs.sign(text.encode("ascii"))).decode()

    def verify(self, key: str, at: str, text: str, signature: str) -> bool:
        """Also False if the key is not one of ours, or was retired before `at`."""
        try:
            self.public[key].verify(base64.b64decode(signature, validate=True), text.encode("ascii"))
        except (KeyError, TypeError, ValueError, InvalidSignature):
            return False
        return at[:SECOND] <= self._ends.get(key, at)[:SECOND]


def key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _public(text: str, end: str) -> Ed25519PublicKey:
    try:
        read = datetime.strptime(end, END)  # noqa: DTZ007 # whether it is one, in UTC as its Z says
        if read.strftime(END) != end:  # times are compared as texts
            raise ValueError(end)
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        raise ValueError("a key with an @ must be PUBLIC@2026-01-31T09:15:00Z; 'audit export' prints it") from None


def _private(text: str) -> Ed25519PrivateKey:
    wanted = "each key must be an Ed25519 private key: the base64 of its 32 bytes, or PEM"
    try:
        if text.startswith("-----BEGIN"):
            loaded = load_pem_private_key(text.encode(), password=None)
        else:
            loaded = Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise ValueError(wanted) from None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ValueError(wanted)
    return loaded
