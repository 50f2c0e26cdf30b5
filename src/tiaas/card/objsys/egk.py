"""Object system of the eGK G2.1 (gemSpec_eGK_ObjSys V4.5.0; sizes and rules as in gaps_closed §3.2)."""

from functools import cache
from typing import Final

from tiaas.card.objsys.addresses import AID_ESIGN, AID_ROOT_EGK, FID_MF
from tiaas.card.objsys.conditions import Condition, SmMacFlag, SmMacKey
from tiaas.card.objsys.model import CardKind, KeyType, ObjectSystem, RecordKind
from tiaas.card.objsys.notation import OID_FLAGS_CMS, any_of, flag_bits
from tiaas.card.objsys.table import Table

AID_HCA: Final = bytes.fromhex("D27600000102")
AID_NFD: Final = bytes.fromhex("D27600014407")
AID_DPE: Final = bytes.fromhex("D27600014408")
AID_GDD: Final = bytes.fromhex("D2760001440A")
AID_OSE: Final = bytes.fromhex("D2760001440B")
AID_AMTS: Final = bytes.fromhex("D2760001440C")

PIN_CH: Final = 0x01
MRPIN_HOME: Final = 0x02
MRPIN_NFD: Final = 0x03
MRPIN_DPE: Final = 0x04
MRPIN_GDD: Final = 0x05
MRPIN_NFD_READ: Final = 0x07
MRPIN_OSE: Final = 0x09
MRPIN_AMTS: Final = 0x0C
PIN_AMTS_REP: Final = 0x0D

KEY_AUT_CVC: Final = 0x09

# Short identifiers in DF.HCA.
SFID_PD: Final = 0x01
SFID_VD: Final = 0x02
SFID_GVD: Final = 0x03
SFID_LOGGING: Final = 0x06
SFID_STATUS_VD: Final = 0x0C
SFID_PRUEFUNGSNACHWEIS: Final = 0x1C
LOGGING_RECORD_SIZE: Final = 46

# DF.ESIGN: short identifiers of certificate files, references of keys.
SFID_C_AUT_R2048: Final = 0x01
SFID_C_AUT_E256: Final = 0x04
SFID_C_ENC_R2048: Final = 0x02
SFID_C_ENC_E256: Final = 0x05
SFID_C_AUTN_R2048: Final = 0x09
SFID_C_AUTN_E256: Final = 0x0B
SFID_C_ENCV_R2048: Final = 0x0A
SFID_C_ENCV_E256: Final = 0x0C

_CMS = any_of(SmMacKey(0x13), SmMacKey(0x18), SmMacFlag(OID_FLAGS_CMS, flag_bits(8)))
_VSD = any_of(SmMacKey(0x12), SmMacKey(0x19), SmMacFlag(OID_FLAGS_CMS, flag_bits(9)))
_NAMES: dict[str, Condition] = {"CMS": _CMS, "VSD": _VSD}

_LOAD = "LOAD: CMS*"
_EVERY_PIN_COMMAND = "CHANGE00/STATUS00/RESET00/RESET01/VERIFY00: ALW"
_SWITCHABLE_PIN = f"DISABLE00/ENABLE00: ALW; {_EVERY_PIN_COMMAND}"
_CERTIFICATE = "DELETE/ERASE/SETEOF: CMS; UPD/WRITE: CMS*; READ: "
_ENC_CERTIFICATE = "DELETE/ERASE/SETEOF: CMS; READ: ALW"


@cache
def object_system() -> ObjectSystem:
    """The objects of an eGK."""
    table = Table(CardKind.EGK, _NAMES)
    _root(table)
    _root_security(table)
    _health_care(table)
    _volunteered(table)
    _medication(table)
    _esign(table)
    return table.build()


def _root(table: Table) -> None:
    table.folder("MF", AID_ROOT_EGK.hex(), f"FINGERPRINT: ALW; {_LOAD}", fid=FID_MF)
    table.transparent("MF/EF.ATR", 0x2F01, 0x1D, 0x86, "READ/WRITE: ALW")
    table.transparent("MF/EF.CardAccess", 0x011C, 0x1C, 0x16, "READ: ALW")
    table.transparent("MF/EF.C.CA_eGK.CS.E256", 0x2F07, 0x07, 0xDC, "UPD: CMS*; READ: ALW")
    table.transparent("MF/EF.C.eGK.AUT_CVC.E256", 0x2F06, 0x06, 0xDE, "UPD: CMS*; READ: ALW")
    table.records(
        "MF/EF.DIR",
        0x2F00,
        0x1E,
        RecordKind.LINEAR_VARIABLE,
        (0x14, 0x20),
        "APPEND00/UREC: CMS*; RREC/SREC: ALW",
        total=0xC8,
    )
    table.transparent("MF/EF.GDO", 0x2F02, 0x02, 0x0C, "READ: ALW")
    table.records("MF/EF.Version", 0x2F10, 0x10, RecordKind.LINEAR_FIXED, (4, 5), "RREC/SREC: ALW; UREC: CMS*")
    table.transparent("MF/EF.Version2", 0x2F11, 0x11, 0x3C, "READ: ALW; UPD: CMS*; SETEOF: CMS")


def _root_security(table: Table) -> None:
    table.password("MF/PIN.CH", PIN_CH, (6, 8), _EVERY_PIN_COMMAND)
    table.multi_reference("MF/MRPIN.home", MRPIN_HOME, "MF/PIN.CH", _EVERY_PIN_COMMAND)
    table.multi_reference("MF/MRPIN.NFD", MRPIN_NFD, "MF/PIN.CH", _SWITCHABLE_PIN, enabled=False)
    table.multi_reference("MF/MRPIN.DPE", MRPIN_DPE, "MF/PIN.CH", _SWITCHABLE_PIN, enabled=False)
    table.multi_reference("MF/MRPIN.GDD", MRPIN_GDD, "MF/PIN.CH", _SWITCHABLE_PIN)
    table.multi_reference("MF/MRPIN.NFD_READ", MRPIN_NFD_READ, "MF/PIN.CH", _EVERY_PIN_COMMAND)
    table.multi_reference("MF/MRPIN.OSE", MRPIN_OSE, "MF/PIN.CH", _EVERY_PIN_COMMAND)
    table.multi_reference("MF/MRPIN.AMTS", MRPIN_AMTS, "MF/PIN.CH", _SWITCHABLE_PIN)
    table.password(
        "MF/PIN.AMTS_REP", PIN_AMTS_REP, (6, 8), "CHANGE01/RESET02: P(01); STATUS00/VERIFY00: ALW", puk_uses=0
    )
    table.symmetric_key("MF/SK.CMS.AES128", 0x13, 16)
    table.symmetric_key("MF/SK.CMS.AES256", 0x18, 32)
    table.symmetric_key("MF/SK.VSD.AES128", 0x12, 16)
    table.symmetric_key("MF/SK.VSD.AES256", 0x19, 32)
    table.connection_key("MF/SK.CAN", 0x02)
    table.private_key(
        "MF/PrK.eGK.AUT_CVC.E256",
        KEY_AUT_CVC,
        "elcAsynchronAdmin,elcRoleAuthentication,elcSessionkey4SM",
        "GENAUTH/INTAUTH00: ALW",
    )
    table.trust_anchor("MF/PuK.RCA.CS.E256")
    table.trust_anchor("MF/PuK.RCA.ADMINCMS.CS.E256")


def _health_care(table: Table) -> None:
    root = "MF/DF.HCA"
    table.folder(root, AID_HCA.hex(), _LOAD, deactivated="ACT00/DEACT00: CMS")
    table.records(
        f"{root}/EF.Einwilligung",
        0xD005,
        0x05,
        RecordKind.LINEAR_FIXED,
        (0x0A, 0x45),
        "ACTREC/DEACTREC: P(02) or [P(01)+TI(b24)]; RREC/SREC: P(02) or [P(01)+TI(b25)]; UREC: [P(01)+TI(b27)]; "
        "EREC/DELREC: [P(01)+TI(b25)]",
        life_cycle=True,
    )
    table.transparent(
        f"{root}/EF.GVD",
        0xD003,
        SFID_GVD,
        0x0258,
        "READ: P(02) or [P(01)+TI(b29)] or TI(b30) or [VSD+RE]; ERASE/SETEOF: VSD; UPD/WRITE: VSD*",
    )
    table.records(
        f"{root}/EF.Logging",
        0xD006,
        SFID_LOGGING,
        RecordKind.CYCLIC,
        (0x32, LOGGING_RECORD_SIZE),
        "APPEND00: TI(b32); RREC/SREC: P(02) or [P(01)+TI(b33)]",
    )
    insurance = "READ: ALW; ERASE/SETEOF: VSD; UPD/WRITE: VSD*"
    table.transparent(f"{root}/EF.PD", 0xD001, SFID_PD, 0x0352, insurance)
    table.transparent(f"{root}/EF.VD", 0xD002, SFID_VD, 0x04E2, insurance)
    table.transparent(f"{root}/EF.StatusVD", 0xD00C, SFID_STATUS_VD, 0x19, insurance)
    free = "READ/ERASE/SETEOF/UPD/WRITE: ALW"
    table.transparent(f"{root}/EF.Pruefungsnachweis", 0xD01C, SFID_PRUEFUNGSNACHWEIS, 0x012C, free)
    table.transparent(f"{root}/EF.Standalone", 0xDA0A, 0x0A, 0x0384, free)
    table.records(
        f"{root}/EF.Verweis",
        0xD009,
        0x09,
        RecordKind.LINEAR_FIXED,
        (0x0A, 0x14),
        "ACTREC/DEACTREC: P(02) or [P(01)+TI(b24)]; RREC/SREC/UREC: P(02) or [P(01)+TI(b28)]",
        life_cycle=True,
    )


def _volunteered(table: Table) -> None:
    """Emergency data, personal declarations, organ donation, data of further providers."""
    nfd, dpe, gdd, ose = (f"MF/DF.HCA/DF.{name}" for name in ("NFD", "DPE", "GDD", "OSE"))
    table.folder(nfd, AID_NFD.hex(), _LOAD, deactivated="ACT00/DEACT00: P(02) or [P(03)+TI(b14)] or [P(01)+TI(b33)]")
    writing = "ERASE/SETEOF/UPD/WRITE: [P(03)+TI(b15)] or [P(01)+TI(b15+b33)]"
    rules = f"READ: TI(b18) or [P(07)+TI(b17)] or [P(01)+TI(b17+b33)]; {writing}"
    table.transparent(f"{nfd}/EF.NFD", 0xD010, 0x10, 0x2F2B, rules)
    table.transparent(f"{nfd}/EF.StatusNFD", 0xD00E, 0x0E, 0x19, rules)

    table.folder(dpe, AID_DPE.hex(), _LOAD, deactivated="ACT00/DEACT00: P(02) or [P(01)+TI(b33)] or [P(04)+TI(b19)]")
    rules = "READ: [P(01)+TI(b33)] or TI(b23) or P(02); ERASE/SETEOF/UPD/WRITE: [P(01)+TI(b33)] or [P(04)+TI(b20)]"
    table.transparent(f"{dpe}/EF.DPE", 0xD01B, 0x1B, 0x06BD, rules)
    table.transparent(f"{dpe}/EF.StatusDPE", 0xD018, 0x18, 0x19, rules)

    table.folder(gdd, AID_GDD.hex(), _LOAD, deactivated="ACT00/DEACT00: P(02) or [P(01)+TI(b33)] or [P(05)+TI(b39)]")
    rules = "APPEND00/EREC/DELREC/RREC/SREC/UREC: P(02) or [P(05)+TI(b40)] or [P(01)+TI(b33)]"
    shape = (0x14, 0x3C)
    variable = RecordKind.LINEAR_VARIABLE
    table.records(f"{gdd}/EF.EinwilligungGDD", 0xD013, 0x13, variable, shape, rules, total=0x0258)
    table.records(f"{gdd}/EF.VerweiseGDD", 0xD01A, 0x1A, variable, shape, rules, total=0x04B0)

    table.folder(ose, AID_OSE.hex(), _LOAD, deactivated="ACT00/DEACT00: P(02) or [P(09)+TI(b44)] or [P(01)+TI(b33)]")
    rules = (
        "READ: TI(b42) or [P(01)+TI(b33)] or [P(09)+TI(b41)] or P(02); "
        "ERASE/SETEOF/UPD/WRITE: [P(01)+TI(b33)] or [P(09)+TI(b43)]"
    )
    table.transparent(f"{ose}/EF.OSE", 0xE001, 0x01, 0x1B58, rules)
    table.transparent(f"{ose}/EF.StatusOSE", 0xE002, 0x02, 0x19, rules)


def _medication(table: Table) -> None:
    amts = "MF/DF.HCA/DF.AMTS"
    table.folder(amts, AID_AMTS.hex(), _LOAD, deactivated="ACT00/DEACT00: [P(01)+TI(b33)] or [P(0c)+TI(b45)] or P(02)")
    reading = "[P(0c)+TI(b46)] or [P(0d)+TI(b46)] or [P(01)+TI(b33+b46)]"
    writing = "[P(0c)+TI(b47)] or [P(0d)+TI(b47)] or [P(01)+TI(b33+b47)]"
    plan = f"READ: {reading}; ERASE/SETEOF/UPD/WRITE: {writing}"
    table.transparent(f"{amts}/EF.AMTS", 0xE005, 0x05, 0x35C7, plan)
    table.records(
        f"{amts}/EF.VerweiseAMTS",
        0xE006,
        0x06,
        RecordKind.LINEAR_VARIABLE,
        (0x05, 0x78),
        f"RREC/SREC: P(02) or {reading}; APPEND00/EREC/DELREC/UREC: [P(0c)+TI(b47)] or [P(01)+TI(b33+b47)]",
        total=0x0258,
    )
    table.transparent(f"{amts}/EF.StatusAMTS", 0xE007, 0x07, 0x19, f"READ: {reading}; UPD: {writing}")
    table.private_key(
        f"{amts}/PrK.AMTS.ENC.E256",
        0x08,
        "elcSharedSecretCalculation",
        f"DEC/TRANSC: {reading}; "
        "GENKEY81: [P(0c)+TI(b46/b47)] or [P(0d)+TI(b46/b47)] or [P(01)+TI(b46/b47)+TI(b33)]; "
        "GENKEYc0: [P(0c)+TI(b47)] or [P(01)+TI(b33+b47)]",
    )


def _esign(table: Table) -> None:
    table.folder("MF/DF.ESIGN", AID_ESIGN.hex(), _LOAD)
    pseudonym_certificate = f"{_CERTIFICATE}P(02) or [P(01)+TI(b8)] or TI(b9) or [CMS+RE]"
    prescription_certificate = f"{_CERTIFICATE}P(02) or [P(01)+TI(b10)] or TI(b11) or [CMS+RE]"
    for name, fid, sfid, rules in (
        ("AUT.R2048", 0xC500, SFID_C_AUT_R2048, f"{_CERTIFICATE}ALW"),
        ("AUTN.R2048", 0xC509, SFID_C_AUTN_R2048, pseudonym_certificate),
        ("ENC.R2048", 0xC200, SFID_C_ENC_R2048, _ENC_CERTIFICATE),
        ("ENCV.R2048", 0xC50A, SFID_C_ENCV_R2048, prescription_certificate),
        ("AUT.E256", 0xC504, SFID_C_AUT_E256, f"{_CERTIFICATE}ALW"),
        ("AUTN.E256", 0xC50B, SFID_C_AUTN_E256, pseudonym_certificate),
        ("ENC.E256", 0xC205, SFID_C_ENC_E256, _ENC_CERTIFICATE),
        ("ENCV.E256", 0xC50C, SFID_C_ENCV_E256, prescription_certificate),
    ):
        table.transparent(f"MF/DF.ESIGN/EF.C.CH.{name}", fid, sfid, 0x076C, rules)
    signing, deciphering = "signECDSA", "elcSharedSecretCalculation"
    client = "rsaClientAuthentication,signPSS"
    client_v15 = "rsaClientAuthentication,signPKCS1_V1_5,signPSS"
    rsa, elc = KeyType.RSA_2048, KeyType.P256R1
    for name, number, algorithms, rules, key_type in (
        ("AUT.R2048", 0x02, client_v15, "INTAUTH00/CDS: P(02) or [P(01)+TI(b12)]", rsa),
        ("AUTN.R2048", 0x06, client, "INTAUTH00/CDS: P(02) or [P(01)+TI(b8)] or TI(b9)", rsa),
        ("ENC.R2048", 0x03, "rsaDecipherOaep", "DEC/TRANSC: P(02) or [P(01)+TI(b13)]", rsa),
        ("ENCV.R2048", 0x07, "rsaDecipherOaep", "DEC/TRANSC: P(02) or [P(01)+TI(b10)] or TI(b11)", rsa),
        ("AUT.E256", 0x04, signing, "CDS: P(02) or [P(01)+TI(b12)]", elc),
        ("AUTN.E256", 0x0B, signing, "CDS: P(02) or [P(01)+TI(b8)] or TI(b9)", elc),
        ("ENC.E256", 0x05, deciphering, "DEC/TRANSC: P(02) or [P(01)+TI(b13)]", elc),
        ("ENCV.E256", 0x0C, deciphering, "DEC/TRANSC: P(02) or [P(01)+TI(b10)] or TI(b11)", elc),
    ):
        table.private_key(f"MF/DF.ESIGN/PrK.CH.{name}", number, algorithms, rules, key_type)
