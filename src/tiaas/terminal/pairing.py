"""Pairing of a Konnektor with a terminal: shared secret, confirmation text, the terminal's signature.

gemSpec_Kon V5.18.0, TUC_KON_053; gemSpec_KT V3.17.0, 2.5.2 and 3.7.2; gemSpec_Krypt A_17090.
"""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret

SECRET_SIZE = 16
CHALLENGE_SIZE = 16
_PSS_SALT = 32


class BadPairingSignature(TiaasError):
    """The signature over the shared secret was not made with the key of the terminal's certificate."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a Konnektor stores of a paired terminal: C.SMKT.AUT (DER) and the shared secret ShS.KT.AUT."""

    certificate: bytes
    secret: Secret

    @property
    def fingerprint(self) -> str:
        """See `fingerprint`: what the administrator compares with the paper."""
        return fingerprint(self.certificate)

    @property
    def tls_profile(self) -> str:
        """`ecc` or `rsa`: which suites to offer on reconnect, see `front.Dial`. `BadPairingSignature` if neither."""
        return "ecc" if isinstance(_public_key(self.certificate), ec.EllipticCurvePublicKey) else "rsa"


def new_secret(entropy: Entropy) -> Secret:
    """16 random octets for ShS.KT.AUT."""
    return Secret(entropy.octets(SECRET_SIZE))


def pairing_text(mac: bytes, konnektor_hostname: str) -> str:
    """The question shown at the terminal (TUC_KON_053, step 5); `mac` are the 6 octets of the terminal's address."""
    shown = mac.hex().upper()
    return f"KT:{shown[:6]}:{shown[6:]} MIT KON:{konnektor_hostname} PAIREN OK?"


def fingerprint(certificate: bytes) -> str:
    """SHA-256 over the DER octets, hex pairs with colons, upper case."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def not_after(certificate: bytes) -> datetime:
    """When a certificate (DER) ends. Raises `BadPairingSignature`."""
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError as bad:
        raise BadPairingSignature("terminal certificate cannot be read") from bad


def verify_pairing_signature(certificate: bytes, secret: Secret, signature: bytes) -> None:
    """Checks the answer to CREATE; raises `BadPairingSignature`.

    The message is the secret. ECC: ECDSA with SHA-256, r ‖ s (gemSpec_KT SEQ_KT_0001-01, step 8). RSA: RSASSA-PSS
    with SHA-256 and 32 octets of salt.
    """
    key = _public_key(certificate)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_der_signature(signature, key.key_size), secret.reveal(), ec.ECDSA(hashes.SHA256()))
        else:
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=_PSS_SALT)
            key.verify(signature, secret.reveal(), pss, hashes.SHA256())
    except InvalidSignature as wrong:
        raise BadPairingSignature("not made with the key of the certificate") from wrong


def _der_signature(signature: bytes, bits: int) -> bytes:
    size = (bits + 7) // 8
    if len(signature) != 2 * size:
        raise BadPairingSignature(f"{len(signature)} octets instead of {2 * size}")
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))


def _public_key(certificate: bytes) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm) as bad:
        raise BadPairingSignature("terminal certificate cannot be read") from bad
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise BadPairingSignature("terminal certificate has neither an EC nor an RSA key")
    return key
