"""A typed asyncio client for any Konnektor: `async with connect(load_kon(path, os.environ)) as konnektor`."""

from tiaas.ades.xadesvariants import Update
from tiaas.client.cardservices import CertificateEnds, CertificateVerdict, RequestedCard, ScenarioAnswers
from tiaas.client.cetp import CetpReceiver, ReceivedEvent, receive_events
from tiaas.client.directoryrecipients import DirectoryRecipient, find_recipient
from tiaas.client.encryption import Converted
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
from tiaas.client.konnektor import CardCertificate, EventSubscription, Konnektor, PinOutcome, PinState, connect
from tiaas.client.signaturepolicies import UnderPolicy, under_policy
from tiaas.client.signatures import ComfortState, DocumentToSign, SignedResult, Verification
from tiaas.client.transport import Timeouts
from tiaas.client.vsd import Vsd
from tiaas.interfaces.signature_service_v7_5 import Crypt

__all__ = [
    "BadAnswer",
    "BadKon",
    "CardCertificate",
    "CertificateEnds",
    "CertificateVerdict",
    "CetpReceiver",
    "ClientError",
    "ComfortState",
    "Converted",
    "Crypt",
    "DirectoryRecipient",
    "DocumentToSign",
    "EventSubscription",
    "Kon",
    "Konnektor",
    "KonnektorFault",
    "KonnektorUnreachable",
    "PinOutcome",
    "PinState",
    "ReceivedEvent",
    "RequestedCard",
    "ScenarioAnswers",
    "ServiceMissing",
    "SignedResult",
    "Timeouts",
    "TraceEntry",
    "UnderPolicy",
    "Update",
    "Verification",
    "Vsd",
    "connect",
    "find_recipient",
    "load_kon",
    "parse_kon",
    "receive_events",
    "under_policy",
]
