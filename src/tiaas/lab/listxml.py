"""Writes trust lists as XML (ETSI TS 102 231 V3.1.2, annex B) as gemSpec_TSL V1.19.2, chapter 7, wants them.

Names are the lab's own and say TEST-ONLY, where the specification prescribes gematik's.
"""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.lab.pki import ORGANIZATION
from tiaas.pki.oids import CertificateType, Policy
from tiaas.pki.tsl import (
    ANCHOR_CHANGE_OID,
    CVC_OID,
    NAMESPACE,
    PLACEHOLDER_OID,
    ServiceType,
    TrustList,
    TrustService,
)

XmlElement = etree._Element

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_FOR_SIGNATURES = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForeSignatures"
_REFERENCES = {
    **{kind.oid: kind.reference for kind in CertificateType},
    PLACEHOLDER_OID: "oid_tsl_placeholder",
    ANCHOR_CHANGE_OID: "oid_tsl_cca_cert",
    CVC_OID: "oid_cv_cert",
}


@dataclass(frozen=True, slots=True)
class ListKind:
    """What differs between the two lists: scheme, version, tag, type, how status is told, and a territory."""

    scheme: str
    version: int
    tag: str
    type: str
    determination: str
    territory: str = ""


TSL = ListKind(
    "TIAAS TSL Scheme TEST-ONLY",
    3,
    "http://uri.etsi.org/02231/TSLTag",
    "http://uri.etsi.org/TrstSvc/TSLtype/generic",
    "http://uri.etsi.org/TrstSvc/TSLType/StatusDetn/passive",
)
"""TIP1-A_4088 ff."""

BNETZA = ListKind(
    "DE:TIAAS Trusted List TEST-ONLY",
    5,
    "http://uri.etsi.org/19612/TSLTag",
    "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUgeneric",
    "http://uri.etsi.org/TrstSvc/TrustedList/StatusDetn/EUappropriate",
    "DE",
)
"""The national list (ETSI TS 119 612 V2.1.1), as the Bundesnetzagentur publishes it."""


def list_element(content: TrustList, kind: ListKind) -> XmlElement:
    """The list without signature."""
    root = etree.Element(_name("TrustServiceStatusList"), nsmap={None: NAMESPACE}, Id=content.id, TSLTag=kind.tag)
    _scheme(_add(root, "SchemeInformation"), content, kind)
    providers = _add(root, "TrustServiceProviderList")
    for provider, services in groupby(content.services, key=lambda service: service.provider):
        _provider(_add(providers, "TrustServiceProvider"), provider, services)
    return root


def list_id(version: int, sequence_number: int, moment: datetime) -> str:
    """ID, version, sequence number, time (TIP1-A_4086)."""
    return f"ID{version}{sequence_number}{moment.astimezone(UTC):%Y%m%d%H%M%SZ}"


def _scheme(scheme: XmlElement, content: TrustList, kind: ListKind) -> None:
    _add(scheme, "TSLVersionIdentifier", str(kind.version))
    _add(scheme, "TSLSequenceNumber", str(content.sequence_number))
    _add(scheme, "TSLType", kind.type)
    _names(scheme, "SchemeOperatorName", ORGANIZATION)
    _address(_add(scheme, "SchemeOperatorAddress"))
    _names(scheme, "SchemeName", kind.scheme)
    _german(_add(scheme, "SchemeInformationURI"), "URI", "http://lab.invalid/")
    _add(scheme, "StatusDeterminationApproach", kind.determination)
    if kind.territory:
        _add(scheme, "SchemeTerritory", kind.territory)
    notice = f"TEST-ONLY Certificate Policy der gematik, OID {Policy.GEM_OR_CP}"
    _german(_add(scheme, "PolicyOrLegalNotice"), "TSLLegalNotice", notice)
    _add(scheme, "HistoricalInformationPeriod", "0")
    if content.pointers:
        pointers = _add(scheme, "PointersToOtherTSL")
        for pointer in content.pointers:
            other = _add(pointers, "OtherTSLPointer")
            _add(other, "TSLLocation", pointer.location)
            _german(_add(other, "AdditionalInformation"), "TextualInformation", pointer.mark or "")
    _add(scheme, "ListIssueDateTime", _moment(content.issued))
    update = _add(scheme, "NextUpdate")
    if content.next_update is not None:
        _add(update, "dateTime", _moment(content.next_update))


def _provider(provider: XmlElement, name: str, services: Iterable[TrustService]) -> None:
    about = _add(provider, "TSPInformation")
    _names(about, "TSPName", name)
    _names(about, "TSPTradeName", name)
    _address(_add(about, "TSPAddress"))
    _german(_add(about, "TSPInformationURI"), "URI", "http://lab.invalid/")
    listed = _add(provider, "TSPServices")
    for service in services:
        _service(_add(_add(listed, "TSPService"), "ServiceInformation"), service)


def _service(information: XmlElement, service: TrustService) -> None:
    _add(information, "ServiceTypeIdentifier", service.type)
    _names(information, "ServiceName", service.name)
    identity = _add(information, "ServiceDigitalIdentity")
    for certificate in service.certificates:
        _add(_add(identity, "DigitalId"), "X509Certificate", _base64(certificate))
    for cvc in service.cvcs:
        _add(_add(_add(identity, "DigitalId"), "Other"), "CVCertificate", _base64(cvc))
    _add(information, "ServiceStatus", service.status)
    _add(information, "StatusStartingTime", _moment(service.since))
    if service.supply_points:
        points = _add(information, "ServiceSupplyPoints")
        for point in service.supply_points:
            _add(points, "ServiceSupplyPoint", point)
    extensions = _add(information, "ServiceInformationExtensions")
    if service.type in (ServiceType.QUALIFIED_CA, ServiceType.QUALIFIED_OCSP):
        extra = _add(_extension(extensions), "AdditionalServiceInformation")
        _german(extra, "URI", _FOR_SIGNATURES)
    for oid in service.extensions:
        extension = _extension(extensions)
        _add(extension, "ExtensionOID", oid)
        _add(extension, "ExtensionValue", _REFERENCES.get(oid, oid))


def _extension(extensions: XmlElement) -> XmlElement:
    """TIP1-A_4109: never critical."""
    extension = _add(extensions, "Extension")
    extension.set("Critical", "false")
    return extension


def _address(address: XmlElement) -> None:
    postal = _add(_add(address, "PostalAddresses"), "PostalAddress")
    postal.set(_LANG, "DE")
    _add(postal, "StreetAddress", "Musterweg 1")
    _add(postal, "Locality", "Musterstadt")
    _add(postal, "PostalCode", "00000")
    _add(postal, "CountryName", "DE")
    _add(_add(address, "ElectronicAddress"), "URI", "mailto:nobody@lab.invalid")


def _names(parent: XmlElement, name: str, text: str) -> None:
    _german(_add(parent, name), "Name", text)


def _german(parent: XmlElement, name: str, text: str) -> None:
    _add(parent, name, text).set(_LANG, "DE")


def _add(parent: XmlElement, name: str, text: str | None = None) -> XmlElement:
    element = etree.SubElement(parent, _name(name))
    element.text = text
    return element


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _moment(moment: datetime) -> str:
    """TIP1-A_4087."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
