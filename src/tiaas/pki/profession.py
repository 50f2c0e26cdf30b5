"""Which rights a role gives in card-to-card authentication: access profiles (gemSpec_PKI V2.14.1, 6.3.1 and 6.4.6).

Rows of Tab_PKI_918-02 (flag lists of card certificates) and Tab_PKI_919-02 (of CVC CAs). What a holder is for the
applications, the "fachliche Rolle", stands beside them in Tab_PKI_254-02.
"""

from collections.abc import Iterable
from enum import Enum, StrEnum, unique

from tiaas.pki.oids import Role


@unique
class AccessProfile(Enum):
    """CHAT flag list of an end-entity certificate, 7 octets."""

    CHAT_0 = "00000000000000"
    CHAT_1 = "00AE1ACDC1DC00"
    CHAT_2A = "005D29DAA0BB00"
    CHAT_2ZA = "005D20DAA08300"
    CHAT_3 = "005C20DAA08300"
    CHAT_4 = "004D29DAA08200"
    CHAT_5 = "005C0002A00000"
    CHAT_5P = "00002102800200"
    CHAT_5W = "00002002800200"
    CHAT_7 = "00002004800000"
    CHAT_8 = "00400002A00000"
    CHAT_9 = "0068000AA00000"
    # Devices: SAK of the Konnektor, HBA (SSEE and remote-PIN receiver), gSMC-KT (sender), SMC-B (receiver).
    CHAT_51 = "00000000000001"
    CHAT_53 = "0000000000000C"
    CHAT_54 = "00000000000002"
    CHAT_55 = "00000000000004"

    @property
    def flags(self) -> bytes:
        """The flag list."""
        return bytes.fromhex(self.value)


# CVC CAs for all profiles of a kind of card (Tab_PKI_919-02, combined profiles), and a root.
CA_FLAGS_EGK = bytes.fromhex("80000000000000")
CA_FLAGS_HBA_SMCB = bytes.fromhex("80FF3BDFE1FF0C")
CA_FLAGS_GSMC = bytes.fromhex("80000000000003")
ROOT_FLAGS = b"\xff" * 7

ROLE_PROFILES: dict[Role, AccessProfile] = {
    Role.ARZT: AccessProfile.CHAT_2A,
    Role.PRAXIS_ARZT: AccessProfile.CHAT_2A,
    Role.KRANKENHAUS: AccessProfile.CHAT_2A,
    Role.ZAHNARZT: AccessProfile.CHAT_2ZA,
    Role.ZAHNARZTPRAXIS: AccessProfile.CHAT_2ZA,
    Role.APOTHEKER: AccessProfile.CHAT_3,
    Role.OEFFENTLICHE_APOTHEKE: AccessProfile.CHAT_3,
    Role.PSYCHOTHERAPEUT: AccessProfile.CHAT_4,
    Role.PS_PSYCHOTHERAPEUT: AccessProfile.CHAT_4,
    Role.KUJ_PSYCHOTHERAPEUT: AccessProfile.CHAT_4,
    Role.PRAXIS_PSYCHOTHERAPEUT: AccessProfile.CHAT_4,
    Role.RETTUNGSASSISTENT: AccessProfile.CHAT_7,
    Role.KOSTENTRAEGER: AccessProfile.CHAT_8,
}


@unique
class BusinessRole(StrEnum):
    """Fachliche Rolle (Tab_PKI_254-02)."""

    VERSICHERTER = "Versicherter"
    ARZT = "Arzt"
    MITARBEITER_ARZT = "Mitarbeiter Arzt"
    ZAHNARZT = "Zahnarzt"
    MITARBEITER_ZAHNARZT = "Mitarbeiter Zahnarzt"
    MITARBEITER_KRANKENHAUS = "Mitarbeiter Krankenhaus"
    APOTHEKER = "Apotheker"
    MITARBEITER_APOTHEKE = "Mitarbeiter Apotheke"
    PSYCHOTHERAPEUT = "Psychotherapeut"
    MITARBEITER_PSYCHOTHERAPEUT = "Mitarbeiter Psychotherapeut"
    GESUNDHEITSFACHBERUF = "Weitere Gesundheitsfachberufe"
    INSTITUTION_GESUNDHEITSFACHBERUF = "Institution weitere Gesundheitsfachberufe"
    MITARBEITER_KOSTENTRAEGER = "Mitarbeiter Kostenträger"


BUSINESS_ROLES: dict[Role, BusinessRole] = {
    Role.VERSICHERTER: BusinessRole.VERSICHERTER,
    Role.ARZT: BusinessRole.ARZT,
    Role.PRAXIS_ARZT: BusinessRole.MITARBEITER_ARZT,
    Role.ZAHNARZT: BusinessRole.ZAHNARZT,
    Role.ZAHNARZTPRAXIS: BusinessRole.MITARBEITER_ZAHNARZT,
    Role.KRANKENHAUS: BusinessRole.MITARBEITER_KRANKENHAUS,
    Role.KRANKENHAUSAPOTHEKE: BusinessRole.MITARBEITER_KRANKENHAUS,
    Role.APOTHEKER: BusinessRole.APOTHEKER,
    Role.APOTHEKERASSISTENT: BusinessRole.APOTHEKER,
    Role.PHARMAZIEINGENIEUR: BusinessRole.APOTHEKER,
    Role.OEFFENTLICHE_APOTHEKE: BusinessRole.MITARBEITER_APOTHEKE,
    Role.PSYCHOTHERAPEUT: BusinessRole.PSYCHOTHERAPEUT,
    Role.PS_PSYCHOTHERAPEUT: BusinessRole.PSYCHOTHERAPEUT,
    Role.KUJ_PSYCHOTHERAPEUT: BusinessRole.PSYCHOTHERAPEUT,
    Role.PRAXIS_PSYCHOTHERAPEUT: BusinessRole.MITARBEITER_PSYCHOTHERAPEUT,
    Role.RETTUNGSASSISTENT: BusinessRole.GESUNDHEITSFACHBERUF,
    Role.NOTFALLSANITAETER: BusinessRole.GESUNDHEITSFACHBERUF,
    Role.MOBILE_EINRICHTUNG_RETTUNGSDIENST: BusinessRole.INSTITUTION_GESUNDHEITSFACHBERUF,
    Role.KOSTENTRAEGER: BusinessRole.MITARBEITER_KOSTENTRAEGER,
}
_BY_OID = {role.oid: business for role, business in BUSINESS_ROLES.items()}


def business_role_of(oids: Iterable[str]) -> BusinessRole | None:
    """The one role that all professionOIDs of a certificate stand for; None if they stand for several, or for none."""
    found = {_BY_OID.get(oid) for oid in oids}
    return found.pop() if len(found) == 1 else None
