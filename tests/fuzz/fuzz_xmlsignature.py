"""Fuzz target: XML signatures in documents, and documents that are to be signed."""

from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime

from lxml import etree

from tiaas.ades.found import BadSignatureFile, Integrity
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.ades.xades import XadesOptions, prepare
from tiaas.ades.xadesdocument import parse_signed_untrusted, parse_thin_xml_untrusted, parse_xml_untrusted
from tiaas.ades.xadesread import read_xades_untrusted, xades_claims_untrusted
from tiaas.ades.xadesvariants import Update
from tiaas.pki.keys import SigningScheme
from tiaas.soap.errors import BadEnvelope
from tiaas.xmlsec.canonical import canonical_document, without
from tiaas.xmlsec.names import Transform, ds

_HEAD, _TAIL = b'<?p i?><a xmlns="urn:x" xml:lang="de"><b Id="i">t<!-- c --></b>', b"</a>"
# A signature of that document, and in it a counter signature, made with a key of the tests.
_SIGNATURE = (
    b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="signature-1"><ds:SignedInfo><ds:Canonicaliza'
    b'tionMethod Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:CanonicalizationMethod><ds:SignatureMethod '
    b'Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod><ds:Reference Id="refer'
    b'ence-1" URI=""><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature'
    b'"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:Transform></ds:Transfor'
    b'ms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>ML'
    b'tfHjJB4t28DwnVg+TnvBxyt7krUuyfTr1oStP+GuA=</ds:DigestValue></ds:Reference><ds:Reference Type="http://uri.ets'
    b'i.org/01903#SignedProperties" URI="#signedproperties-1"><ds:Transforms><ds:Transform Algorithm="http://www.w'
    b'3.org/2006/12/xml-c14n11"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/'
    b'04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>xGvs5OwVDt6fpwP/PKp1Aic3tcVw43u2CrzTyTQo7Mg=</ds:DigestV'
    b'alue></ds:Reference></ds:SignedInfo><ds:SignatureValue Id="signaturevalue-1">Bch/Dtbhze5OmipknDLv3J8sfDnaacy'
    b"spVaQI9Jjl0XZRNgPEHZ+Cvo4/o/PNg0i6qeiHrNMCc4W6+G2xtKFRA==</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X5"
    b"09Certificate>MIIBBTCBq6ADAgECAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXMwHhcNMjYwNjAxMTIwMDAwWhcNMjkwMjI0MTIwMD"
    b"AwWjAMMQowCAYDVQQDDAFzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErAOSzHdWDtwbBXsR13YHaa4YPRIyg4GLS5j1GubgxJl0UYkb8S"
    b"Dex1s9xQTFZ47dFlLQaBGkf7XVJeJd3mzthTAKBggqhkjOPQQDAgNJADBGAiEA9su35RhV+oeV3c5XgaimXiAdTn97zY9VHIPQjUzN0P0CIQ"
    b"Cp5zA0QRpOGNmiv6pCyaLzZws86nVRUsBNMFkuocc/rw==</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object><xa"
    b'des:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#signature-1"><xades:Signed'
    b'Properties Id="signedproperties-1"><xades:SignedSignatureProperties><xades:SigningTime>2026-06-01T12:00:00Z<'
    b'/xades:SigningTime><xades:SigningCertificate><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="http:'
    b'//www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>dbtyNgen5gVcSjaoBTXNLAjuQ9EVof/bJ/yTwa'
    b"wTLaI=</ds:DigestValue></xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>CN=s</ds:X509IssuerName><ds"
    b":X509SerialNumber>1</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert></xades:SigningCertificate></xade"
    b's:SignedSignatureProperties><xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="#refe'
    b'rence-1"><xades:Description>t</xades:Description><xades:MimeType>text/xml</xades:MimeType></xades:DataObject'
    b'Format></xades:SignedDataObjectProperties></xades:SignedProperties><xades:UnsignedProperties xmlns:xades="ht'
    b'tp://uri.etsi.org/01903/v1.3.2#"><xades:UnsignedSignatureProperties><xades:CounterSignature xmlns:xades="htt'
    b'p://uri.etsi.org/01903/v1.3.2#"><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="signature-2"'
    b'><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:Canonicaliz'
    b'ationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:Signatu'
    b'reMethod><ds:Reference Id="reference-2" Type="http://uri.etsi.org/01903#CountersignedSignature" URI="#signat'
    b'urevalue-1"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:Transform></d'
    b's:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:Dige'
    b'stValue>iZ4c9t/1aImlbFmKRECwxDlX+Ydr1MhQoriYtZ0mVSA=</ds:DigestValue></ds:Reference><ds:Reference Type="http'
    b'://uri.etsi.org/01903#SignedProperties" URI="#signedproperties-2"><ds:Transforms><ds:Transform Algorithm="ht'
    b'tp://www.w3.org/2006/12/xml-c14n11"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3'
    b'.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>eZIfWzUDWAIxhmmhczfr2YbvJKSk8OOr61uqRhZuHtU=</'
    b'ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue Id="signaturevalue-2">HQIi3CHKBAyhbQQCmANC3'
    b"CS7FUH8JTD6wC9xlXd+1A9NVpLqFZ0W+0iWKtDTNfNuJGXJ17YC/yIibhGMnaaRAw==</ds:SignatureValue><ds:KeyInfo><ds:X509D"
    b"ata><ds:X509Certificate>MIIBBTCBq6ADAgECAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXMwHhcNMjYwNjAxMTIwMDAwWhcNMjkw"
    b"MjI0MTIwMDAwWjAMMQowCAYDVQQDDAFzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErAOSzHdWDtwbBXsR13YHaa4YPRIyg4GLS5j1Gubg"
    b"xJl0UYkb8SDex1s9xQTFZ47dFlLQaBGkf7XVJeJd3mzthTAKBggqhkjOPQQDAgNJADBGAiEA9su35RhV+oeV3c5XgaimXiAdTn97zY9VHIPQ"
    b"jUzN0P0CIQCp5zA0QRpOGNmiv6pCyaLzZws86nVRUsBNMFkuocc/rw==</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:"
    b'Object><xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#signature-2"><xa'
    b'des:SignedProperties Id="signedproperties-2"><xades:SignedSignatureProperties><xades:SigningTime>2026-06-01T'
    b"12:00:00Z</xades:SigningTime><xades:SigningCertificate><xades:Cert><xades:CertDigest><ds:DigestMethod Algori"
    b'thm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>dbtyNgen5gVcSjaoBTXNLAjuQ9EV'
    b"of/bJ/yTwawTLaI=</ds:DigestValue></xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>CN=s</ds:X509Issu"
    b"erName><ds:X509SerialNumber>1</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert></xades:SigningCertific"
    b"ate></xades:SignedSignatureProperties><xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectRefere"
    b'nce="#reference-2"><xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjec'
    b"tProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></xades:Counter"
    b"Signature></xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties></ds:O"
    b"bject></ds:Signature>"
)
_SIGNED = _HEAD + _SIGNATURE + _TAIL
_ORIGINAL = canonical_document(etree.fromstring(_HEAD + _TAIL), Transform.C14N_11)
_CERTIFICATE = _SIGNATURE.partition(b"<ds:X509Certificate>")[2].partition(b"<")[0]
_BY = SignedBy(b64decode(_CERTIFICATE), SigningScheme.ECDSA)
_OPTIONS = [
    XadesOptions(moment=datetime(2026, 6, 1, tzinfo=UTC), name="n", update=update, include_object=enclosed)
    for update, enclosed in ((None, False), (None, True), (Update.PARALLEL, False), (Update.COUNTER, False))
]

SEEDS: list[bytes] = [_SIGNED, _HEAD + _TAIL, _SIGNATURE, b"<a/>", _HEAD + b"<c>" + _SIGNATURE + b"</c>" + _TAIL]


def target(data: bytes) -> None:
    """Only `BadSignatureFile` and `CannotSign` may escape; a good signature of another document is a finding."""
    with suppress(BadEnvelope):
        parse_xml_untrusted(data)
    with suppress(BadEnvelope):
        parse_thin_xml_untrusted(data)
        # What stands between tags may be short here.
        parse_signed_untrusted(data, long=16)
    with suppress(BadSignatureFile):
        found = read_xades_untrusted(data)
        assert len(found) == len(xades_claims_untrusted(data))
        for one in found:
            if one.integrity is Integrity.INTACT and one.countersigns is None and not _is_original(data):
                raise AssertionError("a document that nobody signed got through")
    for options in _OPTIONS:
        with suppress(CannotSign):
            prepare(data, _BY, options)


def _is_original(data: bytes) -> bool:
    root = parse_xml_untrusted(data).root
    return any(
        canonical_document(without(signature).root, Transform.C14N_11) == _ORIGINAL
        for signature in root.findall(ds("Signature"))
    )
