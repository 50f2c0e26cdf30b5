"""Which rights a role gives in card-to-card authentication: access profiles (gemSpec_PKI V2.14.1, 6.3.1 and 6.4.6).

Rows of Tab_PKI_918-02 (flag lists of card certificates) and Tab_PKI_919-02 (of CVC CAs).
"""

from enum import Enum, unique

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
