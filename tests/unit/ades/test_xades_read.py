"""XAdES as outsiders send it: damaged, re-ordered, wrapped, too much of it, and what is forbidden."""

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

import pytest
from lxml import etree

from tests.adesbench import NOW, Key, holder
from tiaas.ades import xadesmanifest, xadesread, xadesunsigned
from tiaas.ades.found import BadSignatureFile, FoundSignature, Integrity
from tiaas.ades.xades import XadesOptions, prepare
from tiaas.ades.xadesdocument import XmlDocument, parse_xml_untrusted
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesvariants import NFDM_POLICY, Update
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec import references
from tiaas.xmlsec.markup import NOWHERE
from tiaas.xmlsec.names import DS, SIGNED_PROPERTIES_TYPE, XADES, SignatureMethod, Transform, ds, xades
from tiaas.xmlsec.writer import Part, Plan, draft, raw_ecdsa

OPTIONS = XadesOptions(moment=NOW, name="n1", short_text="Text")
DOCUMENT = b'<a xmlns="urn:x"><b Id="i1">Aspirin</b></a>'
OBJECT = replace(OPTIONS, include_object=True)


def sign(document: bytes, options: XadesOptions = OPTIONS, key: Key = Key.P256) -> bytes:
    signer = holder(key)
    return signer.finish(prepare(document, signer.by, options))


SIGNED, ENCLOSED = sign(DOCUMENT), sign(DOCUMENT, OBJECT)


def read(document: bytes) -> list[Integrity]:
    return [found.integrity for found in read_xades_untrusted(document)]


def one(document: bytes) -> FoundSignature:
    (found,) = read_xades_untrusted(document)
    return found


def changed(change: Callable[[XmlElement], None], document: bytes = SIGNED) -> list[Integrity]:
    root = etree.fromstring(document)
    change(root)
    return read(etree.tostring(root))


def find(root: XmlElement, name: str) -> XmlElement:
    found = root.find(f".//{name}")
    assert found is not None
    return found


def refused(document: bytes | None, signature: bytes | None = None) -> int:
    with pytest.raises(BadSignatureFile) as caught:
        read_xades_untrusted(document, signature)
    return caught.value.code


def text(root: XmlElement) -> None:
    find(root, "{urn:x}b").text = "Morphin"


def time(root: XmlElement) -> None:
    find(root, xades("SigningTime")).text = "2020-01-01T00:00:00Z"


def digest(root: XmlElement) -> None:
    find(root, ds("DigestValue")).text = base64.b64encode(b"x" * 32).decode()


def value(root: XmlElement) -> None:
    element = find(root, ds("SignatureValue"))
    octets = bytearray(base64.b64decode(element.text or ""))
    octets[5] ^= 1
    element.text = base64.b64encode(octets).decode()


def no_value(root: XmlElement) -> None:
    info = find(root, ds("SignatureValue"))
    info.getparent().remove(info)  # type: ignore[union-attr]


def other_certificate(root: XmlElement) -> None:
    element = find(root, ds("X509Certificate"))
    element.text = base64.b64encode(holder(Key.P256, "Other").certificate).decode()


def no_certificate(root: XmlElement) -> None:
    info = find(root, ds("KeyInfo"))
    info.getparent().remove(info)  # type: ignore[union-attr]


def sha1(root: XmlElement) -> None:
    find(root, ds("DigestMethod")).set("Algorithm", DS + "sha1")


def unknown_method(root: XmlElement) -> None:
    find(root, ds("SignatureMethod")).set("Algorithm", DS + "hmac-sha1")


def unknown_transform(root: XmlElement) -> None:
    find(root, ds("Transform")).set("Algorithm", DS + "base64")


def other_target(root: XmlElement) -> None:
    find(root, xades("QualifyingProperties")).set("Target", "#other")


def unsigned_properties(root: XmlElement) -> None:
    """The properties are kept, the reference to them goes."""
    info = find(root, ds("SignedInfo"))
    info.remove(info.findall(ds("Reference"))[1])


def reorder(root: XmlElement) -> None:
    info = find(root, ds("SignedInfo"))
    info.append(info.findall(ds("Reference"))[0])


def junk_base64(root: XmlElement) -> None:
    find(root, ds("SignatureValue")).text = "§"


DAMAGES = {
    text: Integrity.DIGEST_WRONG,
    time: Integrity.DIGEST_WRONG,
    digest: Integrity.DIGEST_WRONG,
    value: Integrity.SIGNATURE_WRONG,
    reorder: Integrity.SIGNATURE_WRONG,
    other_certificate: Integrity.SIGNATURE_WRONG,
    no_certificate: Integrity.CERTIFICATE_MISSING,
    no_value: Integrity.MALFORMED,
    other_target: Integrity.MALFORMED,
    unsigned_properties: Integrity.MALFORMED,
    junk_base64: Integrity.MALFORMED,
    sha1: Integrity.ALGORITHM_UNKNOWN,
    unknown_method: Integrity.ALGORITHM_UNKNOWN,
    unknown_transform: Integrity.ALGORITHM_UNKNOWN,
}


@pytest.mark.parametrize("document", [SIGNED, ENCLOSED], ids=["enveloped", "enveloping"])
@pytest.mark.parametrize(("damage", "integrity"), DAMAGES.items(), ids=lambda item: getattr(item, "__name__", ""))
@pytest.mark.requirement("TIP1-A_5505")
def test_damages(damage: Callable[[XmlElement], None], integrity: Integrity, document: bytes) -> None:
    assert changed(damage, document) == [integrity]


def test_every_octet_of_the_document_counts() -> None:
    """No changed character of the document or of SignedInfo goes unnoticed."""
    end = SIGNED.index(b"<ds:SignatureValue")
    for at in range(0, end, 7):
        data = SIGNED[:at] + bytes([SIGNED[at] ^ 1]) + SIGNED[at + 1 :]
        with suppress(BadSignatureFile):
            assert read(data) != [Integrity.INTACT], data[: at + 1]


def test_the_algorithm_is_named() -> None:
    found = one(SIGNED.replace(b"#ecdsa-sha256", b"#ecdsa-sha224"))
    assert found.integrity is Integrity.ALGORITHM_UNKNOWN
    assert found.algorithm is None
    assert found.algorithm_name == "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha224"


def test_a_certificate_that_is_given_counts_where_none_is_embedded() -> None:
    root = etree.fromstring(SIGNED)
    no_certificate(root)
    (found,) = read_xades_untrusted(etree.tostring(root), certificates=(holder(Key.P256).certificate,))
    assert found.integrity is Integrity.INTACT
    assert found.certificates == ()
    (found,) = read_xades_untrusted(etree.tostring(root), certificates=(holder(Key.P256, "Other").certificate,))
    assert found.integrity is Integrity.SIGNATURE_WRONG


def test_the_signers_certificate_among_several_is_the_one_named() -> None:
    root = etree.fromstring(SIGNED)
    data = find(root, ds("X509Data"))
    other = etree.Element(ds("X509Certificate"))
    other.text = base64.b64encode(holder(Key.RSA).certificate).decode()
    data.insert(0, other)
    found = one(etree.tostring(root))
    assert found.integrity is Integrity.INTACT
    assert found.certificate == holder(Key.P256).certificate
    assert len(found.certificates) == 2


def test_another_certificate_of_the_same_key_is_not_the_signers() -> None:
    """Its key fits; the signed properties name another one (XAdES G.2.2.5)."""
    signer = holder(Key.P256)
    other = holder(Key.P256, "Other")
    root = etree.fromstring(signer.finish(prepare(DOCUMENT, other.by, OPTIONS)))
    find(root, ds("X509Certificate")).text = base64.b64encode(signer.certificate).decode()
    assert read(etree.tostring(root)) == [Integrity.CERTIFICATE_NOT_BOUND]


def wrap_in_object(root: XmlElement) -> None:
    """The signed root goes into an Object of its signature; what the reader sees is another one."""
    signature = find(root, ds("Signature"))
    root.remove(signature)
    inner = etree.fromstring(etree.tostring(root))
    text(root)
    holding = etree.SubElement(signature, ds("Object"))
    holding.append(inner)
    root.append(signature)


def move_signature_down(root: XmlElement) -> None:
    """The signed document is one level below a new root, the signature still its child."""
    copy = etree.fromstring(etree.tostring(root))
    for child in list(root):
        root.remove(child)
    etree.SubElement(root, "{urn:x}b").text = "Morphin"
    root.append(copy)


@pytest.mark.parametrize("wrap", [wrap_in_object, move_signature_down])
def test_wrapped_documents(wrap: Callable[[XmlElement], None]) -> None:
    assert changed(wrap) == [Integrity.DIGEST_WRONG]


def test_an_enclosed_document_beside_another() -> None:
    """The signed Object stays, a second one with another document is put in front of it."""

    def add(root: XmlElement) -> None:
        other = etree.fromstring(etree.tostring(find(root, ds("Object"))))
        text(other)
        root.insert(3, other)

    # The Id occurs twice: nobody can say which of them is signed.
    assert changed(add, ENCLOSED) == [Integrity.DIGEST_WRONG]
    assert one(etree.tostring(_changed(add))).findings == (4115,)


def _changed(change: Callable[[XmlElement], None]) -> XmlElement:
    root = etree.fromstring(ENCLOSED)
    change(root)
    return root


def test_an_enclosing_signature_that_is_enclosed() -> None:
    """It encloses its document, but what the caller has is more than that."""
    assert read(b"<a>" + ENCLOSED + b"</a>") == [Integrity.NOT_WHOLE_DOCUMENT]


@pytest.mark.parametrize("document", [SIGNED, ENCLOSED], ids=["enveloped", "enveloping"])
def test_something_unsigned_in_an_object(document: bytes) -> None:
    """The signature is as good as before, but what is in it besides could be taken for the document."""

    def add(root: XmlElement) -> None:
        signature = root if root.tag == ds("Signature") else find(root, ds("Signature"))
        holding = etree.SubElement(signature, ds("Object"))
        holding.append(etree.fromstring(DOCUMENT))

    assert changed(add, document) == [Integrity.NOT_WHOLE_DOCUMENT]


@pytest.mark.parametrize("name", ["ID", "id", "Id", "xml:id"])
def test_a_second_bearer_of_the_id_of_the_properties(name: str) -> None:
    def add(root: XmlElement) -> None:
        key = name.replace("xml:", "{http://www.w3.org/XML/1998/namespace}")
        etree.SubElement(find(root, ds("Object")), "{urn:x}evil").set(key, "signedproperties-n1")

    assert changed(add) in ([Integrity.DIGEST_WRONG], [Integrity.MALFORMED])


def test_signed_properties_of_another_signature() -> None:
    """Properties that the signature covers, but not its own."""

    def swap(root: XmlElement) -> None:
        qualifying = find(root, xades("QualifyingProperties"))
        other = etree.fromstring(etree.tostring(qualifying))
        find(other, xades("SigningTime")).text = "2020-01-01T00:00:00Z"
        find(other, xades("SignedProperties")).set("Id", "other")
        holding = etree.SubElement(find(root, ds("Signature")), ds("Object"))
        holding.append(qualifying)
        find(root, ds("Object")).append(other)

    assert changed(swap) == [Integrity.MALFORMED]


def test_a_counter_signature_of_another_value() -> None:
    both = sign(SIGNED, replace(OPTIONS, name="c", update=Update.COUNTER))
    assert read(both) == [Integrity.INTACT, Integrity.INTACT]
    # It is put into a second document that the same person signed.
    counter = both[both.index(b"<xades:UnsignedProperties") : both.index(b"</xades:UnsignedProperties>") + 27]
    other = sign(DOCUMENT.replace(b"Aspirin", b"Morphin")).replace(
        b"</xades:SignedProperties>", b"</xades:SignedProperties>" + counter
    )
    found = read_xades_untrusted(other)
    assert [(item.integrity, item.countersigns) for item in found] == [
        (Integrity.INTACT, None),
        (Integrity.DIGEST_WRONG, 0),
    ]


def test_a_signature_in_what_is_enclosed_is_content() -> None:
    assert read(sign(SIGNED, replace(OBJECT, name="n2"))) == [Integrity.INTACT]


@pytest.mark.parametrize(
    ("uri", "finding"),
    [("http://localhost/a.xml", 4208), ("file:///etc/passwd", 4208), ("other.xml", 4208), ("#missing", 4115)],
)
def test_references_to_elsewhere_are_not_followed(uri: str, finding: int) -> None:
    found = one(SIGNED.replace(b'URI=""', f'URI="{uri}"'.encode()))
    assert found.integrity is Integrity.DIGEST_WRONG
    assert found.findings == (finding,)


@pytest.mark.requirement("A_22673")
@pytest.mark.parametrize(
    "change",
    [
        (b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", b"http://www.w3.org/TR/1999/REC-xpath-19991116"),
        (b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", b"http://www.w3.org/2002/06/xmldsig-filter2"),
        (b"http://www.w3.org/2000/09/xmldsig#enveloped-signature", b"http://www.w3.org/TR/1999/REC-xslt-19991116"),
        (b"></ds:Transform>", b"><ds:XPath>1</ds:XPath></ds:Transform>"),
        (b'URI=""', b'URI="#xpointer(/)"'),
        (b"<a ", b'<!DOCTYPE a [<!ENTITY e "x">]><a '),
        (b"<b ", b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="b"/><b '),
    ],
    ids=["xpath", "filter2", "xslt", "xpath element", "xpointer", "entity", "xinclude"],
)
def test_forbidden_content(change: tuple[bytes, bytes]) -> None:
    assert refused(SIGNED.replace(*change, 1)) == 4281


@pytest.mark.requirement("A_19052-01")
def test_too_much() -> None:
    transform = b'<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:Transform>'
    assert refused(SIGNED.replace(transform, transform * 11, 1)) == 4280
    signature = SIGNED[SIGNED.index(b"<ds:Signature") : SIGNED.rindex(b"</a>")]
    assert len(read(SIGNED.replace(b"</a>", signature * 19 + b"</a>"))) == 20
    assert refused(SIGNED.replace(b"</a>", signature * 24 + b"</a>")) == 4280  # 75 transforms
    assert refused(SIGNED.replace(b"</a>", b"<ds:Signature xmlns:ds='%b'/>" % DS.encode() * 64 + b"</a>")) == 4280
    for depth in (200, 3000):
        assert refused(b"<a>" * depth + b"</a>" * depth) == 4280


def test_many_references_cost_no_more_than_one() -> None:
    """64 signatures with 64 references each, all to a document of 2 MB: it is digested once."""
    reference = (
        '<ds:Reference URI=""><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        "<ds:DigestValue/></ds:Reference>"
    )
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod '
        'Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm=""/>'
        f"{reference * 64}</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )
    found = read_xades_untrusted(f"<a>{signature * 64}<b>{'x' * 2_000_000}</b></a>".encode())
    assert {item.integrity for item in found} == {Integrity.ALGORITHM_UNKNOWN}
    assert len(found) == 64


def test_too_many_signatures_in_an_object_are_not_looked_at() -> None:
    """To ask for each what the signature around it refers to would take minutes."""
    inside = "<Reference/>" * 14_000, "<Signature/>" * 14_000
    document = f'<a xmlns="{DS}"><SignedInfo>{inside[0]}</SignedInfo><Object Id="x">{inside[1]}</Object></a>'
    assert refused(document.encode()) == 4280


def test_what_a_signature_refers_to_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are in what it encloses."""
    looked_up = []
    references = xadesunsigned._references

    def counted(signature: XmlElement) -> frozenset[str | None]:
        looked_up.append(signature)
        return references(signature)

    monkeypatch.setattr(xadesunsigned, "_references", counted)
    refer = f'<SignedInfo>{"<Reference/>" * 1000}<Reference URI="#x"/></SignedInfo>'
    document = f'<Signature xmlns="{DS}">{refer}<Object Id="x">{"<Signature/>" * 63}</Object></Signature>'
    root = etree.fromstring(document)
    assert list(xadesunsigned.all_signatures(root)) == [root]
    assert looked_up == [root]


def _with_policy(name: str) -> str:
    """A signature by the policy of NFDM that refers to a part of the document 20 times."""
    digest = '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue>AA==</DigestValue>'
    to_part = f'<Reference URI="#n">{digest}</Reference>'
    to_properties = f'<Reference URI="#p{name}" Type="{SIGNED_PROPERTIES_TYPE}">{digest}</Reference>'
    steps = "SignedSignatureProperties", "SignaturePolicyIdentifier", "SignaturePolicyId", "SigPolicyId", "Identifier"
    policy = "".join(f"<{step}>" for step in steps) + NFDM_POLICY + "".join(f"</{step}>" for step in reversed(steps))
    return (
        f'<Signature xmlns="{DS}" Id="{name}"><SignedInfo><CanonicalizationMethod Algorithm="{Transform.C14N_11}"/>'
        f'<SignatureMethod Algorithm="{SignatureMethod.ECDSA_SHA256}"/>'
        f"{to_part * 20}{to_properties}</SignedInfo>"
        f'<SignatureValue>AA==</SignatureValue><Object><QualifyingProperties xmlns="{XADES}" Target="#{name}">'
        f'<SignedProperties Id="p{name}">{policy}</SignedProperties></QualifyingProperties></Object></Signature>'
    )


@pytest.mark.parametrize("parts", [1, 2])
def test_whether_there_is_one_part_of_its_name_is_asked_once(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    """However many references lead to it: it takes a walk through all of the document."""
    asked = []
    occurs_once = xadesread._occurs_once

    def counted(root: XmlElement, name: str) -> bool:
        asked.append(occurs_once(root, name))
        return asked[-1]

    monkeypatch.setattr(xadesread, "_occurs_once", counted)
    signatures = "".join(map(_with_policy, ("s", "t", "u")))
    more = "<b><Notfalldaten/></b>" * (parts - 1)
    assert len(read(f'<a><Notfalldaten Id="n"/>{signatures}{more}</a>'.encode())) == 3
    assert asked == [parts == 1]


def test_no_signature_or_no_xml() -> None:
    assert refused(DOCUMENT) == 4253
    assert refused(None) == 4253
    assert refused(b"%PDF-1.7") == 4022
    assert refused('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16")) == 4024
    assert refused(DOCUMENT, b"") == 4022


def detached(document: bytes) -> bytes:
    """A signature by a reference without URI, as others make them: over the octets of what is beside it."""
    signer = holder(Key.P256)
    part = Part("urn:none", (), sha256(document).digest())
    plan = Plan(name="d", moment=NOW, parts=(part,))
    unsigned = draft(NOWHERE, signer.certificate, SignatureMethod.ECDSA_SHA256, plan)
    value = signer.sign(sha256(unsigned.octets.replace(b' URI="urn:none"', b"")).digest())
    return unsigned.element(raw_ecdsa(value, 256)).replace(b' URI="urn:none"', b"")


def test_a_detached_signature_covers_the_document_beside_it() -> None:
    signature = detached(b"any octets")
    (found,) = read_xades_untrusted(b"any octets", signature)
    assert found.integrity is Integrity.INTACT
    (found,) = read_xades_untrusted(b"other octets", signature)
    assert found.integrity is Integrity.DIGEST_WRONG
    (found,) = read_xades_untrusted(None, signature)
    assert found.integrity is Integrity.DIGEST_WRONG
    assert found.findings == (4208,)


def test_the_repr_tells_nothing_of_the_document() -> None:
    assert repr(one(SIGNED)) == "FoundSignature(XADES, INTACT)"
    assert "Aspirin" not in repr(prepare(DOCUMENT, holder(Key.P256).by, OPTIONS))


def test_something_unsigned_in_the_signature_itself() -> None:
    def add(root: XmlElement) -> None:
        find(root, ds("Signature")).append(etree.fromstring(DOCUMENT))

    assert changed(add) == [Integrity.NOT_WHOLE_DOCUMENT]


def test_a_style_sheet_before_a_document_that_is_signed_by_its_id() -> None:
    """A reference to the document element leaves out what stands before it; one to the document does not."""
    document = b'<a Id="r1"><b>Aspirin</b></a>'
    signer = holder(Key.P256)
    part = Part("#r1", (Transform.ENVELOPED, Transform.C14N_11), sha256(document).digest())
    plan = Plan(name="i", moment=NOW, parts=(part,))
    unsigned = draft(NOWHERE, signer.certificate, SignatureMethod.ECDSA_SHA256, plan)
    element = unsigned.element(raw_ecdsa(signer.sign(sha256(unsigned.octets).digest()), 256))
    signed = document.replace(b"</a>", element + b"</a>")
    assert read(signed) == [Integrity.INTACT]
    instruction = b'<?xml-stylesheet href="other.xsl"?>'
    assert read(instruction + signed) == [Integrity.NOT_WHOLE_DOCUMENT]
    assert read(instruction + SIGNED) == [Integrity.DIGEST_WRONG]


_TO_DIGEST = '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'


def _with_manifest(entries: int) -> bytes:
    return _with_references(f'<ds:Reference URI="urn:s">{_TO_DIGEST}' * entries)


def _with_references(manifest: str) -> bytes:
    """Two signatures that refer to a manifest of these references."""
    to_manifest = f'<ds:Reference URI="#m" Type="{DS}Manifest">{_TO_DIGEST}'
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod '
        'Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm=""/>'
        f"{to_manifest * 64}</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )
    return f'<a>{signature * 2}<ds:Manifest xmlns:ds="{DS}" Id="m">{manifest}</ds:Manifest></a>'.encode()


def test_a_manifest_is_looked_at_once_however_many_references_lead_to_it() -> None:
    found = read_xades_untrusted(_with_manifest(20), schemas={"urn:s": b"<s/>"})
    assert [len(item.manifest) for item in found] == [20, 20]
    assert found[0].manifest[0] is found[1].manifest[0]
    assert refused(_with_manifest(257)) == 4280


def _to_schema(value: bytes = b"", *, prefixes: str | None = None, exact: bool = False) -> str:
    """A reference to the schema `urn:s`: to its octets if `exact`, else canonical, exclusively so with `prefixes`."""
    written, listed = "http://www.w3.org/2006/12/xml-c14n11", ""
    if prefixes is not None:
        written = "http://www.w3.org/2001/10/xml-exc-c14n#"
        listed = f'<e:InclusiveNamespaces xmlns:e="{written}" PrefixList="{prefixes}"/>'
    transforms = f'<ds:Transforms><ds:Transform Algorithm="{written}">{listed}</ds:Transform></ds:Transforms>'
    digest = _TO_DIGEST.replace(
        "<ds:DigestValue/>", f"<ds:DigestValue>{base64.b64encode(value).decode()}</ds:DigestValue>"
    )
    return f'<ds:Reference URI="urn:s">{"" if exact else transforms}{digest}'


def test_what_many_references_of_a_manifest_mean_is_digested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = list[bytes]()

    def watched(octets: bytes) -> XmlDocument:
        parsed.append(octets)
        return parse_xml_untrusted(octets)

    monkeypatch.setattr(xadesmanifest, "parse_xml_untrusted", watched)
    schema, canonical = b"<s  a='b'/>", b'<s a="b"></s>'
    right, exact = sha256(canonical).digest(), sha256(schema).digest()
    entries = (
        *(_to_schema(right), _to_schema(b"wrong"), _to_schema(exact)) * 10,
        *(_to_schema(right, prefixes=""), _to_schema(exact, exact=True), _to_schema(right, exact=True)),
    )
    first, second = read_xades_untrusted(_with_references("".join(entries)), schemas={"urn:s": schema})
    assert [entry.intact for entry in first.manifest] == [True, False, False] * 10 + [True, True, False]
    assert len({id(entry) for entry in first.manifest}) == len(entries)
    assert second.manifest == first.manifest
    assert parsed == [schema, schema]


def _of_manifest(different: int) -> list[Integrity]:
    """What comes of a manifest with so many references that mean different things."""
    document = _with_references("".join([_to_schema(prefixes=f"p{number}") for number in range(different)]))
    return [found.integrity for found in read_xades_untrusted(document, schemas={"urn:s": b"<s>schema</s>"})]


def test_octets_that_a_manifest_leads_to_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a signature's references: with more it is malformed."""
    assert Integrity.MALFORMED not in _of_manifest(21)
    monkeypatch.setattr(references, "_MORE_OCTETS", 0)
    assert Integrity.MALFORMED not in _of_manifest(20)
    assert _of_manifest(21) == [Integrity.MALFORMED] * 2


def test_comparisons_that_a_manifest_leads_to_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Integrity.MALFORMED not in _of_manifest(6)
    monkeypatch.setattr(XmlDocument, "comparisons", lambda _: 100_000_000)
    assert Integrity.MALFORMED not in _of_manifest(5)
    assert _of_manifest(6) == [Integrity.MALFORMED] * 2


def _nested(octets: int) -> bytes:
    """A document whose signature refers to twenty elements, each around the next, with many namespaces in the last."""
    digest = '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod '
        'Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm=""/>'
        + "".join(f'<ds:Reference URI="#i{number}">{digest}' for number in range(20))
        + "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )
    inner = "<s {}>{}</s>".format(" ".join(f'xmlns:n{n}="u:{n}"' for n in range(200)), "<a/>" * 1000)
    around = "".join(f'<w Id="i{number}">' for number in range(20))
    return f"<r>{signature}{around}{inner}{'x' * octets}{'</w>' * 20}</r>".encode()


@pytest.mark.parametrize("octets", [1, 2_000_000, 14_000_000], ids=["small", "large", "so large that it may"])
def test_comparisons_of_documents_of_any_size_are_bounded(octets: int) -> None:
    """Twenty times 40 million of them, some seconds; where the octets take as long, they do not matter."""
    (found,) = read_xades_untrusted(_nested(octets))
    assert (found.integrity is Integrity.MALFORMED) is (octets < 14_000_000)


@pytest.mark.parametrize(
    "document",
    [
        "<r {}>{}</r>".format(" ".join(f'xmlns:a{n}="u:{n}"' for n in range(700)), "<x/>" * 700),
        "<r {}/>".format(" ".join(f'a{n:05}=""' for n in range(15_000))),
    ],
    ids=["namespaces", "attributes"],
)
def test_what_would_take_hours_to_be_made_canonical(document: str) -> None:
    """Small documents, whose canonical form costs the third or second power of their size."""
    assert refused(document.encode()) == 4280
    # As many of either, but not at once.
    many = '<x xmlns:a="u:a" b="" c=""/>' * 8_000
    assert refused(f"<r>{many}</r>".encode()) == 4253


def test_many_different_references_are_malformed() -> None:
    """Each may be to nearly all of the document."""
    digest = '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
    signatures = "".join(
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod '
        'Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm=""/>'
        + "".join(f'<ds:Reference URI="#i{first + number}">{digest}' for number in range(64))
        + "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
        for first in range(0, 640, 64)
    )
    parts = "".join(f'<b Id="i{number}"/>' for number in range(640))
    found = read(f"<a>{signatures}{parts}</a>".encode())
    assert found == [Integrity.ALGORITHM_UNKNOWN] * 8 + [Integrity.MALFORMED] * 2


def _signatures(references: list[str], transforms: str = "", method: str = "sha256") -> str:
    """Worthless ones, each with references to all these Ids."""
    digest = f'<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#{method}"/><ds:DigestValue/></ds:Reference>'
    return (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod '
        'Algorithm="http://www.w3.org/2006/12/xml-c14n11"/><ds:SignatureMethod Algorithm=""/>'
        + "".join(f'<ds:Reference URI="{uri}">{transforms}{digest}' for uri in references)
        + "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )


@pytest.mark.parametrize("method", ["sha256", "sha1024"])
def test_nested_parts_of_a_large_document_are_malformed(method: str) -> None:
    """60 different references to nearly all of it: 120 MiB of digests, where 20 times the document and 16 MiB may be;
    an unknown digest method costs as much, since all is made canonical before."""
    depth = 60
    nested = "".join(f'<b Id="i{number}">' for number in range(depth))
    inner = "x" * (2 * 1024 * 1024)
    uris = [f"#i{number}" for number in range(depth)]
    worthless = _signatures(uris, method=method)
    found = read(f"<a>{nested}{inner}{'</b>' * depth}{worthless}{worthless}</a>".encode())
    assert found == [Integrity.MALFORMED] * 2


def test_20_signatures_of_a_large_document_are_read() -> None:
    """So many must be (TAB_KON_779), of all of the document; what each leaves out is another one."""
    enveloped = f'<ds:Transforms><ds:Transform Algorithm="{Transform.ENVELOPED}"/></ds:Transforms>'
    found = read(f"<a>{'x' * 4 * 1024 * 1024}{_signatures([''], enveloped) * 20}</a>".encode())
    assert found == [Integrity.ALGORITHM_UNKNOWN] * 20
