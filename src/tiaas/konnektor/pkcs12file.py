"""What a PKCS#12 file from outside costs before anything of it is computed (RFC 7292, RFC 8018, RFC 7914).

Whoever made the file says how many rounds its keys take: a kilobyte can ask for hours. First those rounds are counted
that anybody sees; if they are few, encrypted content is opened, for a key in it may ask for rounds of its own. Only
what a reader knows is let through.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from asn1crypto import cms, pkcs12
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.konnektor.pkcs12content import SCRYPT, BadContent, plain_contents, read_scrypt

ROUNDS_MAX = 1_000_000
"""Of all parts of a file; programs of today write some 10,000 each."""
_DEPTH_MAX = 4
_PBES1 = frozenset({
    "pbes1_md5_des", "pbes1_sha1_des", "pbes1_sha1_rc2", "pbes1_md5_rc2", "pkcs12_sha1_rc4_128", "pkcs12_sha1_rc4_40",
    "pkcs12_sha1_tripledes_3key", "pkcs12_sha1_tripledes_2key", "pkcs12_sha1_rc2_128", "pkcs12_sha1_rc2_40",
})  # fmt: skip
# asn1crypto raises these while it reads lazily; nothing else may leave the decoder.
_READ_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class BadPkcs12(InvalidInput):
    """A file that is no PKCS#12 of the known kinds, asks for too many rounds, or does not open with the password."""


def load_pkcs12(file: bytes, password: Secret) -> tuple[object | None, x509.Certificate | None, list[x509.Certificate]]:
    """Key, its certificate, further certificates. Raises `BadPkcs12`."""
    count_rounds_untrusted(file, password)
    try:
        return load_key_and_certificates(file, password.reveal() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadPkcs12("the file is no PKCS#12, or the password is wrong") from None


def count_rounds_untrusted(file: bytes, password: Secret, most: int = ROUNDS_MAX) -> int:
    """How many rounds opening the file takes, in all: not more than `most`.

    Encrypted content is opened, at the cost of its own rounds, once those of all parts in sight are counted. Raises
    `BadPkcs12` for what is not known, asks for more rounds, or does not open with the password.
    """
    try:
        pfx = pkcs12.Pfx.load(file, strict=True)
        if pfx["auth_safe"]["content_type"].native != "data":
            raise BadPkcs12("the PKCS#12 is not kept by a password")
        rounds = 0
        if isinstance(pfx["mac_data"], pkcs12.MacData):
            rounds += _positive(pfx["mac_data"]["iterations"])
        encrypted = []
        for content in pfx.authenticated_safe:
            rounds += _content(content)
            if content["content_type"].native == "encrypted_data":
                encrypted.append(content["content"]["encrypted_content_info"])
        _require_few(rounds, most)
        for info in encrypted:
            rounds += _inside(info, password)
            _require_few(rounds, most)
        return rounds
    except BadContent as error:
        raise BadPkcs12(f"the PKCS#12 cannot be read: {error}") from None
    except _READ_ERRORS:
        raise BadPkcs12("the file is no PKCS#12") from None


def _require_few(rounds: int, most: int) -> None:
    if rounds > most:
        raise BadPkcs12(f"the PKCS#12 asks for {rounds} rounds of key derivation; no more than {most} are done")


def _content(content: cms.ContentInfo) -> int:
    kind = content["content_type"].native
    if kind == "encrypted_data":
        return _encryption(content["content"]["encrypted_content_info"]["content_encryption_algorithm"])
    if kind == "data":
        return _bags(pkcs12.SafeContents.load(content["content"].native, strict=True), _DEPTH_MAX)
    raise BadPkcs12("the PKCS#12 has content of an unknown kind")


def _inside(info: cms.EncryptedContentInfo, password: Secret) -> int:
    """Of an empty password, which has two forms, what the costlier one asks for."""
    octets = info["encrypted_content"].native
    found = list(_readings(plain_contents(info["content_encryption_algorithm"], octets, password)))
    if not found:
        raise BadPkcs12("the file is no PKCS#12, or the password is wrong")
    return max(found)


def _readings(contents: Iterator[bytes]) -> Iterator[int]:
    for plain in contents:
        with suppress(*_READ_ERRORS):
            yield _bags(pkcs12.SafeContents.load(plain, strict=True), _DEPTH_MAX)


def _bags(bags: pkcs12.SafeContents, depth: int) -> int:
    if not depth:
        raise BadPkcs12("the PKCS#12 is nested too deeply")
    rounds = 0
    for bag in bags:
        kind = bag["bag_id"].native
        if kind == "pkcs8_shrouded_key_bag":
            rounds += _encryption(bag["bag_value"]["encryption_algorithm"])
        elif kind == "safe_contents":
            rounds += _bags(bag["bag_value"], depth - 1)
        elif kind not in ("key_bag", "cert_bag"):
            raise BadPkcs12("the PKCS#12 holds something of an unknown kind")
    return rounds


def _encryption(algorithm: Any) -> int:
    name = algorithm["algorithm"].native
    if name in _PBES1:
        return _positive(algorithm["parameters"]["iterations"])
    if name != "pbes2":
        raise BadPkcs12("the PKCS#12 is encrypted in an unknown way")
    derivation = algorithm["parameters"]["key_derivation_func"]
    if derivation["algorithm"].native == "pbkdf2":
        return _positive(derivation["parameters"]["iteration_count"])
    if derivation["algorithm"].dotted != SCRYPT:
        raise BadPkcs12("the PKCS#12 derives its keys in an unknown way")
    scrypt = read_scrypt(derivation)
    # Each step of scrypt mixes 2r blocks, twice over N, p times (RFC 7914, 4 to 6).
    return 4 * _positive(scrypt["cost"]) * _positive(scrypt["block_size"]) * _positive(scrypt["parallelization"])


def _positive(number: Any) -> int:
    value = number.native
    if not isinstance(value, int) or value < 1:
        raise BadPkcs12("the PKCS#12 has a count that is none")
    return value
