"""Tokens whose algorithm or signature is wrong (RFC 8725, 2.1, 2.2, 3.1, 3.2). All are to be refused."""

import base64
import json
import string
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, RSAKey

from tests.identity.forge import ABSENT, Forge, Sign, mac, rsa_public

Make = Callable[[Forge], str]
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def nothing(_: bytes) -> bytes:
    return b""


def unsigned(algorithm: str) -> Make:
    return lambda f: f.token({"alg": algorithm}, sign=nothing)


def algorithm(value: object) -> Make:
    """The header says so; the signature is a good RS256 one."""
    return lambda f: f.token({"alg": value})


def confused(secret: Callable[[Forge], bytes], name: str = "HS256", digest: str = "sha256") -> Make:
    """Something public as the secret of a MAC."""
    return lambda f: f.token({"alg": name}, sign=mac(secret(f), digest))


def encoded(encoding: Encoding, form: PublicFormat) -> Callable[[Forge], bytes]:
    return lambda f: bytes(rsa_public(f.keys["first"]).public_bytes(encoding, form))


PEM = encoded(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def modulus(f: Forge) -> bytes:
    return base64.urlsafe_b64decode(f.public()["n"] + "==")


def points(r: int, s: int) -> Make:
    """An ES256 signature of two chosen numbers (CVE-2022-21449)."""
    return lambda f: f.token(key="ec", signing="ES256", sign=lambda _: r.to_bytes(32) + s.to_bytes(32))


def ec_signed(f: Forge, shape: Callable[[bytes], bytes]) -> str:
    key = f.keys["ec"]
    assert isinstance(key, ECKey)
    private = key.private_key
    assert private is not None

    def sign(signed: bytes) -> bytes:
        return shape(private.sign(signed, ec.ECDSA(hashes.SHA256())))

    return f.token(key="ec", signing="ES256", sign=sign)


def concatenated(der: bytes, width: int = 32) -> bytes:
    return b"".join(number.to_bytes(width) for number in decode_dss_signature(der))


def rsa_signed(f: Forge, key: str, pad: padding.AsymmetricPadding, hashing: hashes.HashAlgorithm) -> Sign:
    rsa = f.keys[key]
    assert isinstance(rsa, RSAKey)
    private = rsa.private_key
    assert private is not None
    return lambda signed: private.sign(signed, pad, hashing)


def changed(f: Forge, part: int, change: Callable[[str], str]) -> str:
    parts = f.token().split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def other_spelling(text: str) -> str:
    """The same bytes: base64url's last character has bits that nobody reads."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    return text[:-1] + letters[letters.index(text[-1]) + 1]


def swapped(f: Forge) -> str:
    mine, other = f.token(), f.token(claims={"sub": "sam", "roles": ["steward"]})
    return other.rpartition(".")[0] + "." + mine.rpartition(".")[2]


HOSTILE: dict[str, Make] = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "NONE": unsigned("NONE"),
    "nOnE": unsigned("nOnE"),
    "none-with-a-signature": algorithm("none"),
    "none-with-rubbish": lambda f: f.token({"alg": "none"}, sign=lambda _: b"x"),
    "no-signature": lambda f: f.token(sign=nothing),
    "alg-absent": algorithm(ABSENT),
    "alg-null": algorithm(None),
    "alg-empty": algorithm(""),
    "alg-number": algorithm(256),
    "alg-list": algorithm(["RS256"]),
    "alg-object": algorithm({"name": "RS256"}),
    "alg-lower-case": algorithm("rs256"),
    "alg-with-space": algorithm("RS256 "),
    "alg-with-nul": algorithm("RS256\x00"),
    "alg-unknown": algorithm("XX999"),
    "alg-of-encryption": algorithm("RSA-OAEP"),
    "rs384": lambda f: f.token(signing="RS384"),
    "rs512": lambda f: f.token(signing="RS512"),
    "rs256-says-the-header-rs512-was-made": lambda f: f.token({"alg": "RS256"}, signing="RS512"),
    "rs256-over-sha1": lambda f: f.token(sign=rsa_signed(f, "first", padding.PKCS1v15(), hashes.SHA1())),
    "hs256-with-public-pem": confused(PEM),
    "hs256-with-public-pem-stripped": confused(lambda f: PEM(f).strip()),
    "hs256-with-public-pem-crlf": confused(lambda f: PEM(f).replace(b"\n", b"\r\n")),
    "hs256-with-public-pem-one-line": confused(lambda f: b"".join(PEM(f).splitlines()[1:-1])),
    "hs256-with-public-der": confused(encoded(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "hs256-with-public-pkcs1-pem": confused(encoded(Encoding.PEM, PublicFormat.PKCS1)),
    "hs256-with-public-pkcs1-der": confused(encoded(Encoding.DER, PublicFormat.PKCS1)),
    "hs256-with-public-jwk": confused(lambda f: json.dumps(f.public()).encode()),
    "hs256-with-modulus": confused(modulus),
    "hs256-with-modulus-text": confused(lambda f: str(f.public()["n"]).encode()),
    "hs256-with-key-id": confused(lambda f: b"first"),
    "hs256-with-empty-secret": confused(lambda f: b""),
    "hs384-with-public-pem": confused(PEM, "HS384", "sha384"),
    "hs512-with-public-pem": confused(PEM, "HS512", "sha512"),
    "hs256-with-a-published-secret": lambda f: f.token(key="shared-secret", signing="HS256"),
    "ps256-with-a-key-for-rs256": lambda f: f.token(signing="PS256"),
    "ps256-with-a-key-that-names-no-algorithm": lambda f: f.token(key="names-no-algorithm", signing="PS256"),
    "rs256-with-a-key-for-ps256": lambda f: f.token(key="ps"),
    "ps256-salt-of-another-length": lambda f: f.token(
        key="ps",
        signing="PS256",
        sign=rsa_signed(f, "ps", padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256()),
    ),
    "es256-with-an-rsa-key-id": lambda f: f.token(key="attacker-ec", signing="ES256"),
    "rs256-with-an-ec-key-id": lambda f: f.token({"kid": "ec"}),
    "eddsa-with-an-rsa-key-id": lambda f: f.token(key="attacker-ed", signing="EdDSA"),
    "es384-with-a-p256-key-id": lambda f: f.token({"kid": "ec"}, key="attacker-p384", signing="ES384"),
    "es256-by-an-attacker": lambda f: f.token({"kid": "ec"}, key="attacker-ec", signing="ES256"),
    "eddsa-by-an-attacker": lambda f: f.token({"kid": "ed"}, key="attacker-ed", signing="EdDSA"),
    "ed25519-with-a-key-for-eddsa": lambda f: f.token(key="ed", signing="Ed25519"),
    "es256-zero-zero": points(0, 0),
    "es256-zero-one": points(0, 1),
    "es256-one-zero": points(1, 0),
    "es256-one-one": points(1, 1),
    "es256-order-one": points(ORDER, 1),
    "es256-one-order": points(1, ORDER),
    "es256-largest": points(2**256 - 1, 2**256 - 1),
    "es256-in-der": lambda f: ec_signed(f, lambda der: der),
    "es256-cut": lambda f: ec_signed(f, lambda der: concatenated(der)[:-1]),
    "es256-longer": lambda f: ec_signed(f, lambda der: concatenated(der) + b"\x00"),
    "es256-padded-numbers": lambda f: ec_signed(f, lambda der: concatenated(der, 33)),
    "es256-empty": lambda f: f.token(key="ec", signing="ES256", sign=nothing),
    "eddsa-zeros": lambda f: f.token(key="ed", signing="EdDSA", sign=lambda _: bytes(64)),
    "eddsa-cut": lambda f: f.token(key="ed", signing="EdDSA", sign=lambda _: bytes(63)),
    "rsa-zeros": lambda f: f.token(sign=lambda _: bytes(256)),
    "rsa-one": lambda f: f.token(sign=lambda _: (1).to_bytes(256)),
    "rsa-modulus": lambda f: f.token(sign=lambda _: modulus(f)),
    "rsa-longer": lambda f: f.token(sign=lambda signed: f.signature(signed, "first", "RS256") + b"\x00"),
    "rsa-leading-zero": lambda f: f.token(sign=lambda signed: b"\x00" + f.signature(signed, "first", "RS256")),
    "rsa-cut": lambda f: f.token(sign=lambda signed: f.signature(signed, "first", "RS256")[:-1]),
    "rs256-by-an-attacker": lambda f: f.token(key="attacker"),
    "by-another-key-of-the-issuer": lambda f: f.token({"kid": "first"}, key="ps"),
    "weak-key": lambda f: f.token(key="weak"),
    "key-for-encryption": lambda f: f.token(key="for-encryption"),
    "key-that-cannot-verify": lambda f: f.token(key="cannot-verify"),
    "key-published-twice": lambda f: f.token(key="twice"),
    "key-whose-private-half-is-published": lambda f: f.token(key="leaked"),
    "signature-of-another-token": swapped,
    "header-changed": lambda f: changed(f, 0, lambda text: text[:-2] + "9"),
    "payload-changed": lambda f: changed(f, 1, lambda text: text[:9] + ("A" if text[9] != "A" else "B") + text[10:]),
    "signature-changed": lambda f: changed(f, 2, lambda text: ("A" if text[0] != "A" else "B") + text[1:]),
    "signature-spelt-otherwise": lambda f: changed(f, 2, other_spelling),
    "signature-padded": lambda f: changed(f, 2, lambda text: text + "=="),
    "signature-followed-by-more": lambda f: changed(f, 2, lambda text: text + "AAAA"),
    "signature-in-plain-base64": lambda f: changed(f, 2, lambda text: "+/" + text[2:]),
    "header-padded": lambda f: changed(f, 0, lambda text: text + "="),
    "payload-padded": lambda f: changed(f, 1, lambda text: text + "="),
}
