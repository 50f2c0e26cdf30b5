"""Fuzz target: trust lists, and the reader of XML signatures behind them."""

from contextlib import suppress

from tiaas.pki.signedlist import read_signed_list
from tiaas.pki.tsl import TslError
from tiaas.pki.tslreader import decode_tsl_untrusted, parse_list_untrusted
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.reader import read_enveloped_untrusted

# A list with one CA, signed by a lab's key.
_SIGNED = (
    b'<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" Id="ID31000020260601120000Z" TSLTag="http://uri.et'
    b'si.org/02231/TSLTag"><SchemeInformation><TSLVersionIdentifier>3</TSLVersionIdentifier><TSLSequenceNumber>10000</'
    b"TSLSequenceNumber><TSLType>http://uri.etsi.org/TrstSvc/TSLtype/generic</TSLType><SchemeOperatorName><Name xml:la"
    b'ng="DE">o</Name></SchemeOperatorName><SchemeOperatorAddress><PostalAddresses><PostalAddress xml:lang="DE"><Stree'
    b"tAddress>s</StreetAddress><Locality>l</Locality><CountryName>DE</CountryName></PostalAddress></PostalAddresses><"
    b'ElectronicAddress><URI>mailto:a@b</URI></ElectronicAddress></SchemeOperatorAddress><SchemeName><Name xml:lang="D'
    b'E">n</Name></SchemeName><SchemeInformationURI><URI xml:lang="DE">http://u</URI></SchemeInformationURI><StatusDet'
    b"erminationApproach>http://uri.etsi.org/TrstSvc/TSLType/StatusDetn/passive</StatusDeterminationApproach><PolicyOr"
    b'LegalNotice><TSLLegalNotice xml:lang="DE">p</TSLLegalNotice></PolicyOrLegalNotice><HistoricalInformationPeriod>0'
    b"</HistoricalInformationPeriod><PointersToOtherTSL><OtherTSLPointer><TSLLocation>http://t/a.xml</TSLLocation><Add"
    b'itionalInformation><TextualInformation xml:lang="DE">1.2.276.0.76.4.120</TextualInformation></AdditionalInformat'
    b"ion></OtherTSLPointer></PointersToOtherTSL><ListIssueDateTime>2026-06-01T12:00:00Z</ListIssueDateTime><NextUpdat"
    b"e><dateTime>2026-07-01T12:00:00Z</dateTime></NextUpdate></SchemeInformation><TrustServiceProviderList><TrustServ"
    b'iceProvider><TSPInformation><TSPName><Name xml:lang="DE">t</Name></TSPName><TSPTradeName><Name xml:lang="DE">t</'
    b'Name></TSPTradeName><TSPAddress><PostalAddresses><PostalAddress xml:lang="DE"><StreetAddress>s</StreetAddress><L'
    b"ocality>l</Locality><CountryName>DE</CountryName></PostalAddress></PostalAddresses><ElectronicAddress><URI>mailt"
    b'o:a@b</URI></ElectronicAddress></TSPAddress><TSPInformationURI><URI xml:lang="DE">http://u</URI></TSPInformation'
    b"URI></TSPInformation><TSPServices><TSPService><ServiceInformation><ServiceTypeIdentifier>http://uri.etsi.org/Trs"
    b'tSvc/Svctype/CA/PKC</ServiceTypeIdentifier><ServiceName><Name xml:lang="DE">CN=CA</Name></ServiceName><ServiceDi'
    b"gitalIdentity><DigitalId><X509Certificate>MAA=</X509Certificate></DigitalId></ServiceDigitalIdentity><ServiceSta"
    b"tus>http://uri.etsi.org/TrstSvc/Svcstatus/inaccord</ServiceStatus><StatusStartingTime>2026-06-01T12:00:00Z</Stat"
    b"usStartingTime><ServiceSupplyPoints><ServiceSupplyPoint>http://o/ocsp</ServiceSupplyPoint></ServiceSupplyPoints>"
    b'<ServiceInformationExtensions><Extension Critical="false"><ExtensionOID>1.2.276.0.76.4.70</ExtensionOID><Extensi'
    b"onValue>oid_egk_aut</ExtensionValue></Extension></ServiceInformationExtensions></ServiceInformation></TSPService"
    b'></TSPServices></TrustServiceProvider></TrustServiceProviderList><ds:Signature xmlns:ds="http://www.w3.org/2000/'
    b'09/xmldsig#" Id="signature-a"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml'
    b'-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/><ds:Reference '
    b'Id="reference-a" URI=""><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-sign'
    b'ature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algo'
    b'rithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>dsj8JImen+PKEdIQU8ey0dgAefXP0Mw/rxnKvzGahSQ=</d'
    b's:DigestValue></ds:Reference><ds:Reference Type="http://uri.etsi.org/01903#SignedProperties" URI="#signedpropert'
    b'ies-a"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:Dig'
    b'estMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>EiMF3gOXLjGm+eqdd/d2yhmS8Jwe8fWYj'
    b"q1//cibuWA=</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>BHZcZv/140V2HsJhnYKr3UOaxW1OUcsYso"
    b"F+tr3y/HcT0APP+M0fv5xt8HydFVab6nyjmnPvGzdp68i7acgs5g==</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certi"
    b"ficate>MIIC6DCCAo2gAwIBAgIQXxfDhdy88ovKY/YCT+J2ojAKBggqhkjOPQQDAjCBjjELMAkGA1UEBhMCREUxKDAmBgNVBAoMH3RpYWFzIGxhY"
    b"iBURVNULU9OTFkgLSBOT1QtVkFMSUQxMjAwBgNVBAsMKUtvbXBvbmVudGVuLUNBIGRlciBUZWxlbWF0aWtpbmZyYXN0cnVrdHVyMSEwHwYDVQQDD"
    b"BhUSUFBUy5LT01QLUNBMSBURVNULU9OTFkwHhcNMjYwNjAxMDAwMDAwWhcNMzEwNjAxMTIwMDAwWjBFMQswCQYDVQQGEwJERTEoMCYGA1UECgwfd"
    b"GlhYXMgbGFiIFRFU1QtT05MWSAtIE5PVC1WQUxJRDEMMAoGA1UEAwwDdHNsMFowFAYHKoZIzj0CAQYJKyQDAwIIAQEHA0IABHsu+ySvtKZ0TL1bd"
    b"4pixY55xaEEsURVoizPWpOR+K8ve5IL+h1CA1986Q/Z3ZhwXkLGiGiVwih4mkvXvrQn0V6jggESMIIBDjAdBgNVHQ4EFgQU0PX/roeseMJLrH+Po"
    b"ID50nZKZF8wDgYDVR0PAQH/BAQDAgeAMAwGA1UdEwEB/wQCMAAwUgYDVR0gBEswSTA7BggqghQATASBIzAvMC0GCCsGAQUFBwIBFiFodHRwOi8vd"
    b"3d3LmdlbWF0aWsuZGUvZ28vcG9saWNpZXMwCgYIKoIUAEwEgSkwHwYDVR0jBBgwFoAUN6eAPb/dt6Ifx6MyQZobn/LDd+gwNQYFKyQIAwMELDAqM"
    b"CgwJjAkMCIwFQwTVXBkYXRlIEZsYWcgU2VydmljZTAJBgcqghQATARlMA4GA1UdEQQHMAWCA3RzbDATBgNVHSUEDDAKBggrBgEFBQcDATAKBggqh"
    b"kjOPQQDAgNJADBGAiEAlQ71mpgmeyWjyBdFTMB5yneAf2YB+OE8AU8XqivAoIQCIQCTSJkhJUKL8AqSzcR4lma8M5Xkw4HKJSDfXBye7DhrTA==<"
    b'/ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object><xades:QualifyingProperties xmlns:xades="http://uri.et'
    b'si.org/01903/v1.3.2#" Target="#signature-a"><xades:SignedProperties Id="signedproperties-a"><xades:SignedSignatu'
    b"reProperties><xades:SigningTime>2026-06-01T12:00:00Z</xades:SigningTime><xades:SigningCertificate><xades:Cert><x"
    b'ades:CertDigest><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>DVix/mR3H1'
    b"LLIM69aGrqvo2xQAqmK6PTwY+AbOXPKqo=</ds:DigestValue></xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>CN="
    b"TIAAS.KOMP-CA1 TEST-ONLY,OU=Komponenten-CA der Telematikinfrastruktur,O=tiaas lab TEST-ONLY - NOT-VALID,C=DE</ds"
    b":X509IssuerName><ds:X509SerialNumber>126400048102846761040360958409763354274</ds:X509SerialNumber></xades:Issuer"
    b"Serial></xades:Cert></xades:SigningCertificate></xades:SignedSignatureProperties><xades:SignedDataObjectProperti"
    b'es><xades:DataObjectFormat ObjectReference="#reference-a"><xades:MimeType>text/xml</xades:MimeType></xades:DataO'
    b"bjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object"
    b"></ds:Signature></TrustServiceStatusList>"
)

SEEDS: list[bytes] = [_SIGNED, b"<a/>", _SIGNED[: _SIGNED.index(b"<ds:Signature")] + b"</TrustServiceStatusList>"]


def target(data: bytes) -> None:
    """Only `TslError` and `BadXmlSignature` may escape, and what is signed is what was read."""
    try:
        root = parse_list_untrusted(data)
    except TslError:
        return
    with suppress(BadXmlSignature):
        read_enveloped_untrusted(root)
    with suppress(TslError):
        decode_tsl_untrusted(data)
    with suppress(TslError):
        signed = read_signed_list(data)
        if signed.content != decode_tsl_untrusted(_SIGNED):
            raise AssertionError("a list that nobody signed got through")
