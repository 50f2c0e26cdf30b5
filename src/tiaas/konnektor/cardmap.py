"""Where a Konnektor finds what it needs on G2.1 cards (gemSpec_eGK_ObjSys, _HBA_ObjSys, _SMC-B_ObjSys G2.1).

Short file identifiers count in the folder named; PIN and key references are those of P2 and MSE: the plain id for
objects of the root folder, `0x80 | id` in another. A test compares this table with the object systems of `tiaas.card`.
"""

import enum
from collections.abc import Mapping

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.cardtypes import CardType


@enum.unique
class Folder(enum.Enum):
    """Folders by application identifier; the root folder is selected without one."""

    MF = b""
    HCA = bytes.fromhex("D27600000102")
    NFD = bytes.fromhex("D27600014407")
    DPE = bytes.fromhex("D27600014408")
    GDD = bytes.fromhex("D2760001440A")
    OSE = bytes.fromhex("D2760001440B")
    AMTS = bytes.fromhex("D2760001440C")
    QES = bytes.fromhex("D27600006601")
    ESIGN = bytes.fromhex("A000000167455349474E")


TYPE_BY_MF_AID: Mapping[bytes, CardType] = {
    bytes.fromhex("D2760001448000"): CardType.EGK,
    bytes.fromhex("D27600014601"): CardType.HBA,
    bytes.fromhex("D27600014606"): CardType.SMC_B,
    bytes.fromhex("D2760001448003"): CardType.SMC_KT,
}


@dataclass(frozen=True, slots=True)
class CardFile:
    """A file, transparent or of records, by folder and short identifier.

    `fid` is its file identifier where something needs it: to ask how large it is, or an offset above 255.
    """

    folder: Folder
    sfid: int
    fid: int | None = None


EF_GDO = CardFile(Folder.MF, 0x02)
EF_VERSION2 = CardFile(Folder.MF, 0x11)
EF_CVC_CA = CardFile(Folder.MF, 0x07)
"""C.CA_eGK.CS.E256, C.CA_HPC.CS.E256, C.CA_SMC.CS.E256."""
EF_CVC_ROLE = CardFile(Folder.MF, 0x06)
"""C.eGK.AUT_CVC.E256, C.HPC.AUTR_CVC.E256, C.SMC.AUTR_CVC.E256."""

DEVICE_CVC: Mapping[CardType, CardFile] = {
    CardType.HBA: CardFile(Folder.MF, 0x09),
    CardType.SMC_B: CardFile(Folder.MF, 0x09),
    CardType.SMC_KT: CardFile(Folder.MF, 0x0A),
}
"""C.HPC.AUTD_SUK_CVC.E256, C.SMC.AUTD_RPE_CVC.E256, C.SMC.AUTD_RPS_CVC.E256: for trusted channels (TAB_KON_674)."""

EF_PD = CardFile(Folder.HCA, 0x01)
EF_VD = CardFile(Folder.HCA, 0x02)
EF_GVD = CardFile(Folder.HCA, 0x03)
EF_LOGGING = CardFile(Folder.HCA, 0x06, 0xD006)
"""Records of 46 octets, cyclic."""
EF_STATUS_VD = CardFile(Folder.HCA, 0x0C)
EF_RECEIPT = CardFile(Folder.HCA, 0x1C, 0xD01C)

EF_NFD = CardFile(Folder.NFD, 0x10, 0xD010)
EF_STATUS_NFD = CardFile(Folder.NFD, 0x0E, 0xD00E)
EF_DPE = CardFile(Folder.DPE, 0x1B, 0xD01B)
EF_STATUS_DPE = CardFile(Folder.DPE, 0x18, 0xD018)
EF_CONSENTS_GDD = CardFile(Folder.GDD, 0x13, 0xD013)
"""EF.EinwilligungGDD, records of variable length, as `EF_REFERENCES_GDD`."""
EF_REFERENCES_GDD = CardFile(Folder.GDD, 0x1A, 0xD01A)
"""EF.VerweiseGDD."""
EF_OSE = CardFile(Folder.OSE, 0x01, 0xE001)
EF_STATUS_OSE = CardFile(Folder.OSE, 0x02, 0xE002)
EF_AMTS = CardFile(Folder.AMTS, 0x05, 0xE005)
EF_REFERENCES_AMTS = CardFile(Folder.AMTS, 0x06, 0xE006)
"""EF.VerweiseAMTS, records of variable length."""
EF_STATUS_AMTS = CardFile(Folder.AMTS, 0x07, 0xE007)

AUT, ENC, SIG, QES = "C.AUT", "C.ENC", "C.SIG", "C.QES"
RSA, ECC, RSA_ECC = "RSA", "ECC", "RSA_ECC"

_SM_B_CERTIFICATES: Mapping[tuple[str, str], CardFile] = {
    (AUT, RSA): CardFile(Folder.ESIGN, 0x01),
    (AUT, ECC): CardFile(Folder.ESIGN, 0x06),
    (ENC, RSA): CardFile(Folder.ESIGN, 0x02),
    (ENC, ECC): CardFile(Folder.ESIGN, 0x05),
    (SIG, RSA): CardFile(Folder.ESIGN, 0x10),
    (SIG, ECC): CardFile(Folder.ESIGN, 0x07),
}
CERTIFICATES: Mapping[CardType, Mapping[tuple[str, str], CardFile]] = {
    CardType.HBA: {
        (AUT, RSA): CardFile(Folder.ESIGN, 0x01),
        (AUT, ECC): CardFile(Folder.ESIGN, 0x06),
        (ENC, RSA): CardFile(Folder.ESIGN, 0x02),
        (ENC, ECC): CardFile(Folder.ESIGN, 0x05),
        (QES, RSA): CardFile(Folder.QES, 0x10),
        (QES, ECC): CardFile(Folder.QES, 0x06),
    },
    CardType.HBA_QSIG: {
        (AUT, RSA): CardFile(Folder.ESIGN, 0x01),
        (ENC, RSA): CardFile(Folder.ESIGN, 0x02),
        (QES, RSA): CardFile(Folder.QES, 0x10),
    },
    CardType.SMC_B: _SM_B_CERTIFICATES,
    CardType.HSM_B: _SM_B_CERTIFICATES,
    CardType.EGK: {
        (AUT, RSA): CardFile(Folder.ESIGN, 0x01),
        (AUT, ECC): CardFile(Folder.ESIGN, 0x04),
    },
}
"""X.509 certificates by card, CertRef and Crypt (TAB_KON_858); of an eGK only what the Konnektor itself reads.
An HSM-B has those of an SMC-B, in no files."""

ROLE_KEY: Mapping[CardType, int] = {CardType.EGK: 0x09, CardType.HBA: 0x06, CardType.SMC_B: 0x06}
"""PrK.eGK.AUT_CVC.E256, PrK.HPC.AUTR_CVC.E256, PrK.SMC.AUTR_CVC.E256."""

DEVICE_KEY: Mapping[CardType, int] = {CardType.HBA: 0x09, CardType.SMC_B: 0x09, CardType.SMC_KT: 0x0A}
"""PrK.HPC.AUTD_SUK_CVC.E256, PrK.SMC.AUTD_RPE_CVC.E256, PrK.SMC.AUTD_RPS_CVC.E256; the CHR begins with the same id."""

EF_SSEC = CardFile(Folder.QES, 0x05)

PIN_CH, PIN_QES, PIN_SMC, PIN_AMTS_REP = "PIN.CH", "PIN.QES", "PIN.SMC", "PIN.AMTS_REP"


@dataclass(frozen=True, slots=True)
class CardKey:
    """A private key: its folder, the reference in MSE, and the PIN that must be verified before it works."""

    folder: Folder
    ref: int
    pin: str


_SM_B_KEYS: Mapping[tuple[str, str], CardKey] = {
    (AUT, RSA): CardKey(Folder.ESIGN, 0x82, PIN_SMC),
    (AUT, ECC): CardKey(Folder.ESIGN, 0x86, PIN_SMC),
    (ENC, RSA): CardKey(Folder.ESIGN, 0x83, PIN_SMC),
    (ENC, ECC): CardKey(Folder.ESIGN, 0x85, PIN_SMC),
    (SIG, RSA): CardKey(Folder.ESIGN, 0x84, PIN_SMC),
    (SIG, ECC): CardKey(Folder.ESIGN, 0x87, PIN_SMC),
}
KEYS: Mapping[CardType, Mapping[tuple[str, str], CardKey]] = {
    CardType.HBA: {
        (AUT, RSA): CardKey(Folder.ESIGN, 0x82, PIN_CH),
        (AUT, ECC): CardKey(Folder.ESIGN, 0x86, PIN_CH),
        (ENC, RSA): CardKey(Folder.ESIGN, 0x83, PIN_CH),
        (ENC, ECC): CardKey(Folder.ESIGN, 0x85, PIN_CH),
        (QES, RSA): CardKey(Folder.QES, 0x84, PIN_QES),
        (QES, ECC): CardKey(Folder.QES, 0x86, PIN_QES),
    },
    CardType.HBA_QSIG: {
        (AUT, RSA): CardKey(Folder.ESIGN, 0x82, PIN_CH),
        (ENC, RSA): CardKey(Folder.ESIGN, 0x83, PIN_CH),
        (QES, RSA): CardKey(Folder.QES, 0x84, PIN_QES),
    },
    CardType.SMC_B: _SM_B_KEYS,
    CardType.HSM_B: _SM_B_KEYS,
}
"""Private keys by card and the certificate that belongs to them; SIG is PrK.HCI.OSIG (TAB_KON_784, 859, 900). Of an
HSM-B only the PIN means something: its activation has that name."""

HOLDER_PIN: Mapping[CardType, str] = {CardType.HBA: PIN_CH, CardType.SMC_B: PIN_SMC, CardType.HSM_B: PIN_SMC}
"""The PIN that must be verified before the role key works (TUC_KON_005, precondition)."""


@dataclass(frozen=True, slots=True)
class PinObject:
    """A PIN: the folder that must be selected and the reference in P2."""

    folder: Folder
    ref: int


_EGK_PINS: Mapping[str, PinObject] = {
    PIN_CH: PinObject(Folder.MF, 0x01),
    "MRPIN.NFD": PinObject(Folder.MF, 0x03),
    "MRPIN.DPE": PinObject(Folder.MF, 0x04),
    "MRPIN.GDD": PinObject(Folder.MF, 0x05),
    "MRPIN.NFD_READ": PinObject(Folder.MF, 0x07),
    "MRPIN.OSE": PinObject(Folder.MF, 0x09),
    "MRPIN.AMTS": PinObject(Folder.MF, 0x0C),
    PIN_AMTS_REP: PinObject(Folder.MF, 0x0D),
}
_HBA_PINS = {PIN_CH: PinObject(Folder.MF, 0x01), PIN_QES: PinObject(Folder.QES, 0x81)}
PINS: Mapping[CardType, Mapping[str, PinObject]] = {
    CardType.EGK: _EGK_PINS,
    CardType.HBA: _HBA_PINS,
    CardType.HBA_QSIG: _HBA_PINS,
    CardType.SMC_B: {PIN_SMC: PinObject(Folder.MF, 0x01)},
    CardType.HSM_B: {PIN_SMC: PinObject(Folder.MF, 0x01)},
}
"""PinTyp by card (digest §7.1: GetPinStatus, ChangePin, UnblockPin)."""
