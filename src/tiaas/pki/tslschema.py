"""The structure of a trust list: which element holds which, how often, and what its text may be.

It says what the schema of ETSI TS 102 231 V3.1.2 (annex B) says, as a table of our own; a test compares the two. Beyond
that version the lists of ETSI TS 119 612 are read, whose elements are the same. Inside Signature nothing is checked
here: the signature's reader is stricter than any schema.
"""

from collections.abc import Mapping
from dataclasses import field

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.pki.tsl import NAMESPACE, TslError, TslFault
from tiaas.soap import simple
from tiaas.soap.markup import local_name
from tiaas.soap.simpletype import WHITESPACE, XSD, LexicalError, SimpleType, collapse, named_type
from tiaas.soap.uris import AnyUri
from tiaas.xmlsec.names import ds

XmlElement = etree._Element

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_VERSIONS = {
    "http://uri.etsi.org/02231/TSLTag": (3,),
    "http://uri.etsi.org/19612/TSLTag": (4, 5, 6),
}

_TEXT = simple.String(min_length=1)
_LINE = simple.Normalized(min_length=1)
_LANGUAGE = named_type(f"{{{XSD}}}language") or simple.TOKEN
_NAME = named_type(f"{{{XSD}}}NCName") or simple.TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Uri(AnyUri):
    """NonEmptyURIType."""

    def decode(self, text: str) -> str:
        value = AnyUri.decode(self, text)
        if not value:
            raise LexicalError("is empty")
        return value


_URI = _Uri()


@dataclass(frozen=True, slots=True)
class _Part:
    """An element inside another: name (in the list's namespace), what it holds, how often; `high` None: any number."""

    name: str
    kind: "SimpleType | str"
    low: int = 1
    high: int | None = 1


@dataclass(frozen=True, slots=True)
class _Model:
    """What an element holds: a sequence of parts, or with `choice` parts of any one name, with `mixed` of all names.

    `text` for text instead of elements, `wild` for anything. Attributes by name, with their type and whether they must
    be there.
    """

    parts: tuple[_Part, ...] = ()
    choice: bool = False
    mixed: bool = False
    text: SimpleType | None = None
    wild: bool = False
    attributes: Mapping[str, tuple[SimpleType, bool]] = field(default_factory=dict)


_LANG = {_XML_LANG: (_LANGUAGE, True)}
_MAYBE_LANG = {_XML_LANG: (_LANGUAGE, False)}


def _sequence(*parts: _Part) -> _Model:
    return _Model(parts)


def _many(name: str, kind: "SimpleType | str") -> _Model:
    return _Model((_Part(name, kind, 1, None),))


def _any_number(name: str, kind: "SimpleType | str") -> _Model:
    return _Model((_Part(name, kind, 0, None),))


_MODELS: dict[str, _Model] = {
    "line": _Model(text=_LINE, attributes=_LANG),
    "text": _Model(text=_TEXT, attributes=_LANG),
    "uri": _Model(text=_URI, attributes=_LANG),
    # TS 119 612 gives these two an attribute.
    "plain uri": _Model(text=_URI, attributes=_MAYBE_LANG),
    "supply point": _Model(text=_URI, attributes={"type": (_URI, False)}),
    "names": _many("Name", "line"),
    "uris": _many("URI", "uri"),
    "any": _Model(wild=True),
    "Extensions": _many("Extension", "Extension"),
    "Extension": _Model(wild=True, attributes={"Critical": (simple.BOOLEAN, True)}),
    "Address": _sequence(_Part("PostalAddresses", "PostalAddresses"), _Part("ElectronicAddress", "ElectronicAddress")),
    "PostalAddresses": _many("PostalAddress", "PostalAddress"),
    "PostalAddress": _Model(
        (
            _Part("StreetAddress", _TEXT),
            _Part("Locality", _TEXT),
            _Part("StateOrProvince", _TEXT, 0),
            _Part("PostalCode", _TEXT, 0),
            _Part("CountryName", _TEXT),
        ),
        attributes=_LANG,
    ),
    "ElectronicAddress": _many("URI", "plain uri"),
    "SchemeInformation": _sequence(
        _Part("TSLVersionIdentifier", simple.INTEGER),
        _Part("TSLSequenceNumber", simple.POSITIVE_INTEGER),
        _Part("TSLType", _URI),
        _Part("SchemeOperatorName", "names"),
        _Part("SchemeOperatorAddress", "Address"),
        _Part("SchemeName", "names"),
        _Part("SchemeInformationURI", "uris"),
        _Part("StatusDeterminationApproach", _URI),
        _Part("SchemeTypeCommunityRules", "ElectronicAddress", 0),
        _Part("SchemeTerritory", simple.String(min_length=2, max_length=2), 0),
        _Part("PolicyOrLegalNotice", "PolicyOrLegalNotice", 0),
        _Part("HistoricalInformationPeriod", simple.NON_NEGATIVE_INTEGER),
        _Part("PointersToOtherTSL", "PointersToOtherTSL", 0),
        _Part("ListIssueDateTime", simple.DATE_TIME),
        _Part("NextUpdate", "NextUpdate"),
        _Part("DistributionPoints", "ElectronicAddress", 0),
        _Part("SchemeExtensions", "Extensions", 0),
    ),
    "PolicyOrLegalNotice": _Model((_Part("TSLPolicy", "uri"), _Part("TSLLegalNotice", "text")), choice=True),
    "NextUpdate": _sequence(_Part("dateTime", simple.DATE_TIME, 0)),
    "PointersToOtherTSL": _many("OtherTSLPointer", "OtherTSLPointer"),
    "OtherTSLPointer": _sequence(
        _Part("ServiceDigitalIdentities", "ServiceDigitalIdentities", 0),
        _Part("TSLLocation", _URI),
        _Part("AdditionalInformation", "AdditionalInformation", 0),
    ),
    "ServiceDigitalIdentities": _many("ServiceDigitalIdentity", "ServiceDigitalIdentity"),
    "AdditionalInformation": _Model(
        (_Part("TextualInformation", "text"), _Part("OtherInformation", "any")), mixed=True
    ),
    "TrustServiceProviderList": _many("TrustServiceProvider", "TrustServiceProvider"),
    "TrustServiceProvider": _sequence(_Part("TSPInformation", "TSPInformation"), _Part("TSPServices", "TSPServices")),
    "TSPInformation": _sequence(
        _Part("TSPName", "names"),
        _Part("TSPTradeName", "names", 0),
        _Part("TSPAddress", "Address"),
        _Part("TSPInformationURI", "uris"),
        _Part("TSPInformationExtensions", "Extensions", 0),
    ),
    "TSPServices": _many("TSPService", "TSPService"),
    "TSPService": _sequence(
        _Part("ServiceInformation", "ServiceInformation"), _Part("ServiceHistory", "ServiceHistory", 0)
    ),
    "ServiceInformation": _sequence(
        _Part("ServiceTypeIdentifier", _URI),
        _Part("ServiceName", "names"),
        _Part("ServiceDigitalIdentity", "ServiceDigitalIdentity"),
        _Part("ServiceStatus", _URI),
        _Part("StatusStartingTime", simple.DATE_TIME),
        _Part("SchemeServiceDefinitionURI", "uris", 0),
        _Part("ServiceSupplyPoints", "ServiceSupplyPoints", 0),
        _Part("TSPServiceDefinitionURI", "uris", 0),
        _Part("ServiceInformationExtensions", "Extensions", 0),
    ),
    "ServiceSupplyPoints": _many("ServiceSupplyPoint", "supply point"),
    "ServiceDigitalIdentity": _any_number("DigitalId", "DigitalId"),
    "DigitalId": _Model(
        (
            _Part("X509Certificate", simple.BASE64_BINARY),
            _Part("X509SubjectName", simple.STRING),
            _Part(ds("KeyValue"), "any"),
            _Part("X509SKI", simple.BASE64_BINARY),
            _Part("Other", "any"),
        ),
        choice=True,
    ),
    "ServiceHistory": _any_number("ServiceHistoryInstance", "ServiceHistoryInstance"),
    "ServiceHistoryInstance": _sequence(
        _Part("ServiceTypeIdentifier", _URI),
        _Part("ServiceName", "names"),
        _Part("ServiceDigitalIdentity", "ServiceDigitalIdentity"),
        _Part("ServiceStatus", _URI),
        _Part("StatusStartingTime", simple.DATE_TIME),
        _Part("ServiceInformationExtensions", "Extensions", 0),
    ),
    "TrustServiceStatusList": _Model(
        (
            _Part("SchemeInformation", "SchemeInformation"),
            _Part("TrustServiceProviderList", "TrustServiceProviderList", 0),
            _Part(ds("Signature"), "signature", 0),
        ),
        attributes={"TSLTag": (_URI, True), "Id": (_NAME, False)},
    ),
}
_SINGLE_CHOICES = frozenset({"DigitalId"})


def check_structure(root: XmlElement) -> None:
    """Checks a whole list. Raises `TslError` TSL_SCHEMA_NOT_VALID, which names the element, never its content."""
    if root.tag != _clark("TrustServiceStatusList"):
        raise _wrong(root, "is no trust list")
    _check(root, "TrustServiceStatusList")
    versions = _VERSIONS.get(collapse(root.get("TSLTag", "")))
    version = root.findtext(f"{_clark('SchemeInformation')}/{_clark('TSLVersionIdentifier')}")
    if versions is None or simple.INTEGER.decode(version or "") not in versions:
        raise _wrong(root, "is of an unknown version")


def _check(element: XmlElement, kind: "SimpleType | str") -> None:
    if kind == "signature":
        return
    model = _Model(text=kind) if isinstance(kind, SimpleType) else _MODELS[kind]
    _check_attributes(element, model.attributes)
    if model.wild:
        return
    if model.text is not None:
        _check_text(element, model.text)
        return
    # Between elements there is white space only.
    if any((text or "").strip(WHITESPACE) for text in (element.text, *(child.tail for child in element))):
        raise _wrong(element, "holds text between its elements")
    if model.choice or model.mixed:
        _check_choice(element, model, single=kind in _SINGLE_CHOICES)
    else:
        _check_sequence(element, model.parts)


def _check_sequence(element: XmlElement, parts: tuple[_Part, ...]) -> None:
    children = list(element)
    at = 0
    for part in parts:
        name, start = _clark(part.name), at
        while at < len(children) and children[at].tag == name and (part.high is None or at - start < part.high):
            _check(children[at], part.kind)
            at += 1
        if at - start < part.low:
            raise _wrong(element, f"lacks {part.name}")
    if at < len(children):
        raise _wrong(element, "holds an element that does not belong there")


def _check_choice(element: XmlElement, model: _Model, *, single: bool) -> None:
    kinds = {_clark(part.name): part.kind for part in model.parts}
    children = list(element)
    if not children or (single and len(children) > 1):
        raise _wrong(element, "holds no element or too many")
    for child in children:
        if child.tag not in kinds or (model.choice and child.tag != children[0].tag):
            raise _wrong(element, "holds an element that does not belong there")
        _check(child, kinds[str(child.tag)])


def _check_text(element: XmlElement, kind: SimpleType) -> None:
    if len(element):
        raise _wrong(element, "holds elements")
    try:
        kind.decode(element.text or "")
    except LexicalError as error:
        raise _wrong(element, str(error)) from None


def _check_attributes(element: XmlElement, wanted: Mapping[str, tuple[SimpleType, bool]]) -> None:
    for name, value in element.items():
        if name == _SCHEMA_LOCATION:
            continue
        if name not in wanted:
            raise _wrong(element, "has an attribute that does not belong there")
        try:
            wanted[str(name)][0].decode(str(value))
        except LexicalError as error:
            raise _wrong(element, f"has an attribute that {error}") from None
    if any(is_required and element.get(name) is None for name, (_, is_required) in wanted.items()):
        raise _wrong(element, "lacks an attribute")


def _clark(name: str) -> str:
    return name if name.startswith("{") else f"{{{NAMESPACE}}}{name}"


def _wrong(element: XmlElement, what: str) -> TslError:
    return TslError(TslFault.TSL_SCHEMA_NOT_VALID, f"{local_name(element)} {what}")
