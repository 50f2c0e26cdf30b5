"""An instance's configuration as a file: compressed, encrypted, signed with a time (gemSpec_Kon V5.18 TIP1-A_4815).

    TIAAS-CONFIG 1 LF  header (JSON) LF  signature (base64) LF  ciphertext

AES-256-GCM over zlib-compressed JSON, with the first two lines as additional data; the key is scrypt of a passphrase,
or the node's own for a backup. The signature (ECDSA, SHA-256) covers everything but itself; it is the instance's CA's,
whose certificate is in the header, so a reader sees who signed before he opens anything.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.konnektor.issuing import KeyPair

MAGIC = b"TIAAS-CONFIG 1"
PLAIN_OCTETS_MAX = 16 * 1024 * 1024
"""Of the JSON. In memory it is many times as long, and reading it holds up the whole process."""
PASSPHRASE_LENGTH = 24
_HEAD_MAX = 16 * 1024
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"

Rows = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Kind → key → body."""


class BadSealedConfig(InvalidInput):
    """A file that is no configuration, was changed, or does not open with this passphrase; says which."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A configuration that was opened: the signature is good, `signer` made it."""

    instance: str
    exported: datetime
    signer: x509.Certificate
    rows: Rows = field(repr=False)


def new_passphrase(entropy: Entropy) -> Secret:
    """Letters and digits, without those that look alike (at least 16 are wanted)."""
    out = ""
    while len(out) < PASSPHRASE_LENGTH or not (any(c.isdigit() for c in out) and any(c.isalpha() for c in out)):
        octets = entropy.octets(PASSPHRASE_LENGTH * 2)
        out = "".join(_LETTERS[o] for o in (b & 63 for b in octets) if o < len(_LETTERS))[:PASSPHRASE_LENGTH]
    return Secret(out.encode())


async def seal(
    rows: Rows, instance: str, now: datetime, signer: KeyPair, passphrase: Secret, entropy: Entropy
) -> bytes:
    """The file. Raises `BadSealedConfig` for rows that could not be read again."""
    return await beside(0, _seal, rows, instance, now, signer, passphrase, entropy)


def _seal(rows: Rows, instance: str, now: datetime, signer: KeyPair, passphrase: Secret, entropy: Entropy) -> bytes:
    salt, nonce = entropy.octets(16), entropy.octets(12)
    header = {
        "instance": instance,
        "exported": now.isoformat(),
        "certificate": b64encode(signer.certificate.public_bytes(Encoding.DER)).decode(),
        "salt": salt.hex(),
        "nonce": nonce.hex(),
    }
    head = MAGIC + b"\n" + json.dumps(header).encode()
    plain = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) > PLAIN_OCTETS_MAX:
        raise BadSealedConfig(f"the configuration has more than {PLAIN_OCTETS_MAX} octets")
    packed = zlib.compress(plain)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, packed, head)
    if not isinstance(signer.key, ec.EllipticCurvePrivateKey):
        raise TypeError("a configuration is signed with an EC key")
    signature = signer.key.sign(head + sealed, ec.ECDSA(hashes.SHA256()))
    return b"\n".join((head, b64encode(signature), sealed))


async def unseal(file: bytes, passphrase: Secret) -> Sealed:
    """See `unseal_untrusted`; in a thread, because scrypt takes its time."""
    return await beside(0, unseal_untrusted, file, passphrase)


def unseal_untrusted(file: bytes, passphrase: Secret) -> Sealed:
    """Checks the signature, then decrypts. Raises only `BadSealedConfig`."""
    try:
        magic, header, signature, sealed = file.split(b"\n", 3)
        if magic != MAGIC or len(header) > _HEAD_MAX:
            raise ValueError
        read = json.loads(header.decode("ascii"))
        signer = x509.load_der_x509_certificate(b64decode(read["certificate"], validate=True))
        salt, nonce = bytes.fromhex(read["salt"]), bytes.fromhex(read["nonce"])
        instance, exported = str(read["instance"]), datetime.fromisoformat(read["exported"])
        key = signer.public_key()
        signed = b64decode(signature, validate=True)
        if not isinstance(key, ec.EllipticCurvePublicKey) or exported.tzinfo is None or len(nonce) != 12:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadSealedConfig("this is no exported configuration") from None
    head = magic + b"\n" + header
    try:
        key.verify(signed, head + sealed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadSealedConfig("the signature is wrong: the file was changed") from None
    try:
        packed = AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, head)
    except (InvalidTag, ValueError):
        raise BadSealedConfig("the passphrase is wrong") from None
    return Sealed(instance, exported, signer, _rows(packed))


def _rows(packed: bytes) -> Rows:
    try:
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(packed, PLAIN_OCTETS_MAX)
        rows = json.loads(plain.decode())
        if not unpacker.eof or not isinstance(rows, dict):
            raise ValueError
        for of_kind in rows.values():
            if not isinstance(of_kind, dict) or not all(isinstance(body, dict) for body in of_kind.values()):
                raise ValueError
    except (ValueError, zlib.error, RecursionError):
        raise BadSealedConfig("the configuration in the file is damaged") from None
    return rows


def _key(passphrase: Secret, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << 15, r=8, p=1).derive(passphrase.reveal())
