"""XAdES: what we sign we read; which variants may be made; nothing of the document but the signature is new."""

from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.adesbench import NOW, Key, holder
from tiaas.ades import xmlsplice
from tiaas.ades.found import FoundSignature, Integrity, SignatureFormat
from tiaas.ades.signing import CannotSign
from tiaas.ades.xades import Schema, XadesOptions, prepare
from tiaas.ades.xadesids import id_attributes
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesunsigned import with_ocsp
from tiaas.ades.xadesvariants import NFDM_POLICY, Placement, Update, Use
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.soap.markup import Limits, parse_document_untrusted
from tiaas.xmlsec.canonical import canonical_document
from tiaas.xmlsec.names import Transform, ds

OPTIONS = XadesOptions(moment=NOW, name="n1")
DOCUMENT = b'<?xml version="1.0"?>\n<a xmlns="urn:x" xmlns:f="urn:f" xml:lang="de" f:z="1"><f:b Id="i1">t</f:b></a>\n'
NFD = (
    b'<n:NFD_Document xmlns:n="urn:nfd" NFD_Version="1.4.0"><n:Notfalldaten ID="ID1" xml:lang="de"><n:x/>'
    b"</n:Notfalldaten><n:SignatureArzt/></n:NFD_Document>"
)
NFDM = replace(
    OPTIONS,
    use=Use.QES,
    policy=NFDM_POLICY,
    reference="#ID1",
    short_text="NFD",
    placement=Placement("/*[local-name()='NFD_Document']/*[local-name()='SignatureArzt']"),
)
ID_SCHEMA = b'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema"><s:attribute name="ID" type="s:ID"/></s:schema>'
OCSP = bytes.fromhex("30030a0106")
"""An OCSPResponse with the status unauthorized."""


def sign(document: bytes, options: XadesOptions = OPTIONS, key: Key = Key.P256, ocsp: bytes | None = None) -> bytes:
    signer = holder(key)
    prepared = prepare(document, signer.by, options)
    signed = signer.finish(prepared, ocsp)
    (found,) = parse_document_untrusted(signed, Limits()).xpath(prepared.xpath(signed))
    assert (found.tag, found.get("Id")) == (ds("Signature"), f"signature-{options.name}")
    return signed


def one(document: bytes) -> FoundSignature:
    (found,) = read_xades_untrusted(document)
    return found


def refused(document: bytes, options: XadesOptions) -> int:
    with pytest.raises(CannotSign) as caught:
        prepare(document, holder(Key.P256).by, options)
    return caught.value.code


def stripped(document: bytes) -> bytes:
    """The canonical form without the signatures below the document element."""
    root = parse_document_untrusted(document, Limits())
    for signature in root.findall(ds("Signature")):
        before = signature.getprevious()
        if signature.tail and before is None:
            root.text = (root.text or "") + signature.tail
        elif signature.tail and before is not None:
            before.tail = (before.tail or "") + signature.tail
        root.remove(signature)
    return canonical_document(root, Transform.C14N_11)


@pytest.mark.requirement("TIP1-A_5402")
@pytest.mark.parametrize("key", Key, ids=lambda key: key.value)
@pytest.mark.parametrize("enclosed", [False, True], ids=["enveloped", "enveloping"])
def test_signed_and_read(key: Key, enclosed: bool) -> None:
    options = replace(OPTIONS, include_object=enclosed, short_text="Rezept für <Änne> €")
    found = one(sign(DOCUMENT, options, key))
    assert found.integrity is Integrity.INTACT
    assert found.format is SignatureFormat.XADES
    assert found.certificate == holder(key).certificate
    assert found.certificates == (holder(key).certificate,)
    assert found.is_bound
    scheme = SigningScheme.RSASSA_PSS if key is Key.RSA else SigningScheme.ECDSA
    assert found.algorithm == (scheme, Digest.SHA256)
    assert found.time == NOW
    assert found.short_text == "Rezept für <Änne> €"
    assert found.policy is None
    assert found.countersigns is None
    assert found.identifier == "signature-n1"
    assert found.references == ("#object-n1" if enclosed else "",)
    assert found.findings == ()


# Names and texts in what every encoding below has.
_NAMES = st.sampled_from(["a", "f:b", "g:c", "ä", "_d-1"])
_TEXT = st.text(st.sampled_from("aäß€ <&>'\"\t\r\n]"), max_size=20)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["x", "f:x", "g:y", "xml:lang", "xml:base", "xml:id", "Id"]), _TEXT.filter(bool), max_size=3
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    """An element with all that a document may hold, in prefixes f and g."""
    name, attributes = draw(_NAMES), draw(_ATTRIBUTES)
    for key in ("xml:base", "xml:id", "Id"):
        if key in attributes:
            attributes[key] = "x/y" if key == "xml:base" else f"i{draw(st.integers(0, 10**9))}"
    if draw(st.booleans()):
        attributes["xmlns"] = draw(st.sampled_from(["urn:d", "urn:e", ""]))
    opened = "".join(f" {key}={_quoted(value)}" for key, value in attributes.items())
    if depth == 0 or draw(st.booleans()):
        return f"<{name}{opened}/>"
    kinds = st.one_of(
        _TEXT.map(_escaped),
        st.just("<!-- </a> -->"),
        st.just("<?p </a> ?>"),
        st.just("<![CDATA[<&]]>"),
        elements(depth=depth - 1),
    )
    return f"<{name}{opened}>{''.join(draw(st.lists(kinds, max_size=4)))}</{name}\n>"


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _quoted(value: str) -> str:
    return '"' + _escaped(value).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;") + '"'


_OUTSIDE = st.sampled_from(["", "\n", "<!-- </root> -->", "<?q?>\r\n<?r s?>"])


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    encoding = draw(st.sampled_from(["utf-8", "UTF-8", "iso-8859-15", "ISO-8859-15", ""]))
    prolog = f'<?xml version="1.0" encoding="{encoding}"?>' if encoding else ""
    declared = ' xmlns:f="urn:f" xmlns:g="urn:g"'
    inner = "".join(draw(st.lists(elements(), max_size=3)))
    lang = draw(st.sampled_from(["", ' xml:lang="de" xml:base="http://h/a/b"', ' xml:space="preserve" Id="r"']))
    root = f"<root{declared}{lang}>{inner}</root>" if draw(st.booleans()) else f"<root{declared}{lang} />"
    mark = "\ufeff" if encoding.lower() != "iso-8859-15" and draw(st.booleans()) else ""
    whole = f"{mark}{prolog}{draw(_OUTSIDE)}{root}{draw(_OUTSIDE)}"
    return whole.encode(encoding or "utf-8")


@pytest.mark.requirement("TIP1-A_5436")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents(), text=st.none() | st.text(max_size=40), key=st.sampled_from(Key), enclosed=st.booleans())
def test_whatever_is_signed_is_read(document: bytes, text: str | None, key: Key, enclosed: bool) -> None:
    signed = sign(document, replace(OPTIONS, short_text=text, include_object=enclosed), key)
    found = one(signed)
    assert found.integrity is Integrity.INTACT
    if enclosed:
        root = parse_document_untrusted(signed, Limits())
        assert root.tag == ds("Signature")
        return
    # Every octet of the document is there, in front of or behind the one insertion.
    start = signed.index(b"<ds:Signature")
    end = signed.rindex(b"</ds:Signature>") + len(b"</ds:Signature>")
    assert signed[:start] + signed[end:] in (document, document.replace(b" />", b" ></root>"))
    assert stripped(signed) == canonical_document(parse_document_untrusted(document, Limits()), Transform.C14N_11)


@pytest.mark.parametrize("size", [0, 1500, 100_000, 3_000_000])
def test_sizes(size: int) -> None:
    document = b"<a><b>" + b"x" * size + b"</b></a>"
    signed = sign(document)
    assert one(signed).integrity is Integrity.INTACT
    assert one(signed.replace(b"</b>", b"y</b>")).integrity is Integrity.DIGEST_WRONG


@pytest.mark.parametrize(
    ("path", "position"), [("/*[local-name()='a']", 1), (None, 4)], ids=["in front of others", "behind others"]
)
def test_the_way_to_a_signature_between_others_of_its_name(path: str | None, position: int) -> None:
    document = b"<a><Signature/><?p?><b/><Signature xmlns='urn:x'/><Signature/></a>"
    placement = None if path is None else Placement(path)
    prepared = prepare(document, holder(Key.P256).by, replace(OPTIONS, placement=placement))
    signed = holder(Key.P256).finish(prepared)
    assert prepared.xpath(signed) == f"/*[local-name()='a']/*[local-name()='Signature'][{position}]"


@pytest.mark.parametrize("name", ["a", "p:a"])
@pytest.mark.parametrize("said", ["", "Signature"], ids=["the name is nowhere", "the name is in a text"])
def test_the_way_to_the_only_signature(name: str, said: str) -> None:
    document = f'<{name} xmlns:p="urn:p"><b>{said}</b></{name}>'.encode()
    prepared = prepare(document, holder(Key.P256).by, OPTIONS)
    assert prepared.xpath(sign(document)) == "/*[local-name()='a']/*[local-name()='Signature']"


def test_the_default_place_is_the_last_child_of_the_root() -> None:
    root = parse_document_untrusted(sign(DOCUMENT), Limits())
    assert [child.tag for child in root] == ["{urn:f}b", ds("Signature")]


@pytest.mark.parametrize("path", ["/*", "/child::*", "/*[local-name()='a']", '/*[ local-name() = "a" ][1]'])
def test_a_placement_at_the_root_is_taken_without_policy(path: str) -> None:
    signed = sign(DOCUMENT, replace(OPTIONS, placement=Placement(path)))
    assert [child.tag for child in parse_document_untrusted(signed, Limits())] == [ds("Signature"), "{urn:f}b"]
    assert one(signed).integrity is Integrity.INTACT


@pytest.mark.parametrize(
    "placement",
    [
        Placement("/*/*"),
        Placement("/*", behind=True),
        Placement("//*"),
        Placement(""),
        Placement("/a"),
        Placement("/*[0]"),
        Placement("/*[count(//*)]"),
    ],
    ids=str,
)
def test_other_placements_need_a_policy(placement: Placement) -> None:
    assert refused(DOCUMENT, replace(OPTIONS, placement=placement)) == 4111


FORBIDDEN = {
    "part, nonQES": replace(OPTIONS, reference="#i1"),
    "detached part, nonQES": replace(NFDM, use=Use.NONQES, policy=None),
    "policy with a nonQES": replace(NFDM, use=Use.NONQES),
    "part enclosed": replace(OPTIONS, reference="#i1", include_object=True),
    "parallel around": replace(OPTIONS, include_object=True, update=Update.PARALLEL),
    "unknown policy": replace(OPTIONS, policy="urn:other"),
    "QES without policy": replace(OPTIONS, use=Use.QES),
    "QES around": replace(OPTIONS, use=Use.QES, include_object=True),
    "QES of a module without policy": replace(OPTIONS, use=Use.QES_MODULE),
    "QES whole with the policy for parts": replace(OPTIONS, use=Use.QES, policy=NFDM_POLICY),
    "QES part, the signature in it": replace(NFDM, use=Use.QES_MODULE, placement=None),
    "QES counter": replace(OPTIONS, use=Use.QES, update=Update.COUNTER),
    "counter without signature": replace(OPTIONS, update=Update.COUNTER),
    "parallel without signature": replace(OPTIONS, update=Update.PARALLEL),
    "QES part, parallel to no signature": replace(NFDM, update=Update.PARALLEL),
    "elsewhere than the policy wants": replace(NFDM, placement=Placement("/*")),
    "behind instead of in": replace(NFDM, placement=Placement("/*/*[local-name()='SignatureArzt']", behind=True)),
}


@pytest.mark.requirement("TIP1-A_5010-09", "TIP1-A_5447")
@pytest.mark.parametrize("options", FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_variants(options: XadesOptions) -> None:
    document = DOCUMENT if options.reference == "#i1" else NFD
    assert refused(document, options) == 4111


UNFIT = {
    4022: b"<a>",
    4024: b'<?xml version="1.0" encoding="EBCDIC-CP-DE"?><a/>',
    4280: b"<a>" * 200 + b"</a>" * 200,
    4281: b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
}


@pytest.mark.parametrize(("code", "document"), UNFIT.items())
def test_unfit_documents(code: int, document: bytes) -> None:
    assert refused(document, OPTIONS) == code


def test_unfit_documents_of_other_kinds() -> None:
    assert refused('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), OPTIONS) == 4024
    assert refused(b'<a xmlns="relative"/>', OPTIONS) == 4110
    assert refused(b'<a><i:include xmlns:i="http://www.w3.org/2001/XInclude"/></a>', OPTIONS) == 4281
    assert refused(b"", OPTIONS) == 4022


@pytest.mark.parametrize("reference", ["#missing", "#twice", "http://elsewhere/#i1", "i1"])
def test_references_that_lead_nowhere(reference: str) -> None:
    document = b'<a><b Id="twice"/><c ID="twice"/><d Id="i1"/></a>'
    assert refused(document, replace(OPTIONS, reference=reference)) == 4115


@pytest.mark.parametrize("reference", ["", "#r"])
def test_a_reference_to_the_root_is_one_to_the_whole(reference: str) -> None:
    signed = sign(b'<a Id="r"/>', replace(OPTIONS, reference=reference))
    assert one(signed).integrity is Integrity.INTACT
    assert one(signed).references == ("",)


def test_ids_come_from_the_schema() -> None:
    schema = (
        b'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema"><s:element name="a"><s:complexType>'
        b'<s:attribute name="Nummer" type="s:ID"/><s:attribute name="Id" type="s:string"/></s:complexType></s:element>'
        b"</s:schema>"
    )
    assert id_attributes([schema, b"<broken"]) == {"Nummer"}
    assert refused(NFD, replace(NFDM, schemas=(Schema("urn:nfd", schema),))) == 4115
    declared = schema.replace(b"Nummer", b"ID")
    signed = sign(NFD, replace(NFDM, schemas=(Schema("urn:nfd", declared),)))
    (found,) = read_xades_untrusted(signed, id_attributes=id_attributes([declared]))
    assert (found.integrity, found.findings) == (Integrity.INTACT, ())
    (found,) = read_xades_untrusted(signed, id_attributes=id_attributes([schema]))
    assert (found.integrity, found.findings) == (Integrity.DIGEST_WRONG, (4115,))


@pytest.mark.parametrize("use", [Use.QES, Use.QES_MODULE])
@pytest.mark.requirement("TIP1-A_5538", "TIP1-A_4646-04", "TIP1-A_5436")
def test_part_under_the_policy_of_nfdm(use: Use) -> None:
    schema = Schema(f"{NFDM_POLICY}:NFD_Document.xsd", ID_SCHEMA)
    signed = sign(NFD, replace(NFDM, use=use, schemas=(schema,)), Key.BRAINPOOL)
    (found,) = read_xades_untrusted(signed, schemas={schema.uri: schema.document})
    assert found.integrity is Integrity.INTACT
    assert found.policy == NFDM_POLICY
    assert found.references == ("#ID1",)
    assert [(entry.uri, entry.intact) for entry in found.manifest] == [(schema.uri, True)]
    root = parse_document_untrusted(signed, Limits())
    (holding,) = root.findall("{urn:nfd}SignatureArzt")
    assert [child.tag for child in holding] == [ds("Signature")]
    assert [value.text for value in root.iterfind(".//{*}SigPolicyHash/{*}DigestValue")] == [None]
    start, end = signed.index(b"<ds:Signature"), signed.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    without = signed[:start] + signed[end:]
    assert without.replace(b"<n:SignatureArzt></n:SignatureArzt>", b"<n:SignatureArzt/>") == NFD
    # Not given, the schema is not looked for; another one does not fit.
    assert [entry.intact for entry in one(signed).manifest] == [None]
    (found,) = read_xades_untrusted(signed, schemas={schema.uri: ID_SCHEMA.replace(b" name", b"  name")})
    assert [entry.intact for entry in found.manifest] == [True]  # the same in canonical form
    (found,) = read_xades_untrusted(signed, schemas={schema.uri: ID_SCHEMA.replace(b"<s:a", b"x<s:a")})
    assert [entry.intact for entry in found.manifest] == [False]


def test_a_part_counts_only_under_its_policy() -> None:
    signed = sign(NFD, NFDM)
    # The part is intact, but somebody moved it: what the policy names is another element.
    moved = signed.replace(b"<n:Notfalldaten ", b"<n:Notfalldaten/><n:y><n:Notfalldaten ", 1)
    moved = moved.replace(b"</n:Notfalldaten>", b"</n:Notfalldaten></n:y>", 1)
    assert one(moved).integrity is Integrity.NOT_WHOLE_DOCUMENT


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.requirement("TIP1-A_4646-04")
def test_ocsp_is_embedded(late: bool) -> None:
    options = OPTIONS if late else replace(OPTIONS, ocsp=OCSP)
    found = one(sign(DOCUMENT, options, ocsp=OCSP if late else None))
    assert found.integrity is Integrity.INTACT
    assert found.ocsp == (OCSP,)


def test_ocsp_is_added_later() -> None:
    signed = sign(DOCUMENT)
    later = with_ocsp(with_ocsp(signed, {0: OCSP}), {0: OCSP + OCSP})
    assert one(later).integrity is Integrity.INTACT
    assert one(later).ocsp == (OCSP, OCSP + OCSP)
    parallel = sign(signed, replace(OPTIONS, name="n2", update=Update.PARALLEL))
    # The first one is covered by the second and stays as it is.
    both = read_xades_untrusted(with_ocsp(parallel, {0: OCSP, 1: OCSP}))
    assert [found.integrity for found in both] == [Integrity.INTACT, Integrity.INTACT]
    assert [found.ocsp for found in both] == [(), (OCSP,)]


def test_parallel_and_counter_signatures_break_nothing() -> None:
    document = sign(DOCUMENT, OPTIONS, Key.BRAINPOOL)
    for number, key in enumerate((Key.RSA, Key.P256)):
        document = sign(document, replace(OPTIONS, name=f"p{number}", update=Update.PARALLEL), key)
    for number in range(2):
        document = sign(document, replace(OPTIONS, name=f"c{number}", update=Update.COUNTER), Key.BRAINPOOL)
    found = read_xades_untrusted(document)
    assert {item.integrity for item in found} == {Integrity.INTACT}
    assert [item.identifier for item in found if item.countersigns is None] == [
        "signature-n1", "signature-p0", "signature-p1",
    ]  # fmt: skip
    meant = sorted((item.identifier or "", item.countersigns) for item in found if item.countersigns is not None)
    assert meant == [
        ("signature-c0", 0), ("signature-c0-1", 1), ("signature-c0-2", 2),
        ("signature-c1", 0), ("signature-c1-1", 1), ("signature-c1-2", 2),
    ]  # fmt: skip
    assert stripped(document) == stripped(DOCUMENT)


def test_ids_that_occur_twice_or_are_no_names_are_the_documents_business() -> None:
    assert one(sign(b'<a xml:id="1 2"><b xml:id="i"/><b xml:id="i"/></a>')).integrity is Integrity.INTACT


def test_an_enveloping_signature_gets_no_parallel_one() -> None:
    signed = sign(DOCUMENT, replace(OPTIONS, include_object=True))
    assert refused(signed, replace(OPTIONS, name="p", update=Update.PARALLEL)) == 4111


def test_counter_signature_of_an_enveloping_one() -> None:
    signed = sign(DOCUMENT, replace(OPTIONS, include_object=True))
    both = read_xades_untrusted(sign(signed, replace(OPTIONS, name="c", update=Update.COUNTER)))
    assert [(found.integrity, found.countersigns) for found in both] == [
        (Integrity.INTACT, None),
        (Integrity.INTACT, 0),
    ]


@pytest.mark.parametrize(
    "properties",
    [
        b"<xades:UnsignedProperties/>",
        b"<xades:UnsignedProperties ></xades:UnsignedProperties>",
        b"<xades:UnsignedProperties><xades:UnsignedDataObjectProperties/></xades:UnsignedProperties>",
        b"<xades:UnsignedProperties><xades:UnsignedSignatureProperties/></xades:UnsignedProperties>",
        b'<UnsignedProperties xmlns="http://uri.etsi.org/01903/v1.3.2#"/>',
    ],
)
def test_counter_signatures_go_where_there_is_room(properties: bytes) -> None:
    end = b"</xades:SignedProperties>"
    signed = sign(DOCUMENT).replace(end, end + properties)
    # A signature of somebody who gives no Id to the value.
    signed = signed.replace(b' Id="signaturevalue-n1"', b"")
    both = read_xades_untrusted(sign(signed, replace(OPTIONS, name="c", update=Update.COUNTER)))
    assert [(found.integrity, found.countersigns) for found in both] == [
        (Integrity.INTACT, None),
        (Integrity.INTACT, 0),
    ]


@pytest.mark.parametrize("count", [2, 12])
def test_a_document_is_read_once_for_all_that_is_added(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the signatures has a room of its own, and a document may be long."""
    around = [sign(b"<b/>", replace(OPTIONS, name=f"n{number}", include_object=True)) for number in range(count)]
    document, readings, spans = b"<a>%b</a>" % b"".join(around), list[int](), xmlsplice._spans

    def noted(octets: bytes, encoding: str, wanted: frozenset[int]) -> dict[int, xmlsplice.Span]:
        readings.append(len(wanted))
        return spans(octets, encoding, wanted)

    monkeypatch.setattr(xmlsplice, "_spans", noted)
    countersigned = sign(document, replace(OPTIONS, name="c", update=Update.COUNTER))
    assert readings == [count]
    found = read_xades_untrusted(countersigned)
    counters = [one for one in found if one.countersigns is not None]
    assert [one.countersigns for one in counters] == list(range(0, 2 * count, 2))
    assert {one.integrity for one in counters} == {Integrity.INTACT}
    with_values = read_xades_untrusted(with_ocsp(document, dict.fromkeys(range(count), OCSP)))
    assert [one.ocsp for one in with_values] == [(OCSP,)] * count
    assert readings == [count] * 2


def test_a_counter_signature_needs_properties_to_stand_in() -> None:
    bare = etree.fromstring(sign(DOCUMENT))
    (signature,) = bare.findall(ds("Signature"))
    for holding in signature.findall(ds("Object")):
        signature.remove(holding)
    assert refused(etree.tostring(bare), replace(OPTIONS, update=Update.COUNTER)) == 4111
    assert refused(etree.tostring(bare), replace(OPTIONS, update=Update.PARALLEL)) == 4111


def test_a_prefix_that_the_document_uses_otherwise() -> None:
    document = b'<ds:a xmlns:ds="urn:other" xmlns:xades="urn:another"><xades:b/></ds:a>'
    signed = sign(document)
    assert one(signed).integrity is Integrity.INTACT
    counter = sign(signed, replace(OPTIONS, name="c", update=Update.COUNTER))
    assert {found.integrity for found in read_xades_untrusted(counter)} == {Integrity.INTACT}


def test_the_value_of_ecdsa_is_two_halves() -> None:
    root = etree.fromstring(sign(DOCUMENT, key=Key.BRAINPOOL))
    assert len(b64decode(root.findtext(f".//{ds('SignatureValue')}") or "")) == 64


@pytest.mark.parametrize("name", ["n:Notfalldaten", "x:Notfalldaten"])
@pytest.mark.parametrize("deep", [False, True])
def test_of_two_parts_that_the_policy_names_none_is_the_signed_one(name: str, deep: bool) -> None:
    """Signature wrapping: the signed part stays as it is, and one that nobody signed is put before it."""
    forged = f'<{name} xmlns:x="urn:x"><n:x>forged</n:x></{name}>'.encode()
    forged = b"<n:Rest>" + forged + b"</n:Rest>" if deep else forged
    wrapped = sign(NFD, NFDM).replace(b"<n:Notfalldaten ID", forged + b"<n:Notfalldaten ID", 1)
    assert one(wrapped).integrity is Integrity.NOT_WHOLE_DOCUMENT


def test_of_too_many_signatures_none_is_countersigned() -> None:
    """To ask for each whether each of the others covers it would take half an hour."""
    signatures = b"<Signature><SignatureValue/></Signature>" * 14_000
    document = b'<a xmlns="http://www.w3.org/2000/09/xmldsig#">' + signatures + b"</a>"
    assert refused(document, replace(OPTIONS, update=Update.COUNTER)) == 4280
