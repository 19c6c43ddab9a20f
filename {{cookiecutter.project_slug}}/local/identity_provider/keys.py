"""What the identity provider signs with: keys that are made at start and can be rotated."""

from joserfc.jwk import Key, KeySet, RSAKey


class ProviderKeys:
    def __init__(self) -> None:
        self._keys: list[Key] = []
        self.rotate()

    def rotate(self) -> None:
        """Signs with a new key; the older ones stay published, so that tokens already issued still verify."""
        self._keys.append(RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True))

    def retire(self) -> None:
        del self._keys[:-1]

    def signing(self) -> KeySet:
        """A set of one: joserfc writes the `kid` into a header only when it picks the key from a set."""
        return KeySet(self._keys[-1:])

    def published(self) -> KeySet:
        return KeySet(self._keys)
