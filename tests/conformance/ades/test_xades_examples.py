"""gematik's examples of SignDocument for XAdES: our signatures have their structure, and we read theirs.

The published answers were formatted afterwards, umlauts are lost, so their digests fit no longer; but the one that a
counter signature has over the SignatureValue, which formatting left alone, does.
"""

import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from tests.adesbench import NOW, SHARED, Key, holder
from tiaas.ades.xades import XadesOptions, prepare
from tiaas.ades.xadesdocument import parse_to_sign
from tiaas.ades.xadesplaces import find_target
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesvariants import Placement, Update
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.names import DS, ds
from tiaas.xmlsec.references import Document, digest_fits, index_ids
from tiaas.xmlsec.syntax import read_signature

EXAMPLES = SHARED / "vectors" / "examples-signature"
ENVELOPING = "SignDoc_XAdES_enveloping_ges_Dokument_nonQES"
COUNTER = "SignDoc_XAdES_gegen_dokex_enveloping_ges_Dokument_nonQES"
OPTIONS = XadesOptions(moment=NOW, name="n1", short_text="String", include_object=True)
_DSS = "{urn:oasis:names:tc:dss:1.0:core:schema}"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="gematik's examples are not beside the project")


def message(name: str) -> XmlElement:
    return etree.fromstring((EXAMPLES / f"{name}.xml").read_bytes(), etree.XMLParser(remove_comments=True))


def theirs(name: str) -> XmlElement:
    """The signature of an answer, without what the envelope declares around it."""
    (signature,) = message(f"{name}_resp").findall(f".//{_DSS}SignatureObject/{ds('Signature')}")
    copy = deepcopy(signature)
    copy.tail = None
    return copy


def ours(options: XadesOptions, *more: XadesOptions) -> XmlElement:
    signer, document = holder(Key.RSA), b"<ehd/>"
    for these in (options, *more):
        document = signer.finish(prepare(document, signer.by, these))
    return etree.fromstring(document)


def shape(element: XmlElement) -> list[str]:
    """Names, algorithms and types, without what was enclosed, Ids and values."""
    lines = []
    for node in element.iter(etree.Element):
        if any(ancestor.tag == ds("Object") and ancestor.get("Id") for ancestor in node.iterancestors()):
            continue
        depth = sum(1 for _ in node.iterancestors())
        kind = " ".join(node.get(name, "") for name in ("Algorithm", "Type"))
        uri = re.sub(r"#.*", "#", node.get("URI", ""))
        lines.append(f"{depth} {node.tag!s} {kind} {uri}")
    return lines


@pytest.mark.parametrize(
    ("name", "more"),
    [(ENVELOPING, ()), (COUNTER, (replace(OPTIONS, name="c", update=Update.COUNTER),))],
    ids=["enveloping", "counter"],
)
def test_our_signatures_have_their_structure(name: str, more: tuple[XadesOptions, ...]) -> None:
    assert shape(ours(OPTIONS, *more)) == shape(theirs(name))


def test_theirs_are_read() -> None:
    first, counter = read_xades_untrusted(etree.tostring(theirs(COUNTER)))
    assert (first.countersigns, counter.countersigns) == (None, 0)
    assert first.identifier == "Sig8Vsa0U0WiNlN_2Xb"
    assert (first.short_text, counter.short_text) == ("String", "String")
    assert first.time == datetime(2019, 5, 22, 12, 56, 9, tzinfo=UTC)
    assert counter.time is not None
    assert counter.time.astimezone(UTC) == datetime(2019, 5, 22, 13, 11, 31, 188000, tzinfo=UTC)
    assert {found.algorithm for found in (first, counter)} == {(SigningScheme.RSASSA_PSS, Digest.SHA256)}
    assert first.is_bound
    assert counter.is_bound
    assert first.references == ("#ObjmM9FMptDr4yeyl3r",)


def test_the_digest_that_formatting_left_alone_fits() -> None:
    root = theirs(COUNTER)
    (_, counter) = root.iter(ds("Signature"))
    syntax = read_signature(counter)
    reference = syntax.references[0]
    octets = Document(root, index_ids(root, ())).octets(reference, counter)
    assert octets.startswith(f'<ds:SignatureValue xmlns:ds="{DS}" Id="SigValueM5FAK_AeRsUopcsj">'.encode())
    assert digest_fits(octets, reference.digest_method, reference.digest_value)


@pytest.mark.parametrize(
    "name",
    ["SignDoc_XAdES_enveloped_ges_Dokument_nonQES", "SignDoc_XAdES_enveloped_Teilbaum_QES(NFDM)_ohne_Schema"],
)
def test_their_placements_are_understood(name: str) -> None:
    """The requests place a nonQES signature in the root without policy, and the NFDM one where the policy wants it."""
    (path,) = (element.text or "" for element in message(name).iter(f"{_DSS}XPathFirstChildOf"))
    document = b'<NFD_Document><Notfalldaten ID="ID1"/><SignatureArzt/></NFD_Document>'
    target = find_target(parse_to_sign(document), None if path == "/*" else "#ID1", Placement(path), None)
    assert target.holder is not None
    assert target.holder.tag == ("NFD_Document" if path == "/*" else "SignatureArzt")
