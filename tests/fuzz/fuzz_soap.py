"""Fuzz target: the envelope and the decoder of the operation it names; an answer as the client reads it."""

from contextlib import suppress
from typing import Any

from tests.fuzz.mutation import stretched
from tiaas.interfaces import card_service_v8_1, certificate_service_v6_0, event_service_v7_2, vsd_service_v5_2
from tiaas.interfaces.card_service_common_v2_0 import CARDCMN
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.soap.client import ReceivedFault, read_answer_untrusted
from tiaas.soap.decoder import XmlElement, read_exactly
from tiaas.soap.envelope import SOAP, Limits, parse_envelope_untrusted
from tiaas.soap.errors import SoapError, UnfitMessage
from tiaas.soap.mapping import decode, encode, root_name
from tiaas.soap.plan import plan_of
from tiaas.soap.quickreader import Unusual, quick_read
from tiaas.soap.shapes import Shapes

_REQUESTS = {
    root_name(cls): cls
    for cls in (
        event_service_v7_2.GetCards,
        event_service_v7_2.GetCardTerminals,
        event_service_v7_2.Subscribe,
        event_service_v7_2.Unsubscribe,
        event_service_v7_2.RenewSubscriptions,
        card_service_v8_1.VerifyPin,
        card_service_v8_1.GetPinStatus,
        certificate_service_v6_0.ReadCardCertificate,
        certificate_service_v6_0.VerifyCertificate,
        vsd_service_v5_2.ReadVSD,
    )
}
_LIMITS = Limits(octets=1 << 20, nodes=1000, depth=16)

_CONTEXT = (
    '<c:Context xmlns:c="http://ws.gematik.de/conn/ConnectorContext/v2.0" '
    'xmlns:n="http://ws.gematik.de/conn/ConnectorCommon/v5.0">'
    "<n:MandantId>m</n:MandantId><n:ClientSystemId>c</n:ClientSystemId><n:WorkplaceId>w</n:WorkplaceId><n:UserId/></c:Context>"
)
_HANDLE = '<n:CardHandle xmlns:n="http://ws.gematik.de/conn/ConnectorCommon/v5.0">h</n:CardHandle>'


def _envelope(body: str, header: str = "") -> bytes:
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}">{header}<s:Body>{body}</s:Body></s:Envelope>'.encode()


SEEDS: list[bytes] = [
    _envelope(f'<e:GetCards mandant-wide="1" xmlns:e="{event_service_v7_2.EVT.uri}">{_CONTEXT}</e:GetCards>'),
    _envelope(
        f'<e:Subscribe xmlns:e="{event_service_v7_2.EVT.uri}">{_CONTEXT}<e:Subscription>'
        "<e:TerminationTime>2025-01-31T23:59:59.5+02:00</e:TerminationTime>"
        "<e:EventTo>cetp://[::1]:8888/</e:EventTo><e:Topic>CARD</e:Topic></e:Subscription></e:Subscribe>"
    ),
    _envelope(
        f'<e:GetCards xmlns:e="{event_service_v7_2.EVT.uri}">{_CONTEXT}<c:CtId xmlns:c="{CARDCMN.uri}">t</c:CtId>'
        f'<c:SlotId xmlns:c="{CARDCMN.uri}">{"0" * 20}x</c:SlotId></e:GetCards>'
    ),
    _envelope(
        f'<e:ReadCardCertificate xmlns:e="{certificate_service_v6_0.CERT.uri}">{_HANDLE}{_CONTEXT}<e:CertRefList>'
        "<e:CertRef> C.AUT </e:CertRef><!-- x --><e:CertRef><![CDATA[C.ENC]]></e:CertRef></e:CertRefList>"
        "<e:Crypt>ECC</e:Crypt></e:ReadCardCertificate>"
    ),
    _envelope(
        f'<v:ReadVSD xmlns:v="{vsd_service_v5_2.VSD.uri}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:schemaLocation="a b">'
        '<v:EhcHandle xsi:type="xs:token">a</v:EhcHandle>'
        "<v:HpcHandle>b</v:HpcHandle><v:PerformOnlineCheck>0</v:PerformOnlineCheck>"
        f"<v:ReadOnlineReceipt>false</v:ReadOnlineReceipt>{_CONTEXT}</v:ReadVSD>",
        '<s:Header><x xmlns="urn:x" s:mustUnderstand="0"/></s:Header>',
    ),
    _envelope(
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring><detail>"
        '<g:Error xmlns:g="http://ws.gematik.de/tel/error/v2.0"><g:MessageID/></g:Error></detail></s:Fault>'
    ),
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
]


def _learnt(seed: bytes) -> Shapes[type[Any]]:
    shapes: Shapes[type[Any]] = Shapes()
    with suppress(SoapError):
        element = parse_envelope_untrusted(seed, _LIMITS)
        cls = _REQUESTS[str(element.tag)]
        shapes.learn(seed, element, cls, decode(cls, element))
    return shapes


_SHAPES = [_learnt(seed) for seed in SEEDS[:2]]


def target(data: bytes) -> None:
    """Only `SoapError` (and `ReceivedFault` on the client's side) may escape; what is decoded is valid."""
    for message in {data, stretched(data)}:
        _read(message)


def _read(data: bytes) -> None:
    for shapes in _SHAPES:
        _check_shape(shapes, data)
    with suppress(SoapError):
        element = parse_envelope_untrusted(data, _LIMITS)
        cls = _REQUESTS.get(str(element.tag))
        if cls is not None:
            _check_again(decode(cls, element))
            _check_alike(cls, element)
    with suppress(SoapError, ReceivedFault):
        read_answer_untrusted(data, event_service_v7_2.GetCardsResponse, (Error,), _LIMITS)


def _check_shape(shapes: Shapes[type[Any]], data: bytes) -> None:
    """What is read without a parser is what the decoder reads."""
    read = shapes.read(data)
    if read is not None:
        cls, message = read
        if message != read_exactly(plan_of(cls), parse_envelope_untrusted(data, _LIMITS)):
            raise AssertionError("a message was read otherwise than the decoder reads it")


def _check_alike(cls: type[Any], element: XmlElement) -> None:
    """What is read quickly is what the decoder reads."""
    with suppress(Unusual):
        quick = quick_read(plan_of(cls), element)
        if quick != read_exactly(plan_of(cls), element):
            raise AssertionError("a message was read otherwise than the decoder reads it")


def _check_again(message: object) -> None:
    """A decoded message encodes, but for a time without zone, which we never write."""
    try:
        encode(message)
    except UnfitMessage as error:
        if error.reason != "has no time zone":
            raise AssertionError("a decoded message does not fit its schema") from error
