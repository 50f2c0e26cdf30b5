"""Opens an encrypted content of a PKCS#12 file to see what lies in it (RFC 7292 B and C, RFC 8018, RFC 7914).

The library's own reader derives every key on its way, and holds the interpreter's lock while it does; here other
threads go on. The rounds of the content itself are the caller's matter: `konnektor.pkcs12file` bounds them.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from asn1crypto import core
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.pki import rc2

_KEY, _IV, _MAC = 1, 2, 3
_PRFS = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})
_SCRYPT_MEMORY = 64 * 1024 * 1024

MAC_DIGESTS: Mapping[str, Callable[[bytes], Any]] = {
    "sha1": lambda octets: hashlib.sha1(octets, usedforsecurity=False),
    "sha224": hashlib.sha224,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
"""What a MAC is made with; its key comes from the derivation of RFC 7292, B, with the same function."""

SCRYPT = "1.3.6.1.4.1.11591.4.11"

Decrypt = Callable[[bytes, bytes, bytes], bytes]
"""Key, initialisation vector, octets: the plain octets with padding."""


class BadContent(InvalidInput):
    """Content that does not open: an encryption that is not known, or another password."""


class Scrypt(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """Parameters of scrypt (RFC 7914, 7)."""

    _fields = [  # noqa: RUF012
        ("salt", core.OctetString),
        ("cost", core.Integer),
        ("block_size", core.Integer),
        ("parallelization", core.Integer),
        ("key_length", core.Integer, {"optional": True}),
    ]


def read_scrypt(derivation: Any) -> Scrypt:
    """The parameters of a derivation by scrypt. Raises what asn1crypto raises."""
    read: Scrypt = Scrypt.load(derivation["parameters"].dump(), strict=True)
    return read


def _cbc(cipher: Callable[[bytes], CipherAlgorithm]) -> Decrypt:
    def decrypt(key: bytes, iv: bytes, octets: bytes) -> bytes:
        worker = Cipher(cipher(key), CBC(iv)).decryptor()
        return worker.update(octets) + worker.finalize()

    return decrypt


def _triple(key: bytes) -> CipherAlgorithm:
    """3DES also with two keys or one, as RFC 7292 and RFC 8018 use them."""
    return TripleDES({8: key * 3, 16: key + key[:8]}.get(len(key), key))


def _arc4(key: bytes, iv: bytes, octets: bytes) -> bytes:
    return Cipher(ARC4(key), None).decryptor().update(octets)


_BY_PKCS12: Mapping[str, tuple[int, int, Decrypt]] = {
    "pkcs12_sha1_rc4_128": (16, 0, _arc4),
    "pkcs12_sha1_rc4_40": (5, 0, _arc4),
    "pkcs12_sha1_tripledes_3key": (24, 8, _cbc(_triple)),
    "pkcs12_sha1_tripledes_2key": (16, 8, _cbc(_triple)),
    "pkcs12_sha1_rc2_128": (16, 8, rc2.decrypt_cbc),
    "pkcs12_sha1_rc2_40": (5, 8, rc2.decrypt_cbc),
}
"""RFC 7292, C: octets of the key and of the initialisation vector."""
_BY_PBES1: Mapping[str, tuple[str, Decrypt]] = {
    "pbes1_md5_des": ("md5", _cbc(_triple)),
    "pbes1_sha1_des": ("sha1", _cbc(_triple)),
    "pbes1_md5_rc2": ("md5", rc2.decrypt_cbc),
    "pbes1_sha1_rc2": ("sha1", rc2.decrypt_cbc),
}
"""RFC 8018, 6.1: 8 octets of key, 8 of initialisation vector."""
_BY_PBES2: Mapping[str, tuple[int, Decrypt]] = {
    "aes128_cbc": (16, _cbc(AES)),
    "aes192_cbc": (24, _cbc(AES)),
    "aes256_cbc": (32, _cbc(AES)),
    "tripledes_3key": (24, _cbc(_triple)),
}


def plain_contents(algorithm: Any, octets: bytes, password: Secret) -> Iterator[bytes]:
    """What the content may be, without padding: one reading, of an empty password up to two.

    `algorithm` is an `EncryptionAlgorithm` of asn1crypto. Yields nothing for another password. Raises `BadContent`
    for an unknown encryption, and what asn1crypto raises for parameters that are none.
    """
    name = algorithm["algorithm"].native
    for decrypt, key, iv in _keys(name, algorithm, password):
        try:
            padded = decrypt(key, iv, octets)
        except (ValueError, UnsupportedAlgorithm, rc2.BadRc2):
            continue
        if decrypt is _arc4:
            yield padded
            continue
        size = padded[-1] if padded else 0
        if 1 <= size <= min(len(padded), 16) and padded.endswith(bytes([size]) * size):
            yield padded[:-size]


def _keys(name: str, algorithm: Any, password: Secret) -> Iterator[tuple[Decrypt, bytes, bytes]]:
    parameters = algorithm["parameters"]
    if name in _BY_PKCS12:
        key_size, iv_size, decrypt = _BY_PKCS12[name]
        salt, rounds = parameters["salt"].native, parameters["iterations"].native
        for text in _big_endian(password):
            key = derive_pkcs12(text, salt, rounds, _KEY, key_size)
            yield decrypt, key, derive_pkcs12(text, salt, rounds, _IV, iv_size) if iv_size else b""
    elif name in _BY_PBES1:
        digest, decrypt = _BY_PBES1[name]
        value = password.reveal() + parameters["salt"].native
        for _ in range(parameters["iterations"].native):
            value = hashlib.new(digest, value, usedforsecurity=False).digest()
        yield decrypt, value[:8], value[8:16]
    else:
        yield _by_pbes2(parameters, password)


def _by_pbes2(parameters: Any, password: Secret) -> tuple[Decrypt, bytes, bytes]:
    scheme = parameters["encryption_scheme"]
    if scheme["algorithm"].native not in _BY_PBES2:
        raise BadContent("encrypted with an unknown cipher")
    size, decrypt = _BY_PBES2[scheme["algorithm"].native]
    derivation = parameters["key_derivation_func"]
    if derivation["algorithm"].native == "pbkdf2":
        given = derivation["parameters"]
        digest = given["prf"]["algorithm"].native
        if digest not in _PRFS:
            raise BadContent("derives its key with an unknown function")
        salt, rounds = given["salt"].native, given["iteration_count"].native
        key = hashlib.pbkdf2_hmac(digest, password.reveal(), salt, rounds, size)
    else:
        scrypt = read_scrypt(derivation)
        n, r, p = (scrypt[field].native for field in ("cost", "block_size", "parallelization"))
        salt = scrypt["salt"].native
        key = hashlib.scrypt(password.reveal(), salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY, dklen=size)
    return decrypt, key, scheme["parameters"].native


def _big_endian(password: Secret) -> tuple[bytes, ...]:
    """The password as BMPString with its end; programs write an empty one in two ways (RFC 7292, B.1)."""
    try:
        text = password.reveal().decode().encode("utf-16-be") + b"\0\0"
    except UnicodeDecodeError:
        text = password.reveal().decode("latin-1").encode("utf-16-be") + b"\0\0"
    return (text,) if len(text) > 2 else (b"", text)


def is_mac_right(mac: Any, content: bytes, password: Secret) -> bool:
    """Whether the MAC of a file (`MacData` of asn1crypto, with one of `MAC_DIGESTS`) is that of its content."""
    digest = mac["mac"]["digest_algorithm"]["algorithm"].native
    salt, rounds, given = mac["mac_salt"].native, mac["iterations"].native, mac["mac"]["digest"].native
    size = MAC_DIGESTS[digest](b"").digest_size
    for text in _big_endian(password):
        key = derive_pkcs12(text, salt, rounds, _MAC, size, digest)
        if hmac.compare_digest(hmac.digest(key, content, digest), given):
            return True
    return False


def derive_pkcs12(password: bytes, salt: bytes, rounds: int, purpose: int, size: int, digest: str = "sha1") -> bytes:
    """RFC 7292, B.2; `digest` is one of `MAC_DIGESTS`."""
    hashed = MAC_DIGESTS[digest]
    block = hashed(b"").block_size
    mixed = bytearray(_filled(salt, block) + _filled(password, block))
    start, derived = bytes([purpose]) * block, bytearray()
    while True:
        value = hashed(start + mixed).digest()
        for _ in range(rounds - 1):
            value = hashed(value).digest()
        derived += value
        if len(derived) >= size:
            return bytes(derived[:size])
        added = int.from_bytes(_filled(value, block)[:block]) + 1
        for first, last in pairwise(range(0, len(mixed) + 1, block)):
            total = int.from_bytes(mixed[first:last]) + added
            mixed[first:last] = (total % (1 << 8 * block)).to_bytes(block)


def _filled(octets: bytes, block: int) -> bytes:
    """Repeated to whole blocks of the hash function."""
    blocks = -(-len(octets) // block)
    return (octets * (block * blocks // max(len(octets), 1) + 1))[: block * blocks]
