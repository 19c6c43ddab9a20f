"""Encrypts and authenticates what is stored or sent elsewhere: AES-GCM with keys derived from SECRET_KEY."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12  # bytes (NIST SP 800-38D, 5.2.1.1)


class Seal:
    """`secret_keys` are separated by commas: the first encrypts, the others still decrypt what they once did."""

    def __init__(self, secret_keys: str, purpose: str) -> None:
        self._ciphers = [AESGCM(_derived(key.strip(), purpose)) for key in secret_keys.split(",") if key.strip()]

    def close(self, plain: bytes, bound_to: str) -> bytes:
        """Opens only with the same `bound_to`, so that nothing sealed can stand in another's place."""
        nonce = os.urandom(_NONCE)
        return nonce + self._ciphers[0].encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes | None:
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
            except (InvalidTag, ValueError):
                continue
        return None


def _derived(key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(key.encode())
