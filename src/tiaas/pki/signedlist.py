"""A trust list with its signature: whether it is whole and, apart from that, whether its signer is to be trusted.

TUC_PKI_012 (signature), TUC_PKI_011 (signer of the TSL against the trust anchor) of gemSpec_PKI V2.14.1, 8.2.2.
Whether the signer's certificate is revoked (TUC_PKI_006) and the comparison with the list in use (TUC_PKI_019) are the
caller's.
"""

from collections.abc import Sequence
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.oids import ExtendedKeyUsage, KeyUsage
from tiaas.pki.path import Demands, check_path
from tiaas.pki.tsl import TrustList, TslError, TslFault
from tiaas.pki.tslreader import parse_list_untrusted, read_list
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.reader import XmlSignature, read_enveloped_untrusted
from tiaas.xmlsec.verify import signature_fits

_SIGNER = Demands(
    key_usage=frozenset({KeyUsage.NON_REPUDIATION}),
    extended_key_usage=frozenset({ExtendedKeyUsage.TSL_SIGNING}),
)


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list that `signer`'s key signed as it is. Who the signer is has not been asked."""

    content: TrustList
    signer: Certificate
    signature: XmlSignature


def read_signed_list(document: bytes) -> SignedList:
    """Reads a list and proves that the key of the certificate in it signed all of it.

    Raises only `TslError`: TSL_NOT_WELLFORMED, TSL_SCHEMA_NOT_VALID, XML_SIGNATURE_ERROR, and
    TSL_CERT_EXTRACTION_ERROR for a signer's certificate that cannot be read.
    """
    root = parse_list_untrusted(document)
    content = read_list(root)
    try:
        signature = read_enveloped_untrusted(root)
    except BadXmlSignature as error:
        raise TslError(TslFault.XML_SIGNATURE_ERROR, str(error)) from None
    try:
        signer = decode_certificate_untrusted(signature.certificates[0])
    except BadCertificate:
        raise TslError(TslFault.TSL_CERT_EXTRACTION_ERROR, "signer's certificate") from None
    key = signer.key()
    if key is None or not signature_fits(signature, key):
        raise TslError(TslFault.XML_SIGNATURE_ERROR, "the signature does not fit the list")
    return SignedList(content, signer, signature)


def check_tsl_signer(signer: Certificate, anchors: Sequence[Certificate], at: datetime) -> Certificate:
    """The trust anchor (TSL-Signer-CA) that issued the signer of a TSL (TUC_PKI_011).

    Raises `TslError` TSL_CA_NOT_LOADED without anchors, else `PathError`: dates, nonRepudiation, id-tsl-kp-tslSigning,
    issuer, signature.
    """
    if not anchors:
        raise TslError(TslFault.TSL_CA_NOT_LOADED)
    return check_path(signer, anchors, at, demands=_SIGNER)[-1]
