"""Reads a trust list into values; the signature is `signedlist`'s business."""

from datetime import UTC, datetime

from lxml import etree

from tiaas.pki.tsl import NAMESPACE, Pointer, TrustList, TrustService, TslError, TslFault
from tiaas.pki.tslschema import check_structure
from tiaas.soap import simple
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, parse_untrusted
from tiaas.soap.simpletype import LexicalError, collapse

XmlElement = etree._Element

LIMITS = Limits(octets=16 * 1024 * 1024, nodes=200_000, depth=32)
"""The lists of the TI have about 1 MB, the Bundesnetzagentur's some 2 MB."""


def decode_tsl_untrusted(document: bytes) -> TrustList:
    """Reads a list and checks its structure, not its signature. Raises only `TslError`."""
    return read_list(parse_list_untrusted(document))


def parse_list_untrusted(document: bytes) -> XmlElement:
    """The document element of well-formed XML within `LIMITS`. Raises only `TslError` TSL_NOT_WELLFORMED."""
    try:
        return parse_untrusted(document, LIMITS)
    except BadEnvelope as error:
        raise TslError(TslFault.TSL_NOT_WELLFORMED, str(error)) from None


def read_list(root: XmlElement) -> TrustList:
    """`decode_tsl_untrusted` for a parsed document. Raises only `TslError`."""
    check_structure(root)
    scheme = _get(root, "SchemeInformation")
    providers = root.find(_path("TrustServiceProviderList"))
    name = root.get("Id")
    # Tab_PKI_710: mandatory in the TI, optional in the schema.
    if name is None or providers is None:
        raise TslError(TslFault.TSL_SCHEMA_NOT_VALID, "TrustServiceStatusList lacks Id or TrustServiceProviderList")
    next_update = scheme.findtext(_path("NextUpdate", "dateTime"))
    return TrustList(
        id=name,
        sequence_number=simple.POSITIVE_INTEGER.decode(_text(scheme, "TSLSequenceNumber")),
        issued=_moment(_text(scheme, "ListIssueDateTime")),
        next_update=None if next_update is None else _moment(next_update),
        pointers=tuple(_pointer(item) for item in scheme.iterfind(_path("PointersToOtherTSL", "OtherTSLPointer"))),
        services=tuple(
            _service(_text(provider, "TSPInformation", "TSPName", "Name"), service)
            for provider in providers
            for service in provider.iterfind(_path("TSPServices", "TSPService", "ServiceInformation"))
        ),
    )


def _pointer(item: XmlElement) -> Pointer:
    mark = item.findtext(_path("AdditionalInformation", "TextualInformation"))
    return Pointer(collapse(_text(item, "TSLLocation")), None if mark is None else collapse(mark))


_INFORMATION = ("ServiceInformationExtensions", "Extension", "AdditionalServiceInformation", "InformationValue")


def _service(provider: str, item: XmlElement) -> TrustService:
    identity = _get(item, "ServiceDigitalIdentity")
    return TrustService(
        provider=provider,
        type=collapse(_text(item, "ServiceTypeIdentifier")),
        name=_text(item, "ServiceName", "Name"),
        certificates=_binaries(identity, _path("DigitalId", "X509Certificate")),
        cvcs=_binaries(identity, _path("DigitalId", "Other", "CVCertificate")),
        status=collapse(_text(item, "ServiceStatus")),
        since=_moment(_text(item, "StatusStartingTime")),
        supply_points=_texts(item, _path("ServiceSupplyPoints", "ServiceSupplyPoint")),
        extensions=_texts(item, _path("ServiceInformationExtensions", "Extension", "ExtensionOID")),
        information=_texts(item, _path(*_INFORMATION)),
    )


def _binaries(parent: XmlElement, path: str) -> tuple[bytes, ...]:
    """What is base64 there; a CV certificate that is none is left out, as its text is not the schema's business."""
    found = []
    for element in parent.iterfind(path):
        try:
            found.append(simple.BASE64_BINARY.decode(element.text or ""))
        except LexicalError:
            continue
    return tuple(found)


def _moment(text: str) -> datetime:
    """TIP1-A_4087 demands UTC; a time without zone, which the schema allows, is taken as UTC."""
    moment = simple.DATE_TIME.decode(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _texts(parent: XmlElement, path: str) -> tuple[str, ...]:
    return tuple(collapse(element.text or "") for element in parent.iterfind(path))


def _get(parent: XmlElement, *names: str) -> XmlElement:
    found = parent.find(_path(*names))
    if found is None:
        raise TslError(TslFault.TSL_SCHEMA_NOT_VALID, f"{names[-1]} is missing")
    return found


def _text(parent: XmlElement, *names: str) -> str:
    return _get(parent, *names).text or ""


def _path(*names: str) -> str:
    return "/".join(f"{{{NAMESPACE}}}{name}" for name in names)
