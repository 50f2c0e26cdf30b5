"""Certificate profiles as data (gemSpec_PKI V2.14.1, 5): one row for each table of the specification.

What all have in common (version 3, subjectKeyIdentifier, authorityKeyIdentifier, basicConstraints ca=FALSE
critical, keyUsage critical) is in `issue`.
"""

from tiaas.base.dataclass import dataclass
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, KeyUsage, Policy

_SIGN = frozenset({KeyUsage.DIGITAL_SIGNATURE})
_SIGN_AND_WRAP = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT})
_SIGN_AND_AGREE = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT})
_COMMIT = frozenset({KeyUsage.NON_REPUDIATION})
_WRAP = frozenset({KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT})
_AGREE = frozenset({KeyUsage.KEY_AGREEMENT})

_CLIENT = (ExtendedKeyUsage.CLIENT_AUTH,)
_SERVER = (ExtendedKeyUsage.SERVER_AUTH,)


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile; `table` is its table in gemSpec_PKI. `type` None: the policies alone say what it is.

    `has_ocsp` False: no status service exists for it, `is_unchecked`: a status responder's own (ocsp-nocheck).
    """

    type: CertificateType | None
    table: str
    ecc_usage: frozenset[KeyUsage]
    rsa_usage: frozenset[KeyUsage]
    extended_key_usage: tuple[ExtendedKeyUsage, ...] = ()
    policies: tuple[Policy, ...] = (Policy.GEM_OR_CP,)
    has_ocsp: bool = True
    is_qualified: bool = False
    is_unchecked: bool = False


def _hba(kind: CertificateType, table: str, ecc: frozenset[KeyUsage], rsa: frozenset[KeyUsage]) -> Profile:
    eku = (ExtendedKeyUsage.CLIENT_AUTH, ExtendedKeyUsage.EMAIL_PROTECTION) if kind is CertificateType.HP_AUT else ()
    return Profile(kind, table, ecc, rsa, eku, (Policy.HBA_CP,))


_HOLDERS = (
    Profile(CertificateType.CH_AUT, "Tab_PKI_232", _SIGN, _SIGN_AND_WRAP, _CLIENT),
    Profile(CertificateType.CH_ENC, "Tab_PKI_233", _AGREE, _WRAP),
    Profile(CertificateType.CH_AUTN, "Tab_PKI_235", _SIGN, _SIGN_AND_WRAP, _CLIENT),
    Profile(CertificateType.CH_ENCV, "Tab_PKI_236", _AGREE, _WRAP),
    _hba(CertificateType.HP_AUT, "Tab_PKI_268_1", _SIGN_AND_AGREE, _SIGN_AND_WRAP),
    _hba(CertificateType.HP_ENC, "Tab_PKI_269_1", _AGREE, _WRAP),
    Profile(
        CertificateType.HP_QES,
        "Tab_PKI_270_1",
        _COMMIT,
        _COMMIT,
        policies=(Policy.HBA_CP, Policy.QCP_NATURAL_QSCD),
        is_qualified=True,
    ),
    Profile(CertificateType.HCI_AUT, "Tab_PKI_238", _SIGN, _SIGN_AND_WRAP, _CLIENT),
    Profile(CertificateType.HCI_ENC, "Tab_PKI_239", _AGREE, _WRAP),
    Profile(CertificateType.HCI_OSIG, "Tab_PKI_240", _COMMIT, _COMMIT),
    Profile(CertificateType.SMKT_AUT, "Tab_PKI_241", _SIGN, _SIGN_AND_WRAP, _SERVER, has_ocsp=False),
    Profile(CertificateType.NK_VPN, "C.NK.VPN", _SIGN, _SIGN_AND_WRAP),
    Profile(CertificateType.SAK_AUT, "Tab_PKI_244", _SIGN, _SIGN_AND_WRAP, _CLIENT + _SERVER),
    Profile(CertificateType.FD_TLS_C, "Tab_PKI_249", _SIGN, _SIGN_AND_WRAP, _CLIENT),
    Profile(CertificateType.FD_TLS_S, "Tab_PKI_250", _SIGN, _SIGN_AND_WRAP, _SERVER),
    Profile(CertificateType.ZD_TLS_S, "Tab_PKI_247", _SIGN, _SIGN_AND_WRAP, _SERVER),
    Profile(CertificateType.ZD_SIG, "C.ZD.SIG", _SIGN, _SIGN),
)

PROFILES: dict[CertificateType, Profile] = {profile.type: profile for profile in _HOLDERS if profile.type is not None}
"""The profiles of holders and components by certificate type."""

NETWORKS_SIGNER = Profile(CertificateType.ZD_SIG, "Tab_PKI_278", _COMMIT, _COMMIT)
"""C.ZD.SIG of who signs Bestandsnetze.xml; that of `PROFILES` signs scenarios, which TUC_KON_161 does not verify."""

TSL_SIGNER = Profile(
    None, "Tab_PKI_252_01", _COMMIT, _COMMIT, (ExtendedKeyUsage.TSL_SIGNING,), policies=(Policy.TSL_SIGNER,)
)
"""C.TSL.SIG."""

OCSP_SIGNER = Profile(
    None, "Tab_PKI_253", _COMMIT, _COMMIT, (ExtendedKeyUsage.OCSP_SIGNING,), has_ocsp=False, is_unchecked=True
)
"""C.GEM.OCSP."""

HERSTELLER_SIGNER = Profile(None, "of ours", _SIGN, _SIGN, (ExtendedKeyUsage.CODE_SIGNING,), has_ocsp=False)
"""Who signs Update-Pakete of a Konnektor; the Hersteller's own PKI, which no table of gemSpec_PKI describes."""
