"""Which key of a card is meant: RSA or ECC, and RSA_ECC where an operation takes both."""

from tiaas.base.errors import InvalidInput
from tiaas.interfaces import certificate_service_v6_0 as certificate_service
from tiaas.interfaces.signature_service_v7_5 import Crypt

OneKey = certificate_service.Crypt | Crypt
"""For operations on one certificate."""


def one_key(crypt: OneKey | None) -> certificate_service.Crypt | None:
    """As CertificateService takes it; raises `InvalidInput` for RSA_ECC."""
    if crypt is None:
        return None
    if crypt is Crypt.RSA_ECC:
        raise InvalidInput("one certificate is RSA or ECC")
    return certificate_service.Crypt(crypt.value)
