"""PKCS#12 files from outside; what one costs is known before anything of it is computed (RFC 7292, 8018, 7914).

Whoever made the file says how many rounds its keys take: a kilobyte can ask for hours. First those rounds are counted
that anybody sees; if they are few, encrypted content is opened, for a key in it may ask for rounds of its own. Only
what a reader knows is let through.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from asn1crypto import cms, keys, pkcs12
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.konnektor.pkcs12content import MAC_DIGESTS, SCRYPT, BadContent, is_mac_right, plain_contents, read_scrypt

ROUNDS_MAX = 1_000_000
"""Of all parts of a file; programs of today write up to some 100,000 each."""
_RSA_BITS_MAX = 4096
_NOT_OPENED = "the file is no PKCS#12, or the password is wrong"
_DEPTH_MAX = 4
_PBES1 = frozenset({
    "pbes1_md5_des", "pbes1_sha1_des", "pbes1_sha1_rc2", "pbes1_md5_rc2", "pkcs12_sha1_rc4_128", "pkcs12_sha1_rc4_40",
    "pkcs12_sha1_tripledes_3key", "pkcs12_sha1_tripledes_2key", "pkcs12_sha1_rc2_128", "pkcs12_sha1_rc2_40",
})  # fmt: skip
# asn1crypto raises these while it reads lazily; nothing else may leave the decoder.
_READ_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class BadPkcs12(InvalidInput):
    """A file that is no PKCS#12 of the known kinds, asks for too many rounds, or does not open with the password."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file whose keys are still encrypted."""

    pfx: pkcs12.Pfx
    rounds: int
    contents: list[pkcs12.SafeContents]


def load_pkcs12(file: bytes, password: Secret) -> tuple[PrivateKeyTypes | None, x509.Certificate | None]:
    """The first key and the first certificate that belongs to it. Raises `BadPkcs12`.

    Takes up to seconds, in which other threads go on.
    """
    opened = _open_untrusted(file, password, ROUNDS_MAX)
    try:
        return _loaded(opened, password)
    except BadContent as error:
        raise BadPkcs12(f"the PKCS#12 cannot be read: {error}") from None
    except (*_READ_ERRORS, UnsupportedAlgorithm):
        raise BadPkcs12(_NOT_OPENED) from None


def count_rounds_untrusted(file: bytes, password: Secret, most: int = ROUNDS_MAX) -> int:
    """How many rounds opening the file takes, in all: not more than `most`.

    Encrypted content is opened, at the cost of its own rounds, once those of all parts in sight are counted. Raises
    `BadPkcs12` for what is not known, asks for more rounds, or does not open with the password.
    """
    return _open_untrusted(file, password, most).rounds


def _open_untrusted(file: bytes, password: Secret, most: int) -> _Opened:
    try:
        pfx = pkcs12.Pfx.load(file, strict=True)
        if pfx["auth_safe"]["content_type"].native != "data":
            raise BadPkcs12("the PKCS#12 is not kept by a password")
        rounds = _mac(pfx["mac_data"]) if isinstance(pfx["mac_data"], pkcs12.MacData) else 0
        contents, encrypted = [], []
        for content in pfx.authenticated_safe:
            rounds += _content(content)
            if content["content_type"].native == "encrypted_data":
                encrypted.append(content["content"]["encrypted_content_info"])
            else:
                contents.append(pkcs12.SafeContents.load(content["content"].native, strict=True))
        _require_few(rounds, most)
        for info in encrypted:
            added, opened = _inside(info, password)
            rounds += added
            contents.append(opened)
            _require_few(rounds, most)
        return _Opened(pfx, rounds, contents)
    except BadContent as error:
        raise BadPkcs12(f"the PKCS#12 cannot be read: {error}") from None
    except _READ_ERRORS:
        raise BadPkcs12("the file is no PKCS#12") from None


def _loaded(opened: _Opened, password: Secret) -> tuple[PrivateKeyTypes | None, x509.Certificate | None]:
    mac = opened.pfx["mac_data"]
    if isinstance(mac, pkcs12.MacData) and not is_mac_right(mac, opened.pfx["auth_safe"]["content"].native, password):
        raise BadPkcs12(_NOT_OPENED)
    bags = [bag for bags in opened.contents for bag in _leaves(bags)]
    key = next((_key(bag, password) for bag in bags if bag["bag_id"].native != "cert_bag"), None)
    if key is None:
        return None, None
    own = key.public_key()
    for bag in bags:
        if bag["bag_id"].native == "cert_bag" and bag["bag_value"]["cert_id"].native == "x509":
            certificate = x509.load_der_x509_certificate(bytes(bag["bag_value"]["cert_value"]))
            # One of the CAs may have a key of a kind that is not known.
            with suppress(ValueError, UnsupportedAlgorithm):
                if certificate.public_key() == own:
                    return key, certificate
    return key, None


def _leaves(bags: pkcs12.SafeContents) -> Iterator[Any]:
    for bag in bags:
        if bag["bag_id"].native == "safe_contents":
            yield from _leaves(bag["bag_value"])
        else:
            yield bag


def _key(bag: Any, password: Secret) -> PrivateKeyTypes:
    value = bag["bag_value"]
    if bag["bag_id"].native == "key_bag":
        return _decoded_key(value.untag().dump())
    found = plain_contents(value["encryption_algorithm"], value["encrypted_data"].native, password)
    for plain in found:
        return _decoded_key(plain)
    raise BadPkcs12(_NOT_OPENED)


def _decoded_key(plain: bytes) -> PrivateKeyTypes:
    """Numbers of RSA are bounded first: the library looks whether they are primes."""
    info = keys.PrivateKeyInfo.load(plain, strict=True)
    kind = info["private_key_algorithm"]["algorithm"].native
    if kind == "rsa":
        numbers = info["private_key"].parsed
        sizes = [numbers[name].native.bit_length() for name in ("modulus", "prime1", "prime2")]
        if max(sizes) > _RSA_BITS_MAX or max(sizes[1:]) > _RSA_BITS_MAX // 2:
            raise BadPkcs12(f"the PKCS#12 holds an RSA key of more than {_RSA_BITS_MAX} bits")
    elif kind != "ec":
        raise BadPkcs12("the PKCS#12 holds a key that is neither EC nor RSA")
    return load_der_private_key(plain, None)


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


def _mac(mac: pkcs12.MacData) -> int:
    """Others than that of RFC 7292 keep rounds in their parameters (PBMAC1, RFC 9579); nobody makes them unasked."""
    if mac["mac"]["digest_algorithm"]["algorithm"].native not in MAC_DIGESTS:
        raise BadPkcs12("the PKCS#12 has a MAC of an unknown kind")
    return _positive(mac["iterations"])


def _inside(info: cms.EncryptedContentInfo, password: Secret) -> tuple[int, pkcs12.SafeContents]:
    """Of an empty password, which has two forms, what the costlier one asks for; and the content."""
    octets = info["encrypted_content"].native
    found = list(_readings(plain_contents(info["content_encryption_algorithm"], octets, password)))
    if not found:
        raise BadPkcs12(_NOT_OPENED)
    return max(rounds for rounds, _ in found), found[0][1]


def _readings(contents: Iterator[bytes]) -> Iterator[tuple[int, pkcs12.SafeContents]]:
    for plain in contents:
        with suppress(*_READ_ERRORS):
            bags = pkcs12.SafeContents.load(plain, strict=True)
            yield _bags(bags, _DEPTH_MAX), bags


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
