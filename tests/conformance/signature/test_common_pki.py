"""The CMS and XML signatures beside what is known in public of COMMON_PKI, parts 3 and 8 (TIP1-A_5403, a SOLL).

The text itself was not at hand; its profile of CMS is that of RFC 5652 and RFC 5035 with choices taken away. Read with
asn1crypto and lxml, which have no part in the writing.
"""

from base64 import b64decode
from hashlib import sha256

import pytest
from asn1crypto import cms, core, tsp
from cryptography import x509
from lxml import etree

from tests.adesbench import NOW, Key, holder
from tiaas.ades import cades, xades
from tiaas.ades.cades import CadesOptions
from tiaas.ades.xades import XadesOptions

pytestmark = [pytest.mark.requirement("TIP1-A_5403"), pytest.mark.parametrize("key", Key)]
DS, XADES = "http://www.w3.org/2000/09/xmldsig#", "http://uri.etsi.org/01903/v1.3.2#"


def signed_data(key: Key, *, enveloping: bool) -> tuple[bytes, cms.SignedData]:
    signer = holder(key)
    options = CadesOptions(time=NOW, enveloping=enveloping, short_text="Brief", mime_type="text/plain; charset=utf-8")
    octets = signer.finish(cades.prepare(b"Guten Tag", signer.by, options))
    content = cms.ContentInfo.load(octets, strict=True)
    assert content["content_type"].native == "signed_data"
    return octets, content["content"]


@pytest.mark.parametrize("enveloping", [True, False])
def test_der_one_signer_and_the_certificate_with_it(key: Key, enveloping: bool) -> None:
    octets, data = signed_data(key, enveloping=enveloping)
    # Where another test has loaded pyHanko, names are read that asn1crypto cannot write until it looks anew.
    cms.CMSAttributeType._reverse_map = {name: oid for oid, name in cms.CMSAttributeType._map.items()}
    again = cms.ContentInfo.load(octets)
    again["content"]["signer_infos"][0]["signed_attrs"].dump(force=True)
    assert again.dump(force=True) == octets, "DER"
    assert data["encap_content_info"]["content_type"].native == "data"
    assert (data["encap_content_info"]["content"].native is not None) is enveloping
    (info,) = data["signer_infos"]
    assert (data["version"].native, info["version"].native) == ("v1", "v1")
    assert info["sid"].name == "issuer_and_serial_number"
    (algorithm,) = data["digest_algorithms"]
    assert algorithm["algorithm"].native == info["digest_algorithm"]["algorithm"].native == "sha256"
    (certificate,) = data["certificates"]
    assert certificate.chosen.dump() == holder(key).certificate
    assert info["sid"].chosen["serial_number"].native == certificate.chosen.serial_number


def test_signed_attributes(key: Key) -> None:
    _, data = signed_data(key, enveloping=True)
    attributes = data["signer_infos"][0]["signed_attrs"]
    kinds = [each["type"].native for each in attributes]
    assert len(set(kinds)) == len(kinds)
    assert all(len(each["values"]) == 1 for each in attributes)
    found = {each["type"].native: each["values"][0] for each in attributes}
    assert found["content_type"].native == "data"
    assert found["message_digest"].native == sha256(b"Guten Tag").digest()
    assert isinstance(found["signing_time"].chosen, core.UTCTime), "UTCTime until 2049"
    named = tsp.SigningCertificateV2.load(found["signing_certificate_v2"].dump())["certs"][0]
    assert named["cert_hash"].native == sha256(holder(key).certificate).digest()
    assert (
        named["issuer_serial"]["serial_number"].native
        == x509.load_der_x509_certificate(holder(key).certificate).serial_number
    )
    encoded = [each.dump() for each in attributes]
    assert encoded == sorted(encoded), "SET OF in the order of DER"


def test_xml_names_the_certificate_and_binds_it(key: Key) -> None:
    signer = holder(key)
    document = signer.finish(xades.prepare(b"<a xmlns='urn:x'/>", signer.by, XadesOptions(moment=NOW, name="n1")))
    (signature,) = etree.fromstring(document).findall(f"{{{DS}}}Signature")
    (shown,) = signature.findall(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate")
    assert len(signature.findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference")) == 2
    (time,) = signature.iter(f"{{{XADES}}}SigningTime")
    assert (time.text or "").endswith("Z")
    digests = [each.text for each in signature.iterfind(f".//{{{XADES}}}CertDigest/{{{DS}}}DigestValue")]
    assert len(digests) == 1
    assert b64decode(digests[0] or "") == sha256(signer.certificate).digest()
    assert b64decode(shown.text or "") == signer.certificate
