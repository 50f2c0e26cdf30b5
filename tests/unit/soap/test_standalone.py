"""Elements of a message whose octets count: found in the octets, taken out, documents of their own."""

import tracemalloc
from base64 import b64encode
from binascii import b2a_base64

import pytest
from lxml import etree

from tiaas.base.slices import SLICE
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.dss_core_v1_0 import SignatureObject
from tiaas.interfaces.signature_service_v7_5 import SignDocumentResponse, VerifyDocument, VerifyDocumentResponse
from tiaas.soap import bulk
from tiaas.soap.bulk import LONG
from tiaas.soap.envelope import Limits, places_in_body, write_envelope
from tiaas.soap.errors import BadEnvelope, BadMessage, TooLarge, UnfitMessage
from tiaas.soap.mapping import decode, encode
from tiaas.soap.markup import ATTRIBUTES_MAX
from tiaas.soap.plan import ways_to_octets
from tiaas.soap.received import received_untrusted
from tiaas.soap.standalone import Places, _Finder, standing_untrusted

PLACES = places_in_body((VerifyDocument,))
CONTEXT = (
    '<c:Context xmlns:c="http://ws.gematik.de/conn/ConnectorContext/v2.0" '
    'xmlns:n="http://ws.gematik.de/conn/ConnectorCommon/v5.0"><n:MandantId>M</n:MandantId>'
    "<n:ClientSystemId>C</n:ClientSystemId><n:WorkplaceId>W</n:WorkplaceId></c:Context>"
)
DS = "http://www.w3.org/2000/09/xmldsig#"


def signed(content: str, declared: str = "") -> str:
    """A signature, as far as a message knows it."""
    return f'<ds:Signature xmlns:ds="{DS}"{declared}>{content}</ds:Signature>'


def message(signature: str, around: str = "", between: str = "") -> bytes:
    """A VerifyDocument with a signature inline; `around` are declarations of the envelope."""
    return (
        f'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" {around}><S:Body>'
        f'<v:VerifyDocument xmlns:v="http://ws.gematik.de/conn/SignatureService/v7.5">{CONTEXT}'
        f'<d:SignatureObject xmlns:d="urn:oasis:names:tc:dss:1.0:core:schema">{between}{signature}{between}'
        "</d:SignatureObject><v:IncludeRevocationInfo>false</v:IncludeRevocationInfo></v:VerifyDocument>"
        "</S:Body></S:Envelope>"
    ).encode()


def read(body: bytes, limits: Limits | None = None, package: str | None = None) -> VerifyDocument:
    with received_untrusted(body, package, limits or Limits(), None, PLACES) as (_, element):
        return decode(VerifyDocument, element)


def signature_in(body: bytes, limits: Limits | None = None, package: str | None = None) -> bytes:
    given = read(body, limits, package).signature_object
    assert given is not None
    assert given.signature_octets is not None
    return given.signature_octets


def test_the_ways_that_are_known() -> None:
    def locals_to(cls: type[object]) -> set[tuple[str, ...]]:
        return {tuple(name.partition("}")[2] for name in way) for way in ways_to_octets(cls)}

    assert locals_to(SignatureObject) == {("SignatureObject", "Signature")}
    assert locals_to(VerifyDocument) == {("VerifyDocument", "SignatureObject", "Signature")}
    assert ("SignDocumentResponse", "SignResponse", "SignatureObject", "Signature") in locals_to(SignDocumentResponse)
    assert (
        "VerifyDocumentResponse", "OptionalOutputs", "UpdatedSignature", "SignatureObject", "Signature",
    ) in locals_to(VerifyDocumentResponse)  # fmt: skip


@pytest.mark.parametrize(
    "signature",
    [
        signed("<ds:Object>x</ds:Object>"),
        f"<Signature xmlns='{DS}'  Id = 'a>b' ><a xmlns=''/></Signature >",
        signed("<?a <b> ?><!-- </ds:Signature> --><![CDATA[</ds:Signature>]]>&lt;&#13;\r\n"),
        signed("<ds:Signature><ds:Signature/></ds:Signature>"),
        signed("Größe €", ' xmlns:unused="urn:u" xmlns="urn:unused"'),
    ],
)
def test_octet_by_octet(signature: str) -> None:
    around = 'xmlns:other="urn:other" xmlns:unused="urn:else" xmlns="urn:default"'
    assert signature_in(message(signature)) == signature.encode()
    assert signature_in(message(signature, around, "<?p i?> <!-- c -->\n")) == signature.encode()


@pytest.mark.parametrize(
    ("around", "signature", "lacks"),
    [
        (f'xmlns:ds="{DS}"', "<ds:Signature>x</ds:Signature>", f' xmlns:ds="{DS}"'),
        (f'xmlns="{DS}"', "<Signature>x</Signature>", f' xmlns="{DS}"'),
        ('xmlns:p="urn:&amp;p"', signed("<p:a/>"), ' xmlns:p="urn:&amp;p"'),
        ('xmlns:p="urn:p" xmlns:q="urn:q"', signed('<a p:b="c"/>'), ' xmlns:p="urn:p"'),
        ('xmlns:p="urn:p"', signed('<a b="p:c"/>'), ' xmlns:p="urn:p"'),
        ('xmlns:p="urn:p"', signed("p:c"), ' xmlns:p="urn:p"'),
        ('xmlns:p="urn:p"', signed('<p:a xmlns:p="urn:q">p:b</p:a>'), ""),
        ('xmlns:p="urn:p"', signed('<p:a xmlns:p="urn:q"/><p:a/>'), ' xmlns:p="urn:p"'),
        ('xmlns:p="urn:p" xmlns:xp="urn:xp"', signed('<a b="(xp:c)"/>'), ' xmlns:xp="urn:xp"'),
        ('xmlns="urn:d"', signed('<a xmlns="urn:a"/>'), ""),
        ('xmlns="urn:d"', signed('<a xmlns=""/>'), ""),
        ('xmlns="urn:d"', signed("<a/>"), ' xmlns="urn:d"'),
        ("", signed('<a xml:id="b"/>', ' xml:lang="de"'), ""),
    ],
)  # fmt: skip
def test_declarations_that_it_uses_come_with_it(around: str, signature: str, lacks: str) -> None:
    tag, rest = signature[: signature.index("Signature") + 9], signature[signature.index("Signature") + 9 :]
    assert signature_in(message(signature, around)) == f"{tag}{lacks}{rest}".encode()


def test_it_has_bounds_of_its_own() -> None:
    """Depth, length of a text and number of elements that messages may not have."""
    for content in ("<a>" * 100 + "</a>" * 100, "<a>" + "x " * 6_000_000 + "</a>", "<a/>" * 29_000):
        signature = signed(content)
        assert signature_in(message(signature)) == signature.encode()
    with pytest.raises(TooLarge):
        read(message(signed("<a/>" * 120_000)))
    with pytest.raises(TooLarge):
        read(message(signed("a"), between="<a>" * 40 + "</a>" * 40))


def _with_attributes(number: int) -> str:
    return "<a " + " ".join(f'b{place:x}=""' for place in range(number)) + "/>"


def _with_prefixes(number: int) -> str:
    return "<a " + " ".join(f'xmlns:b{place:x}="b"' for place in range(number)) + "/>"


def _with_long_names(attributes: int) -> str:
    """Written into the name of each attribute."""
    return f'<a xmlns:b="{"u" * 60_000}" ' + " ".join(f'b:c{place:x}=""' for place in range(attributes)) + "/>"


_HINTS = "<!--SignatureObject http://www.w3.org/2000/09/xmldsig#-->"


@pytest.mark.parametrize(
    "body",
    [
        f"<S>{_HINTS}{_with_attributes(ATTRIBUTES_MAX + 1)}</S>".encode(),
        f"<S>{_HINTS}{_with_prefixes(ATTRIBUTES_MAX + 1)}</S>".encode(),
        f"<S>{_HINTS}{_with_attributes(ATTRIBUTES_MAX) * 13}</S>".encode(),
        message(signed(_with_attributes(ATTRIBUTES_MAX + 1))),
        message(signed("<a/>" * 60_001)),
        f"<S>{_HINTS}{_with_long_names(2_500)}</S>".encode(),
        message(signed(_with_long_names(100))),
    ],
    ids=["attributes", "prefixes", "attributes in all", "in a signature", "elements", "names", "names in a signature"],
)
@pytest.mark.parametrize("is_packaged", [False, True])
def test_what_is_too_large_is_refused_before_any_parser_sees_it(
    monkeypatch: pytest.MonkeyPatch, body: bytes, is_packaged: bool
) -> None:
    """Expat hands over the attributes of an element at once, and nobody else has his turn meanwhile."""
    monkeypatch.setattr(bulk, "standing_untrusted", None)
    with pytest.raises(TooLarge):
        read(packaged(body) if is_packaged else body, package=PACKAGE if is_packaged else None)


def test_names_of_namespaces_take_a_bounded_part_of_memory() -> None:
    body = f"<S>{_HINTS}{_with_long_names(2_500)}</S>".encode()
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            read(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(body)


@pytest.mark.parametrize("beginning", ["", "\ufeff", " ", "<?xml version='1.0' encoding='UTF-8'?>"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_expat_reads_no_utf_16(beginning: str, encoding: str) -> None:
    """It would whatever it is told, and what was counted in octets would be wrong."""
    hint = f"SignatureObject {DS}".ljust(60).encode().decode(encoding)
    body = (beginning + f"<!--{hint}-->" + message(signed("x")).decode()).encode(encoding)
    assert PLACES.may_be_in(body)
    assert standing_untrusted(body, PLACES, 32) == []
    with pytest.raises(BadEnvelope):
        read(body)


def test_as_many_attributes_as_a_document_may_have_are_read() -> None:
    signature = signed(_with_attributes(ATTRIBUTES_MAX) + "= " * ATTRIBUTES_MAX)
    assert signature_in(message(signature)) == signature.encode()


@pytest.mark.parametrize("depth", [32, 33, 50_000])
def test_nothing_is_looked_for_deeper_than_the_message_may_be(monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    begun = list[str]()
    begin = _Finder._begin

    def counting(finder: _Finder, name: str, attributes: dict[str, str]) -> None:
        begun.append(name)
        begin(finder, name, attributes)

    monkeypatch.setattr(_Finder, "_begin", counting)
    standing_untrusted(b"<a>" * depth, PLACES, 32)
    assert len(begun) == min(depth, 33)


def test_a_namespace_that_is_not_read_to_its_end_is_none() -> None:
    """What the signature would get of it would not be what stands there."""
    name = "urn:" + "x" * 500_000
    for signature in (signed("p:c"), signed("<p:a/>"), signed("x")):
        body = message(signature, f'xmlns:p="{name}"')
        assert standing_untrusted(body, PLACES, 32) == []
        with pytest.raises(TooLarge):
            read(body)
    signature = signed(f'<d e="{name}"/>')
    assert signature_in(message(signature)) == signature.encode()


def test_the_way_to_an_element_is_compared_where_a_known_one_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at each of many elements beside them."""

    class Ways(frozenset[tuple[str, ...]]):
        asked = 0

        def __contains__(self, way: object) -> bool:
            Ways.asked += 1
            return super().__contains__(way)

    places = Places(Ways(PLACES.ways))
    standing_untrusted(message(signed("x"), between="<a><b/></a>" * 1_000), places, 32)
    (length,) = map(len, PLACES.ways)
    assert Ways.asked <= 2_001 + length


@pytest.mark.parametrize(
    "content",
    [
        "x" * 5_000_000,
        " " * 5_000_000,
        "x:" * 2_500_000,
        '<a b="%s"/>' % (" " * 5_000_000),
        '<a b="%s"/>' % ("x:" * 99),
    ],
    ids=["a long word", "long blanks", "many prefixes", "a long value", "many prefixes in a value"],
)
def test_long_runs_take_no_longer_than_other_text(content: str) -> None:
    """With the square of its length each of them would take hours."""
    signature = signed(content)
    assert signature_in(message(signature, 'xmlns:p="urn:p"')) == signature.encode()


@pytest.mark.parametrize("length", [SLICE, 8 * 1024])
def test_a_prefix_in_text_counts_wherever_expat_hands_the_text_over(length: int) -> None:
    """At the end of what it was given, and in pieces of a long text."""
    places = Places(frozenset({("e", "p", "{u:s}S")}))
    for off in range(-12, 4):
        head, begin = '<e xmlns:abc="u:abc" xmlns:bc="u:bc" xmlns:ab="u:ab"><p>', '<s:S xmlns:s="u:s">'
        lead, inner = (length - len(head + begin) + off, 0) if length == SLICE else (0, length + off)
        text = "." * inner + " abc:name"
        body = f"{head}{' ' * lead}{begin}{text}</s:S> c:x</p></e>".encode()
        (found,) = standing_untrusted(body, places, 32)
        assert found.declarations == b' xmlns:abc="u:abc"'


@pytest.mark.parametrize("inner", ["ab<x/>c:name", "<x>ab</x>c:name", "ab<x>c:name</x>"])
def test_no_prefix_is_of_two_texts(inner: str) -> None:
    places = Places(frozenset({("e", "p", "{u:s}S")}))
    body = f'<e xmlns:abc="u:abc" xmlns:c="u:c"><p><s:S xmlns:s="u:s">{inner}</s:S></p></e>'.encode()
    (found,) = standing_untrusted(body, places, 32)
    assert found.declarations == b' xmlns:c="u:c"'


def test_long_base64_is_cut_out_and_comes_back() -> None:
    content = f"<ds:Object>{'QUJD' * (LONG // 2)}</ds:Object>\n<ds:Object>{'QUJD' * LONG}\r\n</ds:Object>"
    signature = signed(content)
    assert signature_in(message(signature)) == signature.encode()
    with_mark = signature.replace("<ds:Object>", '<ds:Object><at xmlns="urn:tiaas:bulk" n="0"/>', 1)
    assert signature_in(message(with_mark)) == with_mark.encode(), "a mark of somebody else is content"


PACKAGE = 'multipart/related; type="application/xop+xml"; boundary="b"; start="<root>"'


INCLUDE = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'


def packaged(root: bytes, attached: bytes = b"ABC") -> bytes:
    return b"--b\r\nContent-ID: <root>\r\n\r\n" + root + b"\r\n--b\r\nContent-ID: <a>\r\n\r\n" + attached + b"\r\n--b--"


@pytest.mark.parametrize("more", ["", "<ds:Object>x</ds:Object>" * (SLICE // 24), f"<a>{'QUJD' * LONG}</a>&lt;"])
def test_attachments_are_put_back(more: str) -> None:
    signature = signed(f"<?p i?>{more}<ds:SignatureValue>{{}}</ds:SignatureValue>", ' xmlns:u="urn:u"')
    body = packaged(message(signature.format(INCLUDE.format("a"))))
    assert signature_in(body, package=PACKAGE) == signature.format("QUJD").encode()
    with pytest.raises(BadEnvelope):
        read(packaged(message(signature.format(INCLUDE.format("b")))), package=PACKAGE)


def test_contents_are_put_back_each_in_its_place() -> None:
    """Large ones and small ones, attached and cut out, with line ends and prefixes of the message."""
    attached = b"\0\r\n>" * SLICE
    cut, declared = "QUJD" * LONG, 'xmlns:x="http://www.w3.org/2004/08/xop/include"'
    content = f"<y>{{}}</y>\n<z>{cut}\r\n</z><ds:Object> <w>{cut}</w>ä</ds:Object>"
    signature = "<ds:Signature>" + content.format('<x:Include href="cid:a"/>') + "</ds:Signature>"
    body = packaged(message(signature, f'xmlns:ds="{DS}" {declared}'), attached)
    parser = etree.XMLParser(huge_tree=True)
    meant = etree.fromstring(signed(content.format(b64encode(attached).decode()), f" {declared}"), parser)
    put_back = etree.fromstring(signature_in(body, package=PACKAGE), parser)
    assert etree.tostring(put_back, method="c14n") == etree.tostring(meant, method="c14n")


@pytest.mark.parametrize(
    "spoof",
    [
        "urn:tiaas:bulk:content",
        "<?p urn:tiaas:bulk:content?>",
        "&#117;rn:tiaas:bulk:content",
        '<at xmlns="urn:tiaas:b&#117;lk" n="0"/>',
        '<at xmlns="urn:tiaas:bulk" n="0"/>',
        f"<z>{'QUJD' * LONG}</z><at xmlns='urn:tiaas:b&#117;lk' n='0'/>",
    ],
)
def test_what_looks_like_a_content_that_was_put_back_is_refused(spoof: str) -> None:
    with pytest.raises(BadEnvelope):
        read(packaged(message(signed(f"<y>{INCLUDE.format('a')}</y>{spoof}"))), package=PACKAGE)


def test_one_attachment_is_put_back_once() -> None:
    with pytest.raises(BadEnvelope):
        read(packaged(message(signed(f"<y>{INCLUDE.format('a')}</y><y>{INCLUDE.format('%61')}</y>"))), package=PACKAGE)


def test_a_large_attachment_is_put_back_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for all of it, and no tree holds it."""
    worked_on = list[int]()

    def watched(octets: memoryview, *, newline: bool) -> bytes:
        worked_on.append(len(octets))
        return b2a_base64(octets, newline=newline)

    monkeypatch.setattr(bulk, "b2a_base64", watched)
    attached = b"x" * (3 * SLICE + 1)
    body = packaged(message(signed(f"<y>{INCLUDE.format('a')}</y>")), attached)
    assert b64encode(attached) in signature_in(body, package=PACKAGE)
    assert worked_on == [SLICE, SLICE, SLICE, 1]


@pytest.mark.parametrize("content", ["x-" * SLICE, "<a>" + "QUJD" * LONG + "</a>", "<a b='c'>\n</a>" * (SLICE // 8)])
def test_a_large_one_is_the_same_in_a_package(content: str) -> None:
    signature = signed(f"<ds:Object>{content}</ds:Object>")
    body = message(signature, 'xmlns:p="urn:p"')
    assert signature_in(packaged(body), package=PACKAGE) == signature_in(body) == signature.encode()
    with pytest.raises(TooLarge):
        read(packaged(body.replace(b"</c:Context>", b"<x/>" * SLICE + b"</c:Context>")), package=PACKAGE)


def test_a_large_one_is_copied_once_out_of_a_package() -> None:
    body = packaged(message(signed("x-" * (2 * 1024 * 1024))))
    tracemalloc.start()
    try:
        signature_in(body, package=PACKAGE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * len(body)


@pytest.mark.parametrize(
    "body",
    [
        message(signed("x")).replace(b"www.w3.org/2000", b"www&#46;w3.org/2000"),
        message(signed("<a/>")).replace(b"www.w3.org/2000", b"www&#46;w3.org/2000"),
    ],
)  # fmt: skip
def test_what_hides_is_not_read(body: bytes) -> None:
    with pytest.raises(BadMessage):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + message(signed("x")),
        message(signed("x"))[:-3],
        message(signed("&b;")),
        message(signed("<p:a/>")),
    ],
    ids=["DTD", "no end", "entity", "prefix without namespace"],
)
def test_nothing_is_taken_out_of_what_is_refused(body: bytes) -> None:
    assert standing_untrusted(body, PLACES, Limits().depth) == []
    with pytest.raises((BadEnvelope, BadMessage)):
        read(body)


def test_an_empty_one_stays() -> None:
    given = signature_in(message(f'<ds:Signature xmlns:ds="{DS}"/>'))
    assert etree.fromstring(given).tag == f"{{{DS}}}Signature"


def test_what_is_signed_is_written_as_it_is() -> None:
    """Instructions, line ends, an xml:id that stands twice, a text of more than 10 MB: nothing is told of them."""
    content = '<?p i?><a xml:id="x"/>\r\n<!-- c --><a xml:id="x">' + "x " * 6_000_000 + "</a>"
    written = write_envelope(VerifyDocument(
        context=Context(mandant_id="M", client_system_id="C", workplace_id="W"),
        signature_object=SignatureObject(signature=signed(content).encode()),
        include_revocation_info=False,
    ))  # fmt: skip
    assert signature_in(written) == signed(content).encode()
    for wrong in (b"<a/>", b"<ds:Signature>", b"", b"x", signed("").encode() * 2):
        with pytest.raises(UnfitMessage):
            encode(SignatureObject(signature=wrong))
