"""The envelope: what is read, what is refused with which error, what is written."""

import pytest
from lxml import etree

from tiaas.soap.envelope import SOAP, Limits, SoapFault, parse_envelope_untrusted, write_fault
from tiaas.soap.errors import BadEnvelope, FaultCode, NotUnderstood, TooLarge, WrongEncoding, WrongVersion
from tiaas.soap.markup import parse_document_untrusted

LIMITS = Limits(octets=100_000, nodes=200, depth=10)


def envelope(body: str = "<a/>", header: str = "", uri: str = SOAP, declaration: str = "") -> str:
    return f'{declaration}<s:Envelope xmlns:s="{uri}">{header}<s:Body>{body}</s:Body></s:Envelope>'


def tag_of(document: bytes) -> str:
    return str(parse_envelope_untrusted(document, LIMITS).tag)


@pytest.mark.parametrize(
    "text",
    [
        envelope(),
        envelope(declaration='<?xml version="1.0" encoding="UTF-8"?>'),
        envelope(declaration="<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<!-- <!DOCTYPE x> -->"),
        "\ufeff" + envelope(),
        envelope(header="<s:Header/>"),
        envelope(header='<s:Header><x xmlns="urn:x" s:mustUnderstand="0"/></s:Header>'),
        envelope(header='<s:Header><x xmlns="urn:x" s:mustUnderstand="1" s:actor="urn:somebody"/></s:Header>'),
        envelope("\n<!-- <!DOCTYPE x> --><a/>\n"),
        envelope("<?pi?><a/>"),
    ],
)
def test_read(text: str) -> None:
    assert tag_of(text.encode()) == "a"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\x00",
        b"not xml",
        b"<a/>",
        b"<Envelope/>x",
        envelope("").encode(),
        envelope("<a/><b/>").encode(),
        envelope("x<a/>").encode(),
        envelope("<a/>x").encode(),
        envelope("<a>&b;</a>").encode(),
        envelope("<a").encode(),
        envelope("<a>\xff</a>").encode("latin-1"),
        f'<s:Envelope xmlns:s="{SOAP}"/>'.encode(),
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><a/></s:Body><s:Body><a/></s:Body></s:Envelope>'.encode(),
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><a/></s:Body><s:Header/></s:Envelope>'.encode(),
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Header/><s:Body><a/></s:Body></s:Envelope>'.encode(),
        envelope(declaration='<!DOCTYPE x [<!ENTITY e "e">]>').encode(),
        envelope(
            declaration='<?xml version="1.0"?>\n<?x?><!-- <?y --><!DOCTYPE x SYSTEM "file:///etc/passwd">'
        ).encode(),
        envelope(declaration='<?xml-stylesheet href="http://127.0.0.1/x"?>').encode(),
        envelope("<a>" * 11 + "</a>" * 11).encode(),
        envelope("<a>" + "<b/>" * 500 + "</a>").encode(),
        envelope("<a " + " ".join(f'b{i}=""' for i in range(500)) + "/>").encode(),
        envelope(f"<a>{'x' * 100_000}</a>").encode(),
    ],
)
def test_refused(document: bytes) -> None:
    with pytest.raises(BadEnvelope):
        tag_of(document)


@pytest.mark.parametrize(
    "document",
    [
        envelope(declaration='<?xml version="1.0" encoding="ISO-8859-15"?>').encode(),
        envelope(declaration="<?xml version='1.0' encoding = 'utf-16'?>").encode(),
        envelope().encode("utf-16"),
        envelope().encode("utf-16-be"),
        envelope().encode("utf-16-le"),
        envelope().encode("utf-32"),
    ],
)
def test_only_utf_8(document: bytes) -> None:
    with pytest.raises(WrongEncoding):
        tag_of(document)


def test_billion_laughs_costs_nothing() -> None:
    entities = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9))
    document = envelope("<a>&e9;</a>", declaration=f'<!DOCTYPE x [<!ENTITY e0 "x">{entities}]>')
    with pytest.raises(BadEnvelope, match="document type"):
        tag_of(document.encode())


def test_hostile_prolog_is_read_in_linear_time() -> None:
    document = b"<!---->" * 20_000 + b"<?a?>" * 10_000 + b"x<!DOCTYPE a>"
    with pytest.raises(BadEnvelope):
        parse_envelope_untrusted(document, Limits(nodes=100_000))


def test_other_soap_version() -> None:
    with pytest.raises(WrongVersion) as caught:
        tag_of(envelope(uri="http://www.w3.org/2003/05/soap-envelope").encode())
    assert caught.value.fault_code is FaultCode.VERSION_MISMATCH


@pytest.mark.parametrize("actor", ["", ' s:actor=""', ' s:actor="http://schemas.xmlsoap.org/soap/actor/next"'])
def test_must_understand(actor: str) -> None:
    with pytest.raises(NotUnderstood):
        tag_of(envelope(header=f'<s:Header><x xmlns="urn:x" s:mustUnderstand="1"{actor}/></s:Header>').encode())


def test_fault_without_detail() -> None:
    fault = etree.fromstring(write_fault(SoapFault(FaultCode.CLIENT, "Süß & <x>")))[0][0]
    assert fault.tag == f"{{{SOAP}}}Fault"
    assert fault.findtext("faultcode") == "S:Client"
    assert fault.nsmap["S"] == SOAP
    assert fault.findtext("faultstring") == "Süß & <x>"
    assert fault.find("detail") is None


@pytest.mark.parametrize("others", ["", "<b>x<?p?></b>" * 40], ids=["alone", "beside others"])
def test_so_many_levels_and_no_more(others: str) -> None:
    def nested(depth: int) -> bytes:
        return f"<?p?>{'<a>' * (depth - 1)}<a/>{'</a>' * (depth - 2)}{others}</a>".encode()

    assert parse_document_untrusted(nested(LIMITS.depth), LIMITS).tag == "a"
    with pytest.raises(TooLarge, match="nested deeper than 10 elements"):
        parse_document_untrusted(nested(LIMITS.depth + 1), LIMITS)
