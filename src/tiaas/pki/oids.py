"""Object identifiers of the TI in certificates (gemSpec_OID; values as in gematik's ref-GemLibPki).

Tab_PKI_402 roles of persons, 403 of institutions, 406 technical roles, 404 policies, 405 certificate types.
"""

from enum import Enum, StrEnum, unique

_ARC = "1.2.276.0.76.4."

ADMISSION = "1.3.36.8.3.3"


@unique
class Role(Enum):
    """What a certificate's holder is: number below 1.2.276.0.76.4, name of the OID, text for professionItem."""

    # Tab_PKI_402
    ARZT = (30, "oid_arzt", "Ärztin/Arzt")
    ZAHNARZT = (31, "oid_zahnarzt", "Zahnärztin/Zahnarzt")
    APOTHEKER = (32, "oid_apotheker", "Apotheker/-in")
    APOTHEKERASSISTENT = (33, "oid_apothekerassistent", "Apothekerassistent/-in")
    PHARMAZIEINGENIEUR = (34, "oid_pharmazieingenieur", "Pharmazieingenieur/-in")
    PHARM_TECHN_ASSISTENT = (35, "oid_pharm_techn_assistent", "pharmazeutisch-technische/-r Assistent/-in")
    PSYCHOTHERAPEUT = (45, "oid_psychotherapeut", "Psychotherapeut/-in")
    PS_PSYCHOTHERAPEUT = (46, "oid_ps_psychotherapeut", "Psychologische/-r Psychotherapeut/-in")
    KUJ_PSYCHOTHERAPEUT = (47, "oid_kuj_psychotherapeut", "Kinder- und Jugendlichenpsychotherapeut/-in")
    RETTUNGSASSISTENT = (48, "oid_rettungsassistent", "Rettungsassistent/-in")
    VERSICHERTER = (49, "oid_versicherter", "Versicherte/-r")
    NOTFALLSANITAETER = (178, "oid_notfallsanitaeter", "Notfallsanitäter/-in")
    # Tab_PKI_403
    PRAXIS_ARZT = (50, "oid_praxis_arzt", "Betriebsstätte Arzt")
    ZAHNARZTPRAXIS = (51, "oid_zahnarztpraxis", "Zahnarztpraxis")
    PRAXIS_PSYCHOTHERAPEUT = (52, "oid_praxis_psychotherapeut", "Betriebsstätte Psychotherapeut")
    KRANKENHAUS = (53, "oid_krankenhaus", "Krankenhaus")
    OEFFENTLICHE_APOTHEKE = (54, "oid_oeffentliche_apotheke", "Öffentliche Apotheke")
    KRANKENHAUSAPOTHEKE = (55, "oid_krankenhausapotheke", "Krankenhausapotheke")
    BUNDESWEHRAPOTHEKE = (56, "oid_bundeswehrapotheke", "Bundeswehrapotheke")
    MOBILE_EINRICHTUNG_RETTUNGSDIENST = (
        57,
        "oid_mobile_einrichtung_rettungsdienst",
        "Betriebsstätte Mobile Einrichtung Rettungsdienst",
    )
    KOSTENTRAEGER = (59, "oid_kostentraeger", "Betriebsstätte Kostenträger")
    # Tab_PKI_406
    VSDD = (97, "oid_vsdd", "Versichertenstammdatendienst")
    OCSP = (99, "oid_ocsp", "Online Certificate Status Protocol")
    CMS = (100, "oid_cms", "Card Management System")
    UFS = (101, "oid_ufs", "Update Flag Service")
    AK = (103, "oid_ak", "Anwendungskonnektor")
    NK = (104, "oid_nk", "Netzkonnektor")
    KT = (105, "oid_kt", "Kartenterminal")
    SAK = (119, "oid_sak", "Signaturanwendungskomponente")
    INT_VSDM = (159, "oid_int_vsdm", "Intermediär VSDM")
    KONFIGDIENST = (160, "oid_konfigdienst", "Konfigurationsdienst")
    VPNZ_TI = (161, "oid_vpnz_ti", "VPN-Zugangsdienst-TI")
    VZD_TI = (171, "oid_vzd_ti", "Verzeichnisdienst-TI")
    TSL_TI = (189, "oid_tsl_ti", "TSL-Dienst-TI")
    BESTANDSNETZE = (288, "oid_bestandsnetze", "Bestandsnetze.xml Signatur")
    POPP = (293, "oid_popp", "Proof of Patient Presence (PoPP) Dienst")
    HSK = (302, "oid_hsk", "Highspeed-Konnektor")

    def __init__(self, number: int, reference: str, text: str) -> None:
        self.oid = f"{_ARC}{number}"
        self.reference = reference
        self.text = text


@unique
class CertificateType(Enum):
    """Tab_PKI_405: number below 1.2.276.0.76.4, name of the OID, name of the profile."""

    CH_ENC = (68, "oid_egk_enc", "C.CH.ENC")
    CH_ENCV = (69, "oid_egk_encv", "C.CH.ENCV")
    CH_AUT = (70, "oid_egk_aut", "C.CH.AUT")
    CH_AUTN = (71, "oid_egk_autn", "C.CH.AUTN")
    HP_QES = (72, "oid_hba_qes", "C.HP.QES")
    HP_ENC = (74, "oid_hba_enc", "C.HP.ENC")
    HP_AUT = (75, "oid_hba_aut", "C.HP.AUT")
    HCI_ENC = (76, "oid_smc_b_enc", "C.HCI.ENC")
    HCI_AUT = (77, "oid_smc_b_aut", "C.HCI.AUT")
    HCI_OSIG = (78, "oid_smc_b_osig", "C.HCI.OSIG")
    AK_AUT = (79, "oid_ak_aut", "C.AK.AUT")
    NK_VPN = (80, "oid_nk_vpn", "C.NK.VPN")
    SMKT_AUT = (82, "oid_smkt_aut", "C.SMKT.AUT")
    SAK_AUT = (113, "oid_sak_aut", "C.SAK.AUT")
    ZD_TLS_S = (157, "oid_zd_tls_s", "C.ZD.TLS-S")
    FD_TLS_C = (168, "oid_fd_tls_c", "C.FD.TLS-C")
    FD_TLS_S = (169, "oid_fd_tls_s", "C.FD.TLS-S")
    FD_SIG = (203, "oid_fd_sig", "C.FD.SIG")
    FD_OSIG = (283, "oid_fd_osig", "C.FD.OSIG")
    ZD_SIG = (287, "oid_zd_sig", "C.ZD.SIG")

    def __init__(self, number: int, reference: str, profile: str) -> None:
        self.oid = f"{_ARC}{number}"
        self.reference = reference
        self.profile = profile


@unique
class Policy(StrEnum):
    """Tab_PKI_404 and ETSI EN 319 411-2: the rules a certificate was issued under."""

    GEM_OR_CP = _ARC + "163"
    HBA_CP = _ARC + "145"
    TSL_SIGNER = _ARC + "176"
    QCP_NATURAL_QSCD = "0.4.0.194112.1.2"


@unique
class ExtendedKeyUsage(StrEnum):
    """RFC 5280, 4.2.1.12, and ETSI TS 102 231, 6.2: the purposes that TI profiles use."""

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
    CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
    EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
    OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
    TSL_SIGNING = "0.4.0.2231.3.0"


@unique
class KeyUsage(StrEnum):
    """RFC 5280, 4.2.1.3: uses of a key, in the order of their bits."""

    DIGITAL_SIGNATURE = "digital_signature"
    NON_REPUDIATION = "non_repudiation"
    KEY_ENCIPHERMENT = "key_encipherment"
    DATA_ENCIPHERMENT = "data_encipherment"
    KEY_AGREEMENT = "key_agreement"
    KEY_CERT_SIGN = "key_cert_sign"
    CRL_SIGN = "crl_sign"
    ENCIPHER_ONLY = "encipher_only"
    DECIPHER_ONLY = "decipher_only"
