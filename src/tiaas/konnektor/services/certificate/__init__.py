"""CertificateService 6.0: one module per operation (gemSpec_Kon V5.18 §4.1.9.5; WSDL 6.0.0 and 6.0.1)."""

from tiaas.konnektor.services.certificate import expiration, reading, verification
from tiaas.konnektor.services.context import ServiceContext
from tiaas.soap.dispatch import Operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operations of CertificateService 6.0."""
    return [operation for part in (expiration, reading, verification) for operation in part.operations(context)]
