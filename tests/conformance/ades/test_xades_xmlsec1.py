"""XAdES against xmlsec1 and its libxml2: what we sign it verifies, what it signs we read.

xmlsec1 of Debian 12 knows no RSASSA-PSS in XML; signxml does (`test_xades_signxml`).
"""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from tests.adesbench import NOW, Key, holder
from tests.unit.ades.test_xades_sign import ID_SCHEMA
from tests.unit.xmlsec.test_canonical import BASES
from tiaas.ades.found import FoundSignature, Integrity
from tiaas.ades.xades import Schema, XadesOptions, prepare
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesunsigned import with_ocsp
from tiaas.ades.xadesvariants import NFDM_POLICY, Placement, Update, Use
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.names import DS, Transform

OPTIONS = XadesOptions(moment=NOW, name="n1", short_text="Überweisung <1> €")
DOCUMENT = (
    '<?xml version="1.0" encoding="ISO-8859-15"?>\r\n<?p i?><!-- c --><a xmlns="urn:x" xmlns:f="urn:f" xml:lang="de" '
    'xml:base="http://h/b/" f:z="1"><f:b Id="i1" xml:base="c/">Grüße €<!-- </a> --></f:b>\r\n'
    '<d xml:space="preserve"><Notfalldaten xml:base="../d" Id="part"><e/></Notfalldaten></d>'
    "</a>\n<!-- </a> --><?q x?><?r y?>"
).encode("iso-8859-15")
NFD = (
    b'<n:D xmlns:n="urn:n" xml:lang="de" xml:base="a/b" xml:id="top"><n:Notfalldaten ID="ID1"><n:x/></n:Notfalldaten>'
    b"<n:SignatureArzt/></n:D>"
)
# Whose attribute Id is one, as no DTD says so.
IDS = [f"{DS}:SignatureValue", f"{DS}:Object", f"{DS}:Signature", f"{DS}:Manifest", "SignedProperties"]


def xmlsec1(folder: Path, *arguments: str, ids: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    known = [item for name in IDS for item in ("--id-attr:Id", name)] + list(ids)
    command, *rest = arguments
    return subprocess.run(["xmlsec1", command, *known, *rest], cwd=folder, capture_output=True)


def sign(document: bytes, options: XadesOptions = OPTIONS, key: Key = Key.BRAINPOOL) -> bytes:
    signer = holder(key)
    return signer.finish(prepare(document, signer.by, options))


def verified(document: bytes, folder: Path, *names: str, references: int = 2, ids: tuple[str, ...] = ()) -> None:
    """xmlsec1 finds the signatures with these Ids good."""
    (folder / "signed.xml").write_bytes(document)
    (folder / "signer.der").write_bytes(holder(Key.BRAINPOOL).certificate)
    for name in names:
        # The files that a Manifest names are nobody's to be opened.
        rest = ("--ignore-manifests", "--node-id", name, "--pubkey-cert-der", "signer.der", "signed.xml")
        done = xmlsec1(folder, "--verify", *rest, ids=ids)
        assert done.returncode == 0, (name, done.stderr)
        assert f"SignedInfo References (ok/all): {references}/{references}".encode() in done.stdout + done.stderr


@pytest.mark.parametrize(
    "document", [DOCUMENT, b"<a/>", b'<a xmlns="urn:d">\r\n<b></b ></a >'], ids=["full", "-", "crlf"]
)
@pytest.mark.parametrize("enclosed", [False, True], ids=["enveloped", "enveloping"])
def test_ours_is_verified(document: bytes, enclosed: bool, tmp_path: Path) -> None:
    verified(sign(document, replace(OPTIONS, include_object=enclosed)), tmp_path, "signature-n1")


def test_our_parallel_and_counter_signatures_are_verified(tmp_path: Path) -> None:
    document = sign(DOCUMENT)
    for name, update in (
        ("p1", Update.PARALLEL),
        ("p2", Update.PARALLEL),
        ("c1", Update.COUNTER),
        ("c2", Update.COUNTER),
    ):
        document = sign(document, replace(OPTIONS, name=name, update=update))
    document = with_ocsp(document, {0: b"0", 2: b"0"})
    counters = [f"signature-{name}{which}" for name in ("c1", "c2") for which in ("", "-1", "-2")]
    verified(document, tmp_path, "signature-n1", "signature-p1", "signature-p2", *counters)


def test_our_part_under_the_policy_of_nfdm_is_verified(tmp_path: Path) -> None:
    options = replace(
        OPTIONS,
        use=Use.QES,
        policy=NFDM_POLICY,
        reference="#ID1",
        placement=Placement("/*/*[local-name()='SignatureArzt']"),
        schemas=(Schema(f"{NFDM_POLICY}:NFD_Document.xsd", ID_SCHEMA),),
    )
    signed = sign(NFD, options)
    verified(signed, tmp_path, "signature-n1", references=3, ids=("--id-attr:ID", "urn:n:Notfalldaten"))
    parallel = sign(signed, replace(options, name="p1", update=Update.PARALLEL))
    verified(
        parallel, tmp_path, "signature-n1", "signature-p1", references=3, ids=("--id-attr:ID", "urn:n:Notfalldaten")
    )


def test_a_changed_document_is_not_verified(tmp_path: Path) -> None:
    """The oracle would notice."""
    changed = sign(DOCUMENT).replace(b'f:z="1"', b'f:z="2"')
    with pytest.raises(AssertionError):
        verified(changed, tmp_path, "signature-n1")


def template(method: Transform, uri: str, *before: Transform) -> str:
    transforms = "".join(f'<ds:Transform Algorithm="{transform}"/>' for transform in (*before, method))
    return (
        f'<ds:Signature xmlns:ds="{DS}" Id="s"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{method}"/>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>'
        f'<ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>'
        "</ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )


def foreign(document: bytes, folder: Path, at: bytes, signature: str) -> FoundSignature:
    """What we read of a document with a signature that xmlsec1 made."""
    (folder / "unsigned.xml").write_bytes(document.replace(at, signature.encode() + at))
    (folder / "key.pem").write_bytes(holder(Key.BRAINPOOL).key_pem())
    names = ("--id-attr:Id", "urn:x:Notfalldaten", "--id-attr:Id", "urn:f:b")
    done = xmlsec1(folder, "--sign", "--privkey-pem", "key.pem", "--output", "signed.xml", "unsigned.xml", ids=names)
    assert done.returncode == 0, done.stderr
    signed = (folder / "signed.xml").read_bytes()
    (found,) = read_xades_untrusted(signed, certificates=(holder(Key.BRAINPOOL).certificate,))
    return found


@pytest.mark.parametrize("method", sorted(set(Transform) - {Transform.ENVELOPED}), ids=str)
@pytest.mark.requirement("TIP1-A_5505")
def test_theirs_over_the_whole_document_is_read(method: Transform, tmp_path: Path) -> None:
    found = foreign(DOCUMENT, tmp_path, b"<d ", template(method, "", Transform.ENVELOPED))
    assert found.integrity is Integrity.INTACT
    assert not found.is_bound


@pytest.mark.parametrize("method", sorted(set(Transform) - {Transform.ENVELOPED}), ids=str)
@pytest.mark.parametrize("uri", ["", "#i1"])
def test_comments_do_not_count_in_what_is_referred_to(method: Transform, uri: str, tmp_path: Path) -> None:
    """URI="" and "#Id" mean no comments, whatever follows (XML Signature 1.1, 4.4.3.3)."""
    before = () if uri else (Transform.ENVELOPED,)
    found = foreign(DOCUMENT, tmp_path, b"<d ", template(method, uri, *before))
    signed = (tmp_path / "signed.xml").read_bytes()
    changed = signed.replace(b"<!-- c -->", b"<!-- other -->").replace(b"<!-- </a> --></f:b>", b"</f:b>")
    assert len(changed) < len(signed)
    for octets in (signed, changed):
        (tmp_path / "signed.xml").write_bytes(octets)
        (tmp_path / "signer.der").write_bytes(holder(Key.BRAINPOOL).certificate)
        rest = ("--pubkey-cert-der", "signer.der", "signed.xml")
        assert xmlsec1(tmp_path, "--verify", *rest, ids=("--id-attr:Id", "urn:f:b")).returncode == 0
        (read,) = read_xades_untrusted(octets, certificates=(holder(Key.BRAINPOOL).certificate,))
        assert read.integrity is found.integrity


@pytest.mark.parametrize("method", sorted(set(Transform) - {Transform.ENVELOPED}), ids=str)
def test_a_comment_in_signed_info_is_never_signed(method: Transform, tmp_path: Path) -> None:
    """Nobody writes one; where it would count (#WithComments), the signature is not called good."""
    signature = template(method, "", Transform.ENVELOPED).replace("<ds:Reference ", "<!-- c --><ds:Reference ")
    found = foreign(DOCUMENT, tmp_path, b"<d ", signature)
    counts = method.endswith("#WithComments")
    assert found.integrity is (Integrity.SIGNATURE_WRONG if counts else Integrity.INTACT)


@pytest.mark.parametrize("method", sorted(set(Transform) - {Transform.ENVELOPED}), ids=str)
@pytest.mark.parametrize("part", ["part", "i1"])
def test_theirs_over_a_part_is_read(method: Transform, part: str, tmp_path: Path) -> None:
    """Digest and value are right; it is only that a part is not the whole."""
    found = foreign(DOCUMENT, tmp_path, b"<d ", template(method, f"#{part}"))
    assert found.integrity is Integrity.NOT_WHOLE_DOCUMENT
    assert found.references == (f"#{part}",)


def test_theirs_in_the_part_it_signs_is_read(tmp_path: Path) -> None:
    found = foreign(DOCUMENT, tmp_path, b"<e/>", template(Transform.C14N_11, "#part", Transform.ENVELOPED))
    assert found.integrity is Integrity.NOT_WHOLE_DOCUMENT


@pytest.mark.parametrize(("values", "joined"), BASES.items(), ids=str)
def test_joined_bases_are_theirs(values: tuple[str, str], joined: str, tmp_path: Path) -> None:
    """C14N 1.1, 2.4, as libxml2 does it."""
    signature = template(Transform.C14N_11, "#i").replace("xmldsig-more#ecdsa-sha256", "xmldsig-more#hmac-sha256")
    document = f'<r xml:base="{values[0]}"><r xml:base="{values[1]}"><c Id="i"/></r>{signature}</r>'
    (tmp_path / "unsigned.xml").write_text(document)
    (tmp_path / "key").write_bytes(b"k" * 16)
    rest = ("--hmackey", "key", "--store-references", "--output", "signed.xml", "unsigned.xml")
    done = xmlsec1(tmp_path, "--sign", *rest, ids=("--id-attr:Id", "c"))
    assert done.returncode == 0, done.stderr
    element = etree.fromstring(document)[0][0]
    assert canonical(element, Transform.C14N_11) in done.stdout + done.stderr
    assert f'xml:base="{joined}"'.encode() in canonical(element, Transform.C14N_11)
