"""The program of a process that uses keys: private ones in files, which it holds, and public ones of certificates.

    python -m tiaas.pki.keyworker SOCKET

It answers the requests of `tiaas.pki.keyprocesses` one after the other, each with one message, and ends when the other
end of the socket is closed. It imports no more than it needs: a start takes a tenth of a second. To the system it is a
process that computes (SCHED_BATCH): it does not interrupt the event loop as soon as it is asked, but when that waits.
"""

import enum
import os
import socket
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.prehashed import PrivateKey, SchemeMismatch, is_signature, make_signature

MESSAGE_OCTETS_MAX = 16 * 1024
NAME_AT = 4
"""Where the name stands in a request."""
_PUBLIC_KEYS_KEPT = 512
FITS = b"\x01"
_OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


class Use(enum.IntEnum):
    """What is asked for; the number is the first octet of a request."""

    FORGET = 0
    """The keys of a folder."""
    ECDSA = 1
    RSASSA_PSS = 2
    RSASSA_PKCS1_V1_5 = 3
    """Signature over a hash value."""
    AGREE = 4
    """ECDH with a point (X9.62, uncompressed): the x-coordinate."""
    DECIPHER = 5
    """RSAES-OAEP with SHA-256."""
    VERIFY = 6
    """Whether an ECDSA signature is a public key's, which stands in the place of a file's name
    (SubjectPublicKeyInfo, DER); the hash value with the signature (DER) behind it."""


class Outcome(enum.IntEnum):
    """What became of it; the number is the first octet of an answer, before the result."""

    DONE = 0
    NO_KEY = 1
    UNREADABLE = 2
    WRONG_KIND = 3
    WRONG_CRYPTOGRAM = 4
    DEFECT = 5


USE_OF = {scheme: Use[scheme.name] for scheme in SigningScheme}
_SCHEME_OF = {use: scheme for scheme, use in USE_OF.items()}
_HASHES = tuple(Digest)


def write_request(use: Use, name: bytes, octets: bytes = b"", hash_function: Digest = Digest.SHA256) -> bytes:
    """A request: a `Use`, a hash function, the name of a key's file (or of the folder) with its length, octets."""
    return b"%c%c%b%b%b" % (use, _HASHES.index(hash_function), len(name).to_bytes(2, "big"), name, octets)


class _NotDone(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Worker:
    """The keys of this process, by the names of their files. A loaded key is kept: loading costs as much as signing."""

    def __init__(self) -> None:
        self._keys: dict[bytes, PrivateKey] = {}

    def answer(self, request: bytes) -> bytes:
        """The answer to a request of `write_request`. Raises nothing: errors would say what the keys are."""
        end = NAME_AT + int.from_bytes(request[2:NAME_AT], "big")
        name, octets = request[NAME_AT:end], request[end:]
        try:
            return b"%c%b" % (Outcome.DONE, self._done(Use(request[0]), _HASHES[request[1]], name, octets))
        except _NotDone as error:
            return bytes((error.outcome,))
        except Exception:  # noqa: BLE001 - nobody reads what it says
            return bytes((Outcome.DEFECT,))

    def _done(self, use: Use, hash_function: Digest, name: bytes, octets: bytes) -> bytes:
        if use is Use.FORGET:
            self._keys = {known: key for known, key in self._keys.items() if not known.startswith(name + b"/")}
            return b""
        if use is Use.VERIFY:
            digest, value = octets[: hash_function.size], octets[hash_function.size :]
            return FITS if is_signature(_public_key(name), value, digest, SigningScheme.ECDSA, hash_function) else b""
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = _load(name)
        if use is Use.AGREE:
            return _agree(key, octets)
        if use is Use.DECIPHER:
            return _decipher(key, octets)
        try:
            return make_signature(key, octets, _SCHEME_OF[use], hash_function)
        except SchemeMismatch:
            raise _NotDone(Outcome.WRONG_KIND) from None


def _load(name: bytes) -> PrivateKey:
    try:
        key = load_der_private_key(Path(name.decode("utf-8", "surrogateescape")).read_bytes(), None)
    except FileNotFoundError:
        raise _NotDone(Outcome.NO_KEY) from None
    except (OSError, ValueError):
        raise _NotDone(Outcome.UNREADABLE) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise _NotDone(Outcome.WRONG_KIND)
    return key


@lru_cache(maxsize=_PUBLIC_KEYS_KEPT)
def _public_key(encoded: bytes) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(encoded)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _NotDone(Outcome.WRONG_KIND)
    return key


def _agree(key: PrivateKey, point: bytes) -> bytes:
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _NotDone(Outcome.WRONG_KIND)
    try:
        other = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
    except ValueError:
        raise _NotDone(Outcome.WRONG_CRYPTOGRAM) from None
    return key.exchange(ec.ECDH(), other)


def _decipher(key: PrivateKey, cryptogram: bytes) -> bytes:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _NotDone(Outcome.WRONG_KIND)
    try:
        return key.decrypt(cryptogram, _OAEP)
    except ValueError:
        raise _NotDone(Outcome.WRONG_CRYPTOGRAM) from None


def main(descriptor: int) -> None:
    """Serves the socket until its other end is closed."""
    worker = Worker()
    # Without leave to do so, as under some filters of system calls, it only takes longer.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with socket.socket(fileno=descriptor) as line:
        while request := line.recv(MESSAGE_OCTETS_MAX):
            line.send(worker.answer(request))


if __name__ == "__main__":
    main(int(sys.argv[1]))
