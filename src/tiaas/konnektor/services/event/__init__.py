"""EventService 7.2 (EventService.wsdl 7.2.0; gemSpec_Kon V5.18 §4.1.6.5)."""

from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.event import lists, resource, subscription
from tiaas.soap.dispatch import Operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operations of EventService 7.2."""
    return [entry for part in (lists, resource, subscription) for entry in part.operations(context)]
