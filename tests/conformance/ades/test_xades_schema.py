"""What we sign is valid by the official schemas: XAdES 1.3.2 and XMLDSig, and gematik's hardened ones for NFDM."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import etree

from tests.adesbench import NOW, SHARED, Key, holder
from tests.unit.ades.test_xades_sign import ID_SCHEMA
from tiaas.ades.xades import Schema, XadesOptions, prepare
from tiaas.ades.xadesunsigned import with_ocsp
from tiaas.ades.xadesvariants import NFDM_POLICY, Placement, Update, Use
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.names import ds, xades

SCHEMAS = SHARED / "gematik-api" / "ext"
OPTIONS = XadesOptions(moment=NOW, name="n1", short_text="Text", ocsp=b"0")
NFD = b'<D xmlns:n="urn:n"><Notfalldaten ID="ID1"/><SignatureArzt/></D>'

pytestmark = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the official schemas are not beside the project")


def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / name))


def sign(document: bytes, options: XadesOptions = OPTIONS, key: Key = Key.BRAINPOOL) -> bytes:
    signer = holder(key)
    return signer.finish(prepare(document, signer.by, options))


def signatures(document: bytes) -> Iterator[XmlElement]:
    return etree.fromstring(document).iter(ds("Signature"))


def documents() -> dict[str, bytes]:
    enveloped = sign(b"<a><b/></a>")
    parallel = sign(enveloped, replace(OPTIONS, name="p", update=Update.PARALLEL), Key.RSA)
    return {
        "enveloped": enveloped,
        "enveloping": sign(b"<a><b/></a>", replace(OPTIONS, include_object=True)),
        "parallel": parallel,
        "counter": with_ocsp(sign(parallel, replace(OPTIONS, name="c", update=Update.COUNTER)), {0: b"0", 1: b"1"}),
        "without": sign(b"<a/>", replace(OPTIONS, short_text=None, ocsp=None)),
    }


@pytest.mark.requirement("TIP1-A_5402")
@pytest.mark.parametrize("name", ["enveloped", "enveloping", "parallel", "counter", "without"])
def test_xades(name: str) -> None:
    dsig, properties = schema("xmldsig-core-schema.xsd"), schema("XAdES.xsd")
    for signature in signatures(documents()[name]):
        dsig.assertValid(signature)
        for qualifying in signature.findall(f"{ds('Object')}/{xades('QualifyingProperties')}"):
            properties.assertValid(qualifying)


def test_nfdm() -> None:
    """The hardened schemas want three references, a policy with its hash, a Manifest, and each once."""
    options = replace(
        OPTIONS,
        use=Use.QES,
        policy=NFDM_POLICY,
        reference="#ID1",
        placement=Placement("/*/*[local-name()='SignatureArzt']"),
        schemas=(Schema(f"{NFDM_POLICY}:NFD_Document.xsd", ID_SCHEMA),),
    )
    hardened = schema("xmldsig_NFDM_hardened.xsd")
    (signature,) = signatures(sign(NFD, options))
    hardened.assertValid(signature)
    (other,) = signatures(sign(b"<a/>"))
    assert not hardened.validate(other)
