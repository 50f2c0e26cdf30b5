"""Our decoder and the official XSD accept the same requests (issue: at least 50,000 mutants per served operation, a
quarter for those with documents).

Mutants start from valid documents of two sources, our class tables and the XSD itself, so that neither side's view
of what a message is limits what is tried. `LENIENCIES` and `LIBXML2` list every disagreement that is meant;
`docs/conformance/choices.md` has the same rows.
"""

import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree

from tests.conformance.soap.class_instances import ANY, SAMPLES, random_message
from tests.conformance.soap.mutate import Mutator
from tests.conformance.soap.xml_sketch import Node, of_element, serialise
from tests.conformance.soap.xsd_instances import Schemas
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, VerifyPin
from tiaas.interfaces.card_service_v8_2 import CARD82
from tiaas.interfaces.certificate_service_v6_0 import ReadCardCertificate
from tiaas.interfaces.cm_cc_v2_0 import GetNextCommandPackage, PerformUpdates
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlags
from tiaas.interfaces.encryption_service_v6_1 import DecryptDocument, EncryptDocument
from tiaas.interfaces.event_service_v7_2 import (
    GetCards,
    GetCardTerminals,
    GetResourceInformation,
    GetSubscription,
    RenewSubscriptions,
    Subscribe,
    Unsubscribe,
)
from tiaas.interfaces.signature_service_v7_5 import SignDocument, VerifyDocument
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.soap.errors import BadEnvelope, BadMessage
from tiaas.soap.mapping import Namespace, decode, encode, root_name
from tiaas.soap.markup import Limits, parse_untrusted

MUTANTS = int(os.environ.get("TIAAS_PARITY_MUTANTS", "50000"))
SEED = int(os.environ.get("TIAAS_PARITY_SEED", "20250131"))
BASES = 400
# All other messages of the interfaces, responses too: a client of ours reads them from foreign Konnektors.
OTHER_MUTANTS = max(1000, MUTANTS // 50)

# Messages with documents cost as much as several others.
DOCUMENT_MUTANTS = MUTANTS // 4
# The messages of 7.4 are those of 7.5 in another namespace, made by the same classes.
MOVED = frozenset({"signature_service_v7_4"})
MOVED_BASES = 20

OPERATIONS = [
    pytest.param(GetCards, "conn/EventService.xsd", id="GetCards"),
    pytest.param(GetCardTerminals, "conn/EventService.xsd", id="GetCardTerminals"),
    pytest.param(GetResourceInformation, "conn/EventService.xsd", id="GetResourceInformation"),
    pytest.param(Subscribe, "conn/EventService.xsd", id="Subscribe"),
    pytest.param(Unsubscribe, "conn/EventService.xsd", id="Unsubscribe"),
    pytest.param(RenewSubscriptions, "conn/EventService.xsd", id="RenewSubscriptions"),
    pytest.param(GetSubscription, "conn/EventService.xsd", id="GetSubscription"),
    pytest.param(VerifyPin, "conn/CardService_v8_1_3.xsd", id="VerifyPin"),
    pytest.param(GetPinStatus, "conn/CardService_v8_1_3.xsd", id="GetPinStatus"),
    pytest.param(ReadCardCertificate, "conn/CertificateService_v6_0_2.xsd", id="ReadCardCertificate"),
    pytest.param(SignDocument, "conn/SignatureService_V7_5_6.xsd", id="SignDocument"),
    pytest.param(VerifyDocument, "conn/SignatureService_V7_5_6.xsd", id="VerifyDocument"),
    pytest.param(EncryptDocument, "conn/EncryptionService_v6_1_2.xsd", id="EncryptDocument"),
    pytest.param(DecryptDocument, "conn/EncryptionService_v6_1_2.xsd", id="DecryptDocument"),
    pytest.param(ReadVSD, "conn/vsds/VSDService.xsd", id="ReadVSD"),
    pytest.param(GetUpdateFlags, "cm/uf/CmUfServiceRequest.xsd", id="GetUpdateFlags"),
    pytest.param(PerformUpdates, "cm/cc/CmCcServiceRequest.xsd", id="PerformUpdates"),
    pytest.param(GetNextCommandPackage, "cm/cc/CmCcServiceRequest.xsd", id="GetNextCommandPackage"),
]

SCHEMAS = {
    "event_service_v7_2": "conn/EventService.xsd",
    "card_service_v8_1": "conn/CardService_v8_1_3.xsd",
    "certificate_service_v6_0": "conn/CertificateService_v6_0_2.xsd",
    "encryption_service_v6_1": "conn/EncryptionService_v6_1_2.xsd",
    "card_service_v8_2": "conn/CardService_v8_2_1.xsd",
    "signature_service_v7_4": "conn/SignatureService_V7_4_4.xsd",
    "signature_service_v7_5": "conn/SignatureService_V7_5_6.xsd",
    "card_terminal_service_v1_1": "conn/CardTerminalService.xsd",
    "vsd_service_v5_2": "conn/vsds/VSDService.xsd",
    "kvk_service_v4_0": "conn/vsds/KvkService.xsd",
    "service_directory_v3_1": "conn/ServiceDirectory.xsd",
    "service_information_v2_0": "conn/ServiceInformation.xsd",
    "telematik_error_v2_0": "tel/error/TelematikError.xsd",
    "connector_common_v5_0": "conn/ConnectorCommon.xsd",
    "connector_context_v2_0": "conn/ConnectorContext.xsd",
    "card_terminal_info_v8_0": "conn/CardTerminalInfo.xsd",
    "certificate_service_common_v2_0": "conn/CertificateServiceCommon.xsd",
    "product_information_v1_1": "tel/version/ProductInformation.xsd",
    "cm_common_v2_0": "cm/common/CmCommon.xsd",
    "cm_uf_v2_0": "cm/uf/CmUfServiceRequest.xsd cm/uf/CmUfServiceResponse.xsd",
    "cm_cc_v2_0": "cm/cc/CmCcCommon.xsd cm/cc/CmCcServiceRequest.xsd cm/cc/CmCcServiceResponse.xsd",
}
"""Module of `tiaas.interfaces` → its schema; several schemas are told apart by the namespace, which has their name."""


def schema_of(cls: type[Any], schemas: str) -> str:
    """The one of a module's schemas that declares the root element of `cls`."""
    first, *others = schemas.split()
    return next((xsd for xsd in others if f"/{Path(xsd).stem}/" in root_name(cls)), first)


def roots_of(name: str) -> list[type[Any]]:
    """The message classes of an interface module that are global elements."""
    module = import_module(f"tiaas.interfaces.{name}")
    own = [cls for cls in vars(module).values() if isinstance(cls, type) and cls.__module__ == module.__name__]
    return [cls for cls in own if hasattr(cls, "__dataclass_fields__") and has_root(cls)]


def has_root(cls: type[Any]) -> bool:
    try:
        root_name(cls)
    except TypeError:
        return False
    return True


MESSAGES = [
    pytest.param(cls, schema_of(cls, schemas), id=f"{name}-{cls.__name__}")
    for name, schemas in SCHEMAS.items()
    for cls in roots_of(name)
    if cls not in (SignDocument, VerifyDocument)
]


@dataclass(frozen=True)
class Deviation:
    """A disagreement that is meant. `repair` takes it out of a document and says whether it was there.

    A disagreement counts as meant only if decoder and schema agree on the repaired document.
    """

    name: str
    repair: Callable[[etree._Element], bool]
    reason: str


def _repair_types(root: etree._Element, wanted: Callable[[str, str], bool], replacement: str | None) -> bool:
    """Replaces (or removes) the xsi:type attributes whose (namespace, local name) are `wanted`."""
    found = False
    for element in root.iter("*"):
        prefix, _, local = element.get(XSI_TYPE, "").strip(" \t\r\n").rpartition(":")
        if local and wanted(element.nsmap.get(prefix or None, ""), local):
            found = True
            if replacement is None:
                del element.attrib[XSI_TYPE]
            else:
                element.set(XSI_TYPE, replacement)
    return found


def _repair_type_whitespace(root: etree._Element) -> bool:
    found = False
    for element in root.iter("*"):
        value = element.get(XSI_TYPE)
        if value is not None and value != value.strip(" \t\r\n"):
            element.set(XSI_TYPE, value.strip(" \t\r\n"))
            found = True
    return found


def _set_text(element: etree._Element, text: str) -> None:
    for child in list(element):
        element.remove(child)
    element.text = text


def _repair_dates(root: etree._Element) -> bool:
    found = False
    for element in root.iter("*"):
        text = "".join(element.itertext())
        if len(element.findall("*")) == 0 and text != text.strip(" \t\r\n") and _DATE.match(text):
            _set_text(element, text.strip(" \t\r\n"))
            found = True
    return found


def _repair_base64(root: etree._Element) -> bool:
    found = False
    for element in root.iter("*"):
        text = "".join(element.itertext())
        if etree.QName(element).localname in _BASE64_ELEMENTS and re.search("[^A-Za-z0-9+/= \t\r\n]", text):
            _set_text(element, "AAEC")
            found = True
    return found


def _repair_ports(root: etree._Element) -> bool:
    found = False
    for element in root.iter("{*}EventTo"):
        text, count = re.subn("(//[^/?#]*):(?=[/?#]|$)", r"\1:1", "".join(element.itertext()).strip())
        if count:
            _set_text(element, text)
            found = True
    return found


def _repair_opaque(root: etree._Element) -> bool:
    """Whole elements become samples, and so does all that is in an element of dss:AnyType."""
    found = False
    for element in [entry for entry in root.iter("*") if entry.tag in SAMPLES]:
        parent = element.getparent()
        if parent is not None:
            sample = etree.fromstring(SAMPLES[str(element.tag)])
            sample.tail = element.tail
            parent.replace(element, sample)
            found = True
    for element in root.iter("{*}Value", "{*}Other"):
        for child in element.iterchildren("*"):
            sample = etree.fromstring(SAMPLES[ANY])
            sample.tail = child.tail
            element.replace(child, sample)
            found = True
    return found


def _repair_names(root: etree._Element) -> bool:
    found = False
    for element in root.iter("*"):
        for name in ("ID", "Id", "WhichDocument", "IdRef", "SchemaRefs"):
            value = element.get(name)
            if value is not None and (not value.isascii() or (name == "SchemaRefs" and not value.strip(" \t\r\n"))):
                element.set(name, "a" if name in ("ID", "Id") else "b")
                found = True
    return found


def _repair_foreign_time(root: etree._Element) -> bool:
    found = False
    for element in root.iter("{*}UseVerificationTime"):
        for child in element.iterchildren("*"):
            if etree.QName(child).namespace != "urn:oasis:names:tc:dss:1.0:core:schema":
                child.tag = "{urn:oasis:names:tc:dss:1.0:core:schema}CurrentTime"
                _set_text(child, "")
                child.attrib.clear()
                found = True
    return found


def _repair_additional_info(root: etree._Element) -> bool:
    found = False
    untyped = root.xpath(
        f"//{_CRYPT_DECRYPT}/*[local-name()='OptionalInputs'] | //{_CRYPT_ANSWER}/*[local-name()='OptionalOutputs']"
    )
    for element in (*root.iter("{*}AdditionalInfo", "{*}VerifyManifests", "{*}CurrentTime"), *untyped):
        if len(element) or element.attrib:
            _set_text(element, "")
            element.attrib.clear()
            found = True
    return found


def _repair_empty(root: etree._Element) -> bool:
    found = False
    empty = ("Endpoint", "EndpointTLS", "WSDL", "Close", "Abort", "SignatureValueReference", "SignaturePtr")
    for element in root.iter(*(f"{{*}}{name}" for name in (*empty, "IncludeObject", "ReturnUpdatedSignature"))):
        if not element.text:
            element.text = None
            found = True
    return found


XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
XS = "http://www.w3.org/2001/XMLSchema"
_DATE = re.compile("[ \t\r\n]*(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|-?P)")
_REFUSED_TYPES = ("ID", "IDREF", "ENTITY")
_BASE64_ELEMENTS = {
    "KVK",
    "X509Certificate",
    "PersoenlicheVersichertendaten",
    "AllgemeineVersicherungsdaten",
    "GeschuetzteVersichertendaten",
    "Pruefungsnachweis",
    "Receipt",
    "Base64XML",
    "Certificate",
    "Base64Data",
    "Base64Signature",
    "Data",
}
_CRYPT_DECRYPT = "*[local-name()='DecryptDocument']"
_CRYPT_ANSWER = "*[local-name()='EncryptDocumentResponse' or local-name()='DecryptDocumentResponse']"
_OTHER_SCHEMAS = (
    "urn:oasis:names:tc:dss:1.0:core:schema",
    "urn:oasis:names:tc:SAML:1.0:assertion",
    "http://www.w3.org/2000/09/xmldsig#",
)

# Where we are stricter or laxer than the schema on purpose. Requests that clients in the field are known to send
# (empty UserId, base64 with line breaks, comments, any prefixes, xsi:schemaLocation, mandant-wide="1") need no row:
# the schemas allow them.
CHOICES = (
    Deviation(
        "xsi:type ID, IDREF, ENTITY",
        lambda root: _repair_types(
            root, lambda uri, name: uri == XS and name in ("ID", "IDREF", "ENTITY"), "xs:NCName"
        ),
        "refused: these types bind a value to other places of the document, no client sends them",
    ),
    Deviation(
        "xsi:type of OASIS and W3C schemas",
        lambda root: _repair_types(root, lambda uri, _: uri in _OTHER_SCHEMAS, None),
        "refused, but for those of documents in SignatureService: other services import these schemas without need",
    ),
    Deviation(
        "content of opaque elements",
        _repair_opaque,
        "accepted as it is: signatures, key information, reports and dss:AnyType are judged by those who use them",
    ),
    Deviation(
        "verification time of another namespace",
        _repair_foreign_time,
        "refused: no client sends one, and none is defined",
    ),
    Deviation(
        "content of elements without a type",
        _repair_additional_info,
        "accepted as it is: the element is declared without a type, the schema judges only elements it knows; not used",
    ),
)
# Where libxml2 (2.11 to 2.14) differs from XML Schema 1.0 and we follow the standard.
LIBXML2 = (
    Deviation(
        "whitespace around a QName",
        _repair_type_whitespace,
        "part 2 §3.2.18: the whitespace facet of QName is collapse; libxml2 takes the space into the prefix",
    ),
    Deviation(
        "whitespace around dates",
        _repair_dates,
        "part 2 §3.2.7, §3.2.9: the whitespace facet of date and dateTime is collapse; libxml2 refuses the spaces",
    ),
    Deviation(
        "foreign characters in base64",
        _repair_base64,
        "part 2 §3.2.16: only the alphabet, = and space are in the lexical space; libxml2 skips all others",
    ),
    Deviation(
        "names and lists of names",
        _repair_names,
        "XML 1.0 5th edition, production 4: libxml2 knows the letters of the 4th; part 2 §3.3.10: a list of names has "
        "at least one, libxml2 takes none",
    ),
    Deviation(
        "empty port in a URI",
        _repair_ports,
        "RFC 3986 §3.2.3: the port may be empty; libxml2 refuses it",
    ),
    Deviation(
        "empty CDATA section in an empty element",
        _repair_empty,
        "part 1 §3.4.4: no character is there; libxml2 takes the section for content",
    ),
)


def bases(cls: type[Any], schemas: Schemas, random: Random, count: int = BASES) -> list[Node]:
    """Valid documents, half from our class tables, half from the XSD."""
    ours = [of_element(etree.fromstring(encode(random_message(cls, random)))) for _ in range(count // 2)]
    theirs = [schemas.instance(root_name(cls), random) for _ in range(count // 2)]
    return ours + theirs


def names_of(schemas: Schemas, some: list[Node]) -> list[tuple[str, str]]:
    """Element names worth putting in wrong places: the message's own and other global ones."""
    own = {(node.uri, node.local) for base in some for node in base.walk()}
    other = {(etree.QName(name).namespace or "", etree.QName(name).localname) for name in schemas.elements}
    return sorted(own) * 4 + sorted(other - own)


def accepted(cls: type[Any], document: bytes) -> str | None:
    """None if our decoder takes the document, else its reason."""
    try:
        decode(cls, parse_untrusted(document, Limits()))
    except (BadMessage, BadEnvelope) as error:
        return str(error)
    return None


def meant(cls: type[Any], schema: etree.XMLSchema, document: bytes) -> str | None:
    """The names of the deviations that explain a disagreement on `document`, or None."""
    root = etree.fromstring(document)
    names = [deviation.name for deviation in (*CHOICES, *LIBXML2) if deviation.repair(root)]
    if not names:
        return None
    agree = valid(cls, schema, root) == (accepted(cls, etree.tostring(root, encoding="utf-8")) is None)
    return ", ".join(names) if agree else None


def valid(cls: type[Any], schema: etree.XMLSchema, root: etree._Element) -> bool:
    """The schema's verdict. A global element of another message is valid by it, but is not this request."""
    return schema.validate(root) and root.tag == root_name(cls)


@pytest.mark.parametrize(("cls", "xsd"), OPERATIONS)
def test_bases_are_valid(cls: type[Any], xsd: str, api: Path) -> None:
    schema = etree.XMLSchema(etree.parse(api / xsd))
    schemas = Schemas.load(api / xsd)
    random = Random(SEED)
    for base in bases(cls, schemas, random):
        document = serialise(base, schemas.prefixes, random)
        schema.assertValid(etree.fromstring(document))
        assert accepted(cls, document) is None, document


def compare(
    cls: type[Any], xsd: Path, mutants: int, seed: int, count: int = BASES
) -> tuple[Counter[str], list[tuple[bytes, str]]]:
    """Verdicts counted, and the disagreements that nothing explains."""
    schema = etree.XMLSchema(etree.parse(xsd))
    schemas = Schemas.load(xsd)
    random = Random(seed)
    starts = bases(cls, schemas, random, count)
    mutator = Mutator(schemas.prefixes, names_of(schemas, starts), (0, 1, 20, 64, 128, 256))
    seen: Counter[str] = Counter()
    wrong: list[tuple[bytes, str]] = []
    for _ in range(mutants):
        document = serialise(mutator.mutant(random.choice(starts), random), schemas.prefixes, random)
        verdict = valid(cls, schema, etree.fromstring(document))
        refused = accepted(cls, document)
        seen["valid" if verdict else "invalid"] += 1
        if verdict == (refused is None):
            continue
        excuse = meant(cls, schema, document)
        if excuse is None:
            wrong.append((document, refused or "accepted by us only"))
        else:
            seen[f"meant: {excuse}"] += 1
    return seen, wrong


@pytest.mark.parametrize(("cls", "xsd"), OPERATIONS)
def test_decoder_and_schema_agree(cls: type[Any], xsd: str, api: Path) -> None:
    mutants = DOCUMENT_MUTANTS if cls in (SignDocument, VerifyDocument) else MUTANTS
    seen, wrong = compare(cls, api / xsd, mutants, SEED)
    assert not wrong, f"{len(wrong)} disagreements of {mutants}, for example {wrong[:3]}"
    # Both verdicts must be common, or agreement means little; and what is excused must be rare.
    assert min(seen["valid"], seen["invalid"]) > mutants // 5, seen
    # An EventTo is a good part of the messages that have one, so changes hit its port often.
    ports = seen.pop("meant: empty port in a URI", 0)
    assert ports <= mutants // 25, seen
    # Documents and what stands around them are a good part of signature messages.
    documents = sum(seen.pop(name) for name in list(seen) if "opaque" in name or "base64" in name)
    assert documents <= mutants // 20, seen
    assert sum(count for name, count in seen.items() if name.startswith("meant")) <= mutants // 200, seen


@pytest.mark.parametrize(("cls", "xsd"), MESSAGES)
@pytest.mark.pitfall(2, 3, 4)
def test_all_messages_agree(cls: type[Any], xsd: str, api: Path) -> None:
    is_moved = cls.__module__.rpartition(".")[2] in MOVED
    mutants, count = (OTHER_MUTANTS // 10, MOVED_BASES) if is_moved else (OTHER_MUTANTS, BASES)
    _, wrong = compare(cls, api / xsd, mutants, SEED, count)
    assert not wrong, f"{len(wrong)} disagreements of {mutants}, for example {wrong[:3]}"


def test_every_global_element_has_a_class(api: Path) -> None:
    """The interfaces are complete: what is left out is named here."""
    left_out = {
        "CERTCMN": {"CheckCertificateDetails"},
        # The element of a type of OASIS DSS, only in OptionalInputs.
        "SIG": {"UseVerificationTime"},
        # No operation of UFS.wsdl has them: insurers use them inside.
        "UFS": {"SetUpdateFlag", "DeleteUpdateFlag"},
    }
    # GetCards and events carry those of 8.1.
    other_versions = {CARD82("Card"), CARD82("Cards")}
    missing: list[str] = []
    for interface, xsd in ((name, xsd) for name, schemas in SCHEMAS.items() for xsd in schemas.split()):
        module = import_module(f"tiaas.interfaces.{interface}")
        have = {root_name(cls) for cls in roots_of(interface)}
        schemas = Schemas.load(api / xsd)
        root = etree.parse(api / xsd).getroot()
        uri = root.get("targetNamespace", "")
        namespace = next(v for v in vars(module).values() if isinstance(v, Namespace) and v.uri == uri)
        known = have | {namespace(local) for local in left_out.get(namespace.prefix, ())} | other_versions
        for entry in root.iterchildren(f"{{{XS}}}element"):
            name = namespace(entry.get("name", ""))
            if schemas.is_complex(entry) and name not in known:
                missing.append(name)
    assert not missing
