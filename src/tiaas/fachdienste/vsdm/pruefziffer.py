"""The Prüfziffer: an insurer's proof that a card was checked online; 47 octets, 64 characters in Base64.

    version 1   KVNR (10) ‖ Unix time (10 digits) ‖ reason U, V or C ‖ operator letter ‖ key version digit
                ‖ HMAC-SHA-256 over all of that, first 24 octets
    version 2   128 + 4 · (operator − 'A') + key version (1) ‖ IV (12) ‖ AES-128-GCM of 18 octets ‖ tag (16)
                inside: hcv (5), its top bit "card revoked" ‖ time (3) ‖ KVNR (10)

Key of version 2: HKDF-SHA-256 of the shared secret, no salt, info "VSDM+ Version 2 AES/GCM" (A_27286); time in steps of
eight seconds since 2025-01-01. hcv: first 40 bits of SHA-256(begin of insurance ‖ street), top bit 0.
The E-Rezept service has the same secret and reads what the insurer's services wrote. Facts: gemSpec_SST_FD_VSDM as
changed by C_12143, checked with gematik's published values.
"""

import enum
from dataclasses import field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError

SIZE: Final = 47
HCV_SIZE: Final = 5
_EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
_STEP: Final = 8
_INFO: Final = b"VSDM+ Version 2 AES/GCM"
_KVNR_SIZE: Final = 10
_CONTENT_1: Final = 23
_IV_SIZE: Final = 12
_VERSION_2: Final = 0x80


class BadPruefziffer(TiaasError):
    """Octets that are no Prüfziffer, or none made with this secret."""


@enum.unique
class Reason(enum.StrEnum):
    """What the Prüfziffer was given for (version 1): question to the UFS, update of data, update by the CMS."""

    UFS = "U"
    VSD = "V"
    CMS = "C"


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """An operator's secret (32 octets), shared with the E-Rezept service; `letter` A to Z, `version` 0 to 9.

    Version 2 of the Prüfziffer has room for key versions 0 to 3.
    """

    letter: str
    version: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.letter) != 1 or not "A" <= self.letter <= "Z":
            raise ValueError("the operator is a letter from A to Z")
        if not 0 <= self.version <= 9:
            raise ValueError("the version of the key is 0 to 9")

    def aes_key(self) -> bytes:
        """The AES-128 key of version 2."""
        return HKDF(SHA256(), 16, salt=None, info=_INFO).derive(self.secret)


@dataclass(frozen=True, slots=True)
class ProofV1:
    """What a Prüfziffer of version 1 says."""

    kvnr: str
    issued_at: datetime
    reason: Reason
    operator: str
    key_version: int


@dataclass(frozen=True, slots=True)
class ProofV2:
    """What a Prüfziffer of version 2 says; `issued_at` on eight seconds, `hcv` without the flag."""

    kvnr: str
    issued_at: datetime
    hcv: bytes
    revoked: bool
    operator: str
    key_version: int


def hcv(begin: str, street: str) -> bytes:
    """The check value over begin of the insurance (as in the VSD, YYYYMMDD) and street; 5 octets, top bit 0."""
    text = (begin + street.strip()).encode("iso-8859-15", "xmlcharrefreplace")
    octets = sha256(text).digest()[:HCV_SIZE]
    return bytes([octets[0] & 0x7F]) + octets[1:]


def encode_v1(kvnr: str, reason: Reason, now: datetime, key: OperatorKey) -> bytes:
    """A Prüfziffer of version 1; raises ValueError for a KVNR or time that has no room."""
    content = f"{kvnr}{int(now.timestamp()):010d}{reason}{key.letter}{key.version}".encode("ascii")
    if len(content) != _CONTENT_1:
        raise ValueError("KVNR and time have ten characters each")
    return content + _seal(key, content)


def encode_v2(kvnr: str, check: bytes, now: datetime, key: OperatorKey, entropy: Entropy, *, revoked: bool) -> bytes:
    """A Prüfziffer of version 2 with the check value `check` of `hcv`; raises ValueError."""
    if len(kvnr) != _KVNR_SIZE or len(check) != HCV_SIZE or key.version > 3:
        raise ValueError("a KVNR has ten characters, hcv five octets, key versions are 0 to 3")
    steps = int((now - _EPOCH).total_seconds()) // _STEP
    flagged = bytes([check[0] | (0x80 if revoked else 0)]) + check[1:]
    iv = entropy.octets(_IV_SIZE)
    sealed = AESGCM(key.aes_key()).encrypt(iv, flagged + steps.to_bytes(3, "big") + kvnr.encode("ascii"), None)
    return bytes([_VERSION_2 + 4 * (ord(key.letter) - ord("A")) + key.version]) + iv + sealed


def decode_untrusted(octets: bytes, key: OperatorKey) -> ProofV1 | ProofV2:
    """Reads and verifies a Prüfziffer made with `key`. Raises only `BadPruefziffer`."""
    if len(octets) != SIZE:
        raise BadPruefziffer(f"{len(octets)} octets, not {SIZE}")
    return _decode_v2(octets, key) if octets[0] & _VERSION_2 else _decode_v1(octets, key)


def _seal(key: OperatorKey, content: bytes) -> bytes:
    return hmac_digest(key.secret, content, "sha256")[: SIZE - _CONTENT_1]


def _decode_v1(octets: bytes, key: OperatorKey) -> ProofV1:
    content = octets[:_CONTENT_1]
    text = content.decode("ascii", "replace")
    _check_key(text[21], text[22], key)
    if not compare_digest(_seal(key, content), octets[_CONTENT_1:]):
        raise BadPruefziffer("the checksum is wrong")
    if not (text[10:20].isascii() and text[10:20].isdigit()) or text[20] not in list(Reason):
        raise BadPruefziffer("no time or no reason in it")
    issued_at = datetime.fromtimestamp(int(text[10:20]), UTC)
    return ProofV1(text[:_KVNR_SIZE], issued_at, Reason(text[20]), key.letter, key.version)


def _decode_v2(octets: bytes, key: OperatorKey) -> ProofV2:
    operator, version = divmod(octets[0] - _VERSION_2, 4)
    _check_key(chr(ord("A") + operator), str(version), key)
    try:
        content = AESGCM(key.aes_key()).decrypt(octets[1 : 1 + _IV_SIZE], octets[1 + _IV_SIZE :], None)
    except InvalidTag:
        raise BadPruefziffer("it was not made with this secret") from None
    steps = int.from_bytes(content[HCV_SIZE : HCV_SIZE + 3], "big")
    return ProofV2(
        kvnr=content[HCV_SIZE + 3 :].decode("ascii", "replace"),
        issued_at=_EPOCH + timedelta(seconds=_STEP * steps),
        hcv=bytes([content[0] & 0x7F]) + content[1:HCV_SIZE],
        revoked=bool(content[0] & 0x80),
        operator=key.letter,
        key_version=key.version,
    )


def _check_key(letter: str, version: str, key: OperatorKey) -> None:
    if (letter, version) != (key.letter, str(key.version)):
        raise BadPruefziffer("it names another operator or key")
