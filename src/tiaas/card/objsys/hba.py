"""Object system of the HBA G2.1 (gemSpec_HBA_ObjSys_G2.1 V5.0.0; sizes and rules as in gaps_closed §3.3)."""

from functools import cache
from typing import Final

from tiaas.card.objsys.addresses import AID_ESIGN, AID_ROOT_HBA
from tiaas.card.objsys.issued import ADM_NAMES, CERTIFICATE, ISSUED_LOAD, security_module_root
from tiaas.card.objsys.model import CardKind, KeyType, ObjectSystem, TransportStatus
from tiaas.card.objsys.table import Table

AID_HPA: Final = bytes.fromhex("D27600014602")
AID_QES: Final = bytes.fromhex("D27600006601")
AID_AUTO: Final = bytes.fromhex("D27600014603")
AID_CIA_QES: Final = bytes.fromhex("E828BD080FD27600006601")
AID_CIA_ESIGN: Final = bytes.fromhex("E828BD080FA000000167455349474E")

PIN_CH: Final = 0x01
PIN_QES: Final = 0x81

KEY_AUTR: Final = 0x06
KEY_AUTD_SUK: Final = 0x09

# DF.QES and DF.ESIGN: short identifiers of certificate files.
SFID_C_QES_R2048: Final = 0x10
SFID_C_QES_E256: Final = 0x06
SFID_C_AUT_R2048: Final = 0x01
SFID_C_AUT_E256: Final = 0x06
SFID_C_ENC_R2048: Final = 0x02
SFID_C_ENC_E256: Final = 0x05

# One VERIFY of PIN.QES pays for this many signatures.
QES_SIGNATURES: Final = 0xFA


@cache
def object_system() -> ObjectSystem:
    """The objects of an HBA."""
    table = Table(CardKind.HBA, ADM_NAMES)
    security_module_root(table, AID_ROOT_HBA, directory=(0x0A, 0x20, 0xBE))
    _root(table)
    table.folder("MF/DF.HPA", AID_HPA.hex(), ISSUED_LOAD)
    table.transparent("MF/DF.HPA/EF.HPD", 0xD001, 0x01, 0x0800, "READ: ALW; ERASE/SETEOF/UPD/WRITE: P(01)")
    _qes(table)
    _esign(table)
    _description(table, "MF/DF.CIA.QES", AID_CIA_QES)
    _description(table, "MF/DF.CIA.ESIGN", AID_CIA_ESIGN)
    _auto(table)
    return table.build()


def _root(table: Table) -> None:
    table.transparent("MF/EF.C.CA_HPC.CS.E256", 0x2F07, 0x07, 0xDC, "READ: ALW; UPD: ADM*")
    table.transparent("MF/EF.C.HPC.AUTR_CVC.E256", 0x2F06, 0x06, 0xDE, "READ: ALW; UPD: ADM*")
    table.transparent("MF/EF.C.HPC.AUTD_SUK_CVC.E256", 0x2F09, 0x09, 0xDE, "READ: ALW; UPD: ADM*")
    pin = "CHANGE00/STATUS00/RESET00/RESET01/VERIFY00: ALW"
    table.password("MF/PIN.CH", PIN_CH, (6, 8), pin, TransportStatus.TRANSPORT_PIN)
    table.private_key("MF/PrK.HPC.AUTR_CVC.E256", KEY_AUTR, "elcRoleAuthentication", "INTAUTH00: P(01)")
    table.private_key(
        "MF/PrK.HPC.AUTD_SUK_CVC.E256", KEY_AUTD_SUK, "elcAsynchronAdmin,elcSessionkey4SM", "GENAUTH: ALW"
    )


def _qes(table: Table) -> None:
    qes = "MF/DF.QES"
    always = "READ: ALW"
    table.folder(qes, AID_QES.hex(), ISSUED_LOAD)
    table.transparent(f"{qes}/EF.SSEC", 0xD005, 0x05, 0x2E, always, se2=always)
    table.transparent(f"{qes}/EF.C.HP.QES.R2048", 0xC000, SFID_C_QES_R2048, 0x076C, always, se2=always)
    table.transparent(f"{qes}/EF.C.HP.QES.E256", 0xC006, SFID_C_QES_E256, 0x0BB8, always, se2=always)
    table.password(
        f"{qes}/PIN.QES",
        0x01,
        (6, 8),
        "CHANGE00/STATUS00/RESET01/VERIFY00: ALW",
        TransportStatus.TRANSPORT_PIN,
        stack={1: QES_SIGNATURES, 2: QES_SIGNATURES},
        se2="CHANGE00/RESET01/VERIFY00: [SM(b54)+CE]; STATUS00: SM(b55)",
    )
    stacked = "CDS: [P(81)+SM(b55)+CE+RE]"
    table.private_key(f"{qes}/PrK.HP.QES.R2048", 0x04, "signPSS", "CDS: P(81)", KeyType.RSA_2048, se2=stacked)
    table.private_key(f"{qes}/PrK.HP.QES.E256", 0x06, "signECDSA", "CDS: P(81)", se2=stacked)


def _esign(table: Table) -> None:
    table.folder("MF/DF.ESIGN", AID_ESIGN.hex(), ISSUED_LOAD)
    for name, fid, sfid, size in (
        ("AUT.R2048", 0xC500, SFID_C_AUT_R2048, 0x076C),
        ("AUT.E256", 0xC506, SFID_C_AUT_E256, 0x0BB8),
        ("SIG.R2048", 0xC000, 0x10, 0x0BB8),
        ("SIG.E256", 0xC007, 0x07, 0x0BB8),
        ("ENC.R2048", 0xC200, SFID_C_ENC_R2048, 0x076C),
        ("ENC.E256", 0xC205, SFID_C_ENC_E256, 0x0BB8),
    ):
        table.transparent(f"MF/DF.ESIGN/EF.C.HP.{name}", fid, sfid, size, CERTIFICATE)
    client = "rsaClientAuthentication,signPKCS1_V1_5,signPSS"
    rsa, elc = KeyType.RSA_2048, KeyType.P256R1
    for name, number, algorithms, rules, key_type in (
        ("SIG.R2048", 0x04, "signPSS", "CDS: P(01)", rsa),
        ("SIG.E256", 0x07, "signECDSA", "CDS: P(01)", elc),
        ("AUT.R2048", 0x02, client, "INTAUTH00/CDS: P(01)", rsa),
        ("ENC.R2048", 0x03, "rsaDecipherOaep", "DEC/TRANSC: P(01)", rsa),
        ("AUT.E256", 0x06, "signECDSA", "CDS: P(01)", elc),
        ("ENC.E256", 0x05, "elcSharedSecretCalculation", "DEC/TRANSC: P(01)", elc),
    ):
        table.private_key(f"MF/DF.ESIGN/PrK.HP.{name}", number, algorithms, rules, key_type)


def _description(table: Table, path: str, aid: bytes) -> None:
    """Cryptographic information application (ISO/IEC 7816-15); file sizes are ours."""
    table.folder(path, aid.hex(), ISSUED_LOAD)
    for name, fid, sfid in (
        ("EF.CIAInfo", 0x5032, 0x12),
        ("EF.OD", 0x5031, 0x11),
        ("EF.AOD", 0x5034, 0x14),
        ("EF.PrKD", 0x5035, 0x15),
        ("EF.CD", 0x5038, 0x16),
    ):
        table.transparent(f"{path}/{name}", fid, sfid, 0x0400, "READ: ALW")


def _auto(table: Table) -> None:
    auto = "MF/DF.AUTO"
    table.folder(auto, AID_AUTO.hex(), ISSUED_LOAD)
    writing = "DELETE/ERASE/SETEOF/UPD/WRITE: P(83)"
    table.transparent(f"{auto}/EF.C.HP.AUTO1.R3072", 0xE001, 0x01, 0x0BB8, f"READ: ALW; {writing}")
    table.transparent(f"{auto}/EF.C.HP.AUTO2.R3072", 0xE002, 0x02, 0x0BB8, f"READ: ALW; {writing}")
    pin = "CHANGE01/CHANGE00/STATUS00/RESET01/VERIFY00: ALW"
    table.password(f"{auto}/PIN.AUTO", 0x01, (5, 8), pin, TransportStatus.LEER_PIN)
    table.password(f"{auto}/PIN.SO", 0x03, (6, 8), pin, TransportStatus.LEER_PIN)
    table.private_key(
        f"{auto}/PrK.HP.AUTO.R3072",
        0x02,
        "rsaClientAuthentication,signPKCS1_V1_5,signPSS",
        "INTAUTH00/CDS: P(81)",
        KeyType.RSA_3072,
    )
