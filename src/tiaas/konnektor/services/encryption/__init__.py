"""EncryptionService 6.1: one module per operation (gemSpec_Kon V5.18 §4.1.7.5; WSDL 6.1.0 and 6.1.1)."""

from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.encryption import decrypting, encrypting
from tiaas.soap.dispatch import Operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operations of EncryptionService 6.1."""
    return [*encrypting.operations(context), *decrypting.operations(context)]
