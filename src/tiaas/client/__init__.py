"""A typed asyncio client for any Konnektor: `async with connect(load_kon(path, os.environ)) as konnektor`."""

from tiaas.client.errors import (
    BadAnswer,
    BadKon,
    ClientError,
    KonnektorFault,
    KonnektorUnreachable,
    ServiceMissing,
    TraceEntry,
)
from tiaas.client.kon import Kon, load_kon, parse_kon
from tiaas.client.konnektor import CardCertificate, Konnektor, PinOutcome, PinState, connect
from tiaas.client.transport import Timeouts
from tiaas.client.vsd import Vsd

__all__ = [
    "BadAnswer",
    "BadKon",
    "CardCertificate",
    "ClientError",
    "Kon",
    "Konnektor",
    "KonnektorFault",
    "KonnektorUnreachable",
    "PinOutcome",
    "PinState",
    "ServiceMissing",
    "Timeouts",
    "TraceEntry",
    "Vsd",
    "connect",
    "load_kon",
    "parse_kon",
]
