from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class SigningKeys:
    """Ed25519, with commas between: base64 of a seed, or PEM. The first signs, all verify. Raises ValueError."""

    def __init__(self, text: str) -> None:
        keys = [_private(one.strip()) for one in text.split(",") if one.strip()]
        if not keys:
            raise ValueError("names no key")
        self._signs = keys[0]
        self.public = {key_id(one.public_key()): one.public_key() for one in keys}

    @property
    def key(self) -> str:
        """The id of the key that signs."""
        return key_id(self._signs.public_key())

    def public_texts(self) -> dict[str, str]:
        """Of each key's id the base64 of its 32 public bytes."""
        return {name: base64.b64encode(key.public_bytes_raw()).decode() for name, key in self.public.items()}

    def sign(self, text: str) -> str:
        return base64.b64encode(self._signs.sign(text.encode("ascii"))).decode()

    def verify(self, key: str, text: str, signature: str) -> bool:
        """False too where the key is none of ours."""
        try:
            self.public[key].verify(base64.b64decode(signature, validate=True), text.encode("ascii"))
        except (KeyError, TypeError, ValueError, InvalidSignature):
            return False
        return True


def key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


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
