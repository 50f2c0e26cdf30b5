"""SignatureService 7.4 and 7.5 (gemSpec_Kon V5.18 §4.1.8.5)."""

from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.signature import jobs, signing, verify
from tiaas.soap.dispatch import Operation


def operations(context: ServiceContext) -> list[Operation]:
    """All operations of the service."""
    return [*signing.operations(context), *verify.operations(context), *jobs.operations(context)]
