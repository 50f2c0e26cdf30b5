"""Object system of the SMC-B G2.1 (gemSpec_SMC-B_ObjSys_G2_1 V5.0.0; sizes and rules as in gaps_closed §3.4)."""

from functools import cache
from typing import Final

from tiaas.card.objsys.addresses import AID_ESIGN, AID_ROOT_SMC_B
from tiaas.card.objsys.issued import ADM_NAMES, CERTIFICATE, ISSUED_LOAD, security_module_root
from tiaas.card.objsys.model import CardKind, KeyType, ObjectSystem, TransportStatus
from tiaas.card.objsys.table import Table

PIN_SMC: Final = 0x01

KEY_AUTR: Final = 0x06
KEY_AUTD_RPE: Final = 0x09

# DF.ESIGN: short identifiers of certificate files.
SFID_C_OSIG_R2048: Final = 0x10
SFID_C_OSIG_E256: Final = 0x07
SFID_C_AUT_R2048: Final = 0x01
SFID_C_AUT_E256: Final = 0x06
SFID_C_ENC_R2048: Final = 0x02
SFID_C_ENC_E256: Final = 0x05


@cache
def object_system() -> ObjectSystem:
    """The objects of an SMC-B."""
    table = Table(CardKind.SMC_B, ADM_NAMES)
    security_module_root(table, AID_ROOT_SMC_B, directory=(0x07, 0x13, 0x5A))
    _root(table)
    _esign(table)
    return table.build()


def _root(table: Table) -> None:
    table.transparent("MF/EF.C.CA_SMC.CS.E256", 0x2F07, 0x07, 0xDC, "READ: ALW; UPD: ADM*")
    table.transparent("MF/EF.C.SMC.AUTR_CVC.E256", 0x2F06, 0x06, 0xDE, "READ: ALW; UPD: ADM*")
    table.transparent("MF/EF.C.SMC.AUTD_RPE_CVC.E256", 0x2F09, 0x09, 0xDE, "READ: ALW; UPD: ADM*")
    pin = "CHANGE00/STATUS00/RESET00/RESET01/VERIFY00: ALW"
    table.password("MF/PIN.SMC", PIN_SMC, (6, 8), pin, TransportStatus.TRANSPORT_PIN)
    table.private_key("MF/PrK.SMC.AUTR_CVC.E256", KEY_AUTR, "elcRoleAuthentication", "INTAUTH00: P(01)")
    table.private_key(
        "MF/PrK.SMC.AUTD_RPE_CVC.E256", KEY_AUTD_RPE, "elcAsynchronAdmin,elcSessionkey4SM", "GENAUTH: ALW"
    )


def _esign(table: Table) -> None:
    table.folder("MF/DF.ESIGN", AID_ESIGN.hex(), ISSUED_LOAD)
    for name, fid, sfid, size in (
        ("OSIG.R2048", 0xC000, SFID_C_OSIG_R2048, 0x076C),
        ("AUT.R2048", 0xC500, SFID_C_AUT_R2048, 0x076C),
        ("ENC.R2048", 0xC200, SFID_C_ENC_R2048, 0x076C),
        ("OSIG.E256", 0xC007, SFID_C_OSIG_E256, 0x0BB8),
        ("AUT.E256", 0xC506, SFID_C_AUT_E256, 0x0BB8),
        ("ENC.E256", 0xC205, SFID_C_ENC_E256, 0x0BB8),
    ):
        table.transparent(f"MF/DF.ESIGN/EF.C.HCI.{name}", fid, sfid, size, CERTIFICATE)
    client = "rsaClientAuthentication,signPKCS1_V1_5,signPSS"
    rsa, elc = KeyType.RSA_2048, KeyType.P256R1
    for name, number, algorithms, rules, key_type in (
        ("OSIG.R2048", 0x04, "signPSS", "CDS: P(01)", rsa),
        ("AUT.R2048", 0x02, client, "CDS/INTAUTH00: P(01)", rsa),
        ("ENC.R2048", 0x03, "rsaDecipherOaep", "DEC/TRANSC: P(01)", rsa),
        ("OSIG.E256", 0x07, "signECDSA", "CDS: P(01)", elc),
        ("AUT.E256", 0x06, "signECDSA", "CDS: P(01)", elc),
        ("ENC.E256", 0x05, "elcSharedSecretCalculation", "DEC/TRANSC: P(01)", elc),
    ):
        table.private_key(f"MF/DF.ESIGN/PrK.HCI.{name}", number, algorithms, rules, key_type)
