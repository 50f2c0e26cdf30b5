"""A ds:Signature that stands in a SOAP message: xmlsec1 and we agree about each kind of node in it.

What is signed are the nodes of C14N: elements, attributes, namespace declarations, texts and processing instructions;
comments are left out.
"""

from pathlib import Path

import pytest

from tests.adesbench import Key, holder
from tests.conformance.ades.test_xades_xmlsec1 import template, xmlsec1
from tests.unit.soap.test_standalone import message, signature_in
from tiaas.ades.found import Integrity
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.xmlsec.names import Transform

AROUND = 'xmlns="urn:default" xmlns:used="urn:used" xmlns:q="urn:other"'
NODES = {
    "element": (b"Gabe</u:b>", b"Gabe<u:c/></u:b>"),
    "attribute": (b"<u:b>", b'<u:b x="1">'),
    "attribute of a namespace": (b"<u:b>", b'<u:b u:x="1">'),
    "declaration": (b"<u:b>", b'<u:b xmlns:q="urn:q">'),
    "declaration at the top": (b"<ds:Signature ", b'<ds:Signature xmlns:q="urn:q" '),
    "default at the top": (b"<ds:Signature ", b'<ds:Signature xmlns="urn:q" '),
    "declaration as around it": (b"<ds:Signature ", b'<ds:Signature xmlns:used="urn:used" '),
    "text": (b"Gabe", b"Gabe "),
    "text, as a section": (b"Gabe", b"<![CDATA[Gabe]]>"),
    "carriage return": (b"Gabe", b"Gabe&#13;"),
    "line end": (b"Gabe", b"Gabe\r\n"),
    "instruction": (b"Gabe", b"Gabe<?evil dose=1000?>"),
    "instruction among elements": (b"</u:a>", b"<?evil?></u:a>"),
    "instruction in SignedInfo": (b"</ds:SignedInfo>", b"<?evil?></ds:SignedInfo>"),
    "comment": (b"Gabe", b"Ga<!-- </ds:Signature> -->be"),
}


def unsigned(method: Transform) -> bytes:
    part = '<ds:Object Id="o"><u:a xmlns:u="urn:u"><u:b>Gabe</u:b></u:a></ds:Object>'
    return template(method, "#o").replace("</ds:Signature>", f"{part}</ds:Signature>").encode()


def sign(document: bytes, folder: Path) -> bytes:
    """The signature that xmlsec1 makes; it writes an XML declaration and what libxml2 thinks of line ends."""
    (folder / "unsigned.xml").write_bytes(document)
    (folder / "key.pem").write_bytes(holder(Key.BRAINPOOL).key_pem())
    done = xmlsec1(folder, "--sign", "--privkey-pem", "key.pem", "--output", "signed.xml", "unsigned.xml")
    assert done.returncode == 0, done.stderr
    return (folder / "signed.xml").read_bytes().partition(b"?>")[2].strip()


def is_good(signature: bytes, folder: Path) -> bool:
    """What xmlsec1 says."""
    (folder / "signed.xml").write_bytes(signature)
    (folder / "signer.der").write_bytes(holder(Key.BRAINPOOL).certificate)
    return xmlsec1(folder, "--verify", "--pubkey-cert-der", "signer.der", "signed.xml").returncode == 0


def is_intact(signature: bytes) -> bool:
    """What we say."""
    (found,) = read_xades_untrusted(None, signature, certificates=(holder(Key.BRAINPOOL).certificate,))
    return found.integrity is Integrity.INTACT


@pytest.mark.parametrize("method", [Transform.C14N, Transform.C14N_11, Transform.EXCLUSIVE_C14N], ids=str)
@pytest.mark.parametrize("node", NODES)
def test_each_kind_of_node(node: str, method: Transform, tmp_path: Path) -> None:
    before, after = NODES[node]
    assert unsigned(method).count(before) == 1
    changed = sign(unsigned(method), tmp_path).replace(before, after)
    signed = sign(unsigned(method).replace(before, after), tmp_path)
    for signature, good in ((changed, None), (signed, True)):
        judged = is_good(signature, tmp_path)
        assert good is None or judged is good
        assert is_intact(signature) is judged
        for around in ("", AROUND):
            assert is_intact(signature_in(message(signature.decode(), around))) is judged
