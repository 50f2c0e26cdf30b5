"""JSON Web Signatures in the compact form, ES256 with the signer's certificate in the header (RFC 7515, RFC 7518 3.4).

    BASE64URL(header) . BASE64URL(payload) . BASE64URL(r ‖ s, 64 octets)

    header   {"alg": "ES256", "typ": "JWT", "x5c": [certificate DER in base64, …], "stpl": OCSP response in base64}

`x5c` may be a string instead of a list, as gematik's PoPP sample writes it. What makes a signature mean something else
than it says is refused: another algorithm, `crit`, a member that occurs twice, padding or foreign characters.
"""

import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

_LONGEST = 750_000
_NUMBER_OCTETS = 32
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


class BadJws(TiaasError):
    """Text that is no JWS we read, or one whose signature does not fit."""


@dataclass(frozen=True, slots=True, repr=False)
class Jws:
    """A JWS. `certificates` are those of x5c (DER), the signer's first; `signed` is what the signature is over."""

    payload: bytes
    certificates: tuple[bytes, ...]
    signed: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Jws({len(self.payload)} octets)"


def decode_jws_untrusted(text: str) -> Jws:
    """Reads a compact JWS; the signature is not checked. Raises only `BadJws`."""
    parts = text.split(".")
    if len(text) > _LONGEST or len(parts) != 3:
        raise BadJws("not three parts")
    head, payload, signature = (_octets(part) for part in parts)
    header = read_object_untrusted(head)
    if header.get("alg") != "ES256" or "crit" in header:
        raise BadJws("not ES256, or critical members")
    if len(signature) != 2 * _NUMBER_OCTETS:
        raise BadJws("the signature has another length")
    return Jws(payload, _certificates(header.get("x5c")), f"{parts[0]}.{parts[1]}".encode(), signature)


def read_object_untrusted(octets: bytes) -> dict[str, Any]:
    """A JSON object without repeated members. Raises only `BadJws`."""
    try:
        found = json.loads(octets.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise BadJws("not JSON") from None
    if not isinstance(found, dict):
        raise BadJws("not a JSON object")
    return found


def check_signature(jws: Jws, key: object) -> None:
    """That the P-256 key `key` made the signature. Raises `BadJws`."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadJws("the key is not on P-256")
    r, s = (int.from_bytes(part, "big") for part in (jws.signature[:_NUMBER_OCTETS], jws.signature[_NUMBER_OCTETS:]))
    try:
        key.verify(encode_dss_signature(r, s), jws.signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise BadJws("the signature does not fit") from None


def sign_jws(payload: bytes, key: ec.EllipticCurvePrivateKey, certificates: Sequence[bytes]) -> str:
    """A compact JWS over `payload` with a P-256 key; `certificates` (DER) go into x5c."""
    header = {"alg": "ES256", "typ": "JWT", "x5c": [b64encode(der).decode("ascii") for der in certificates]}
    signed = f"{_text(json.dumps(header, separators=(',', ':')).encode())}.{_text(payload)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{_text(r.to_bytes(_NUMBER_OCTETS, 'big') + s.to_bytes(_NUMBER_OCTETS, 'big'))}"


def _octets(part: str) -> bytes:
    if not _ALPHABET.fullmatch(part) or len(part) % 4 == 1:
        raise BadJws("not base64url")
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _certificates(chain: object) -> tuple[bytes, ...]:
    entries = [chain] if isinstance(chain, str) else chain
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
        raise BadJws("x5c is missing")
    try:
        return tuple(b64decode(entry, validate=True) for entry in entries)
    except (BinasciiError, ValueError):
        raise BadJws("x5c is not base64") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member occurs twice")
    return found
