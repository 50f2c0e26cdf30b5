"""gematik's published examples of SignDocument: each request is served, and answered in the shape of its response.

Most bodies there are placeholders, so documents of ours stand in for them.
"""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.integration.signature.office import PDF, TEXT, XML, Office, around, wish
from tests.integration.signature.test_sign_document import ENVELOPING, cms, document, signed
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import SignatureSettings
from tiaas.konnektor.errors import fault_of
from tiaas.konnektor.peer import Peer
from tiaas.soap.dispatch import Dispatcher

SHARED = Path(__file__).parents[3].parent / "shared"
FOLDER = SHARED / "vectors" / "examples-signature"
pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/vectors is not there"),
]
NFD = b"""<NFD_Document xmlns="urn:nfd"><Notfalldaten ID="ID1"><Text>Allergie</Text></Notfalldaten><SignatureArzt/>
</NFD_Document>"""
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
MAIL = b"From: a@example.org\r\nContent-Type: text/plain\r\n\r\nGuten Tag\r\n"


def names() -> list[str]:
    found = (path.name for path in FOLDER.glob("SignDoc_*.xml"))
    return sorted(name for name in found if not name.endswith("_resp.xml"))


async def fitting(office: Office, name: str) -> bytes | None:
    """A document for the request of that name; None where it has a real one."""
    if "KIM" in name:
        return None
    if "NFDM" in name:
        return NFD
    is_cms, is_update = "CAdES" in name, "gegen" in name or "paral" in name
    if is_update and is_cms:
        inputs: dict[str, Any] = {"include_e_content": True} if "enveloping" in name else {}
        return cms(await signed(office, wish(TEXT, "text/plain", **inputs)))
    if is_update and "enveloping" in name:
        answer = await signed(office, wish(XML, xml=True, include_objects=ENVELOPING))
        assert answer.signature_object is not None
        return around(answer)
    if is_update:
        return document(await signed(office, wish(XML, xml=True))).base64_xml
    by_type = {"PAdES": PDF, "SMIME": MAIL, "XAdES": XML}
    octets = next((by_type[kind] for kind in by_type if kind in name), None)
    return octets or (XML if "XMLDocument" in name else PDF if "detached" in name else "Grüße".encode())


def filled(office: Office, request: etree._Element, octets: bytes | None) -> bytes:
    """The published envelope with our card, context, job number and document."""
    ids = {"MandantId": "mandant_id", "ClientSystemId": "client_system_id", "WorkplaceId": "workplace_id"}
    for element in request.iter("{*}MandantId", "{*}ClientSystemId", "{*}WorkplaceId"):
        element.text = office.ids[ids[etree.QName(element).localname]]
    for element in request.iter("{*}JobNumber"):
        element.text = office.number()
    for element in request.iter("{*}Base64XML", "{*}Base64Data"):
        if octets is not None:
            element.text = b64encode(octets).decode()
    return etree.tostring(request)


def shape(response: etree._Element) -> dict[str, object]:
    """What a client looks at: where the signature is, and the attributes that come back."""
    objects = response.findall(".//{*}SignatureObject/*")
    documents = response.findall(".//{*}DocumentWithSignature")
    return {
        "signature": [etree.QName(each).localname for each in objects],
        "type": [each.get("Type") for each in objects],
        "which": [each.get("WhichDocument") for each in objects],
        "attributes": [dict(each.attrib) for each in documents],
        "is empty": [not "".join(each.itertext()).strip() for each in documents],
        # Devices may add codes of their own.
        "codes": [each.text for each in response.iter("{*}Code") if int(each.text or 0) < 10_000],
    }


def check_pointers(ours: etree._Element, theirs: etree._Element, before: bytes | None, name: str) -> None:
    """Our XPath leads to the one signature that is new in the document that came back, and so does theirs.

    Theirs of a parallel signature means one beside the first; ours is in an Object of it.
    """
    pointers = ours.findall(".//{*}SignaturePtr")
    if not pointers:
        return
    ((pointer,), (published,)) = pointers, theirs.findall(".//{*}SignaturePtr")
    (text,) = ours.findall(".//{*}DocumentWithSignature/{*}Base64XML")
    document = etree.fromstring(b64decode(text.text or ""))
    (found,) = document.xpath(pointer.get("XPath", ""))
    known = {each.get("Id") for each in etree.fromstring(before or b"").iter(SIGNATURE)}
    assert {each.get("Id") for each in document.iter(SIGNATURE)} - known == {found.get("Id")}
    if "paral" not in name:
        assert document.xpath(published.get("XPath", "")) == [found]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", names())
@pytest.mark.requirement("TIP1-A_5010-09")
@pytest.mark.pitfall(3, 4, 35)
async def test_request_and_answer(office: Office, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "PAdES" in name:
        # Devices put the PDF beside the document; ours does so on demand.
        monkeypatch.setattr(office.context.qes, "settings", SignatureSettings(pdf_outside=True))
    request = etree.parse(FOLDER / name).getroot()
    answer = (FOLDER / name.replace(".xml", "_resp.xml")).read_bytes()
    # One of them has octets that are no UTF-8 in a comment.
    published = etree.fromstring(answer, etree.XMLParser(recover=True))
    qes = "_QES" in name
    for element in request.iter("{*}CardHandle"):
        element.text = office.card(CardType.HBA if qes else CardType.SMC_B).handle
    before = await fitting(office, name)
    envelope = filled(office, request, before)
    context = office.context
    dispatcher = Dispatcher(
        list(office.operations.values()), lambda error: fault_of(error, "one", context.clock, context.entropy)
    )
    peer = Peer("ab" * 32, frozenset({office.ids["client_system_id"]}), None, "127.0.0.1")
    reply = await dispatcher.handle(envelope, "text/xml; charset=utf-8", peer)
    assert reply.status == 200, reply.body
    check_pointers(etree.fromstring(reply.body), published, before, name)
    ours, theirs = shape(etree.fromstring(reply.body)), shape(published)
    for key in ("signature", "type", "which", "codes"):
        assert ours[key] == theirs[key], key
    # Some devices leave the empty document out; where they do not, attributes are those of the request.
    if theirs["attributes"]:
        assert (ours["attributes"], ours["is empty"]) == (theirs["attributes"], theirs["is empty"])


def test_no_example_is_left_out() -> None:
    assert len(names()) == 17
