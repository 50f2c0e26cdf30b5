"""Pairing of a Konnektor with a terminal: shared secret, confirmation text, the terminal's signature.

gemSpec_Kon V5.18.0, TUC_KON_053 and TAB_KON_727; gemSpec_KT V3.17.0, 2.5.2 and 3.7.2; gemSpec_Krypt A_17090.
"""

from dataclasses import dataclass

from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret

SECRET_SIZE = 16


class BadPairingSignature(TiaasError):
    """The signature over the shared secret was not made with the key of the terminal's certificate."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a Konnektor stores of a paired terminal: C.SMKT.AUT (DER) and the shared secret ShS.KT.AUT."""

    certificate: bytes
    secret: Secret

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as hex pairs with colons: what the administrator compares with the paper."""
        return fingerprint(self.certificate)

    @property
    def tls_profile(self) -> str:
        """`ecc` or `rsa`: which suites to offer on reconnect, see `front.Dial`."""
        raise NotImplementedError


def new_secret(entropy: Entropy) -> Secret:
    """16 random octets for ShS.KT.AUT."""
    raise NotImplementedError


def pairing_text(mac: bytes, konnektor_hostname: str) -> str:
    """The question shown at the terminal (TAB_KON_727); `mac` are the 6 octets of the terminal's address."""
    raise NotImplementedError


def fingerprint(certificate: bytes) -> str:
    """SHA-256 over the DER octets, hex pairs with colons, upper case."""
    raise NotImplementedError


def verify_pairing_signature(certificate: bytes, secret: Secret, signature: bytes) -> None:
    """Checks the answer to CREATE; raises `BadPairingSignature`."""
    raise NotImplementedError
