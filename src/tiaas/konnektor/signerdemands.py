"""What a signer's certificate must be: TAB_KON_786 for nonQES, TUC_PKI_030 for QES (gemSpec_Kon V5.18, gemSpec_PKI
V2.14.1)."""

from tiaas.pki.certificate import Certificate
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, KeyUsage
from tiaas.pki.path import Demands

QUALIFIED = Demands(key_usage=frozenset({KeyUsage.NON_REPUDIATION}))
"""TUC_PKI_030, step 3."""

_CLIENT = frozenset({ExtendedKeyUsage.CLIENT_AUTH})
_ROWS: tuple[tuple[CertificateType, KeyUsage, frozenset[ExtendedKeyUsage]], ...] = (
    (CertificateType.CH_AUT, KeyUsage.DIGITAL_SIGNATURE, _CLIENT),
    (CertificateType.CH_AUTN, KeyUsage.DIGITAL_SIGNATURE, _CLIENT),
    (CertificateType.HCI_OSIG, KeyUsage.NON_REPUDIATION, frozenset()),
    (CertificateType.FD_SIG, KeyUsage.DIGITAL_SIGNATURE, frozenset()),
    (CertificateType.FD_OSIG, KeyUsage.NON_REPUDIATION, frozenset()),
    (CertificateType.ZD_SIG, KeyUsage.NON_REPUDIATION, frozenset()),
)
SIGNER_TYPES = frozenset(kind for kind, _, _ in _ROWS)
"""Types of certificate whose signatures count as nonQES (TAB_KON_786)."""
_DEMANDS = tuple(
    (kind.oid, Demands(frozenset({usage}), extended, frozenset({kind}))) for kind, usage, extended in _ROWS
)
_ANY_SIGNER = Demands(types=SIGNER_TYPES)


def signer_demands(certificate: Certificate) -> Demands:
    """What TAB_KON_786 asks of a nonQES certificate of this type; of another type it asks for one of its types."""
    return next((demands for oid, demands in _DEMANDS if oid in certificate.policies), _ANY_SIGNER)
