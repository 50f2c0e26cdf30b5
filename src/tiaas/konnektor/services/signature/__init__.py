"""SignatureService 7.4 and 7.5 (gemSpec_Kon V5.18 §4.1.8.5)."""

from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.signature import comfort, jobs, signing, verify
from tiaas.soap.dispatch import Operation

_MODULES = (signing, verify, jobs, comfort)


def operations(context: ServiceContext) -> list[Operation]:
    """All operations of the service."""
    return [operation for module in _MODULES for operation in module.operations(context)]
