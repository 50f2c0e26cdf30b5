"""A ds:Signature that stands in a SOAP message is verified as it is outside of it."""

from tests.unit.soap.test_standalone import message, signature_in
from tests.unit.verification.signatures import XML, signer
from tiaas.ades.found import Integrity
from tiaas.ades.xadesread import read_xades_untrusted

AROUND = 'xmlns="urn:default" xmlns:SIG="urn:sig"'


def integrity(signature: bytes) -> Integrity:
    (found,) = read_xades_untrusted(None, signature)
    return found.integrity


def test_declarations_of_the_surroundings_do_not_count() -> None:
    signature = signer().xades(XML, enveloping=True).decode()
    assert integrity(signature_in(message(signature, AROUND))) is Integrity.INTACT


def test_what_is_in_it_counts() -> None:
    """Each kind of node that is signed, put into it afterwards, and signed with it."""
    for inserted in ("<?evil dose=1000?>", "<r:x/>", "text", "&#13;"):
        with_it = XML.replace(b"</r:Arznei>", inserted.encode() + b"</r:Arznei>")
        signature = signer().xades(XML, enveloping=True).decode()
        changed = signature.replace("</r:Arznei>", inserted + "</r:Arznei>")
        assert changed != signature
        assert integrity(signature_in(message(changed, AROUND))) is not Integrity.INTACT
        signed = signer().xades(with_it, enveloping=True).decode()
        assert inserted in signed
        assert integrity(signature_in(message(signed, AROUND))) is Integrity.INTACT


def test_ids_of_foreign_elements_may_be_there_twice() -> None:
    """Only what its schema types as xs:ID is one."""
    for name in ("Id", "ID", "id"):
        twice = f'<a {name}="x"><b {name}="x"/></a>'.encode()
        signature = signer().xades(twice, enveloping=True).decode()
        assert integrity(signature_in(message(signature))) is Integrity.INTACT
