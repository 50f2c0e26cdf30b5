"""Object system of the gSMC-KT G2.1, the card in a card terminal (gemSpec_gSMC-KT_ObjSys_G2_1).

The full specification was not at hand: identifiers of DF.KT, its certificates and keys and of the remote PIN key are
sourced (sicct_cards 9.4), sizes and the file identifier of the remote PIN certificate are ours.
"""

from functools import cache
from typing import Final

from tiaas.card.objsys.addresses import AID_ROOT_SMC_KT
from tiaas.card.objsys.issued import ADM_NAMES, CERTIFICATE, ISSUED_LOAD, security_module_root
from tiaas.card.objsys.model import CardKind, KeyType, ObjectSystem
from tiaas.card.objsys.table import Table

AID_KT: Final = bytes.fromhex("D27600014400")

SFID_C_SMKT_AUT_R2048: Final = 0x01
SFID_C_SMKT_AUT2_E256: Final = 0x04
SFID_C_AUTD_RPS: Final = 0x0A

KEY_SMKT_AUT_R2048: Final = 0x02
KEY_SMKT_AUT2_E256: Final = 0x06
KEY_AUTD_RPS: Final = 0x0A


@cache
def object_system() -> ObjectSystem:
    """The objects of a gSMC-KT."""
    table = Table(CardKind.SMC_KT, ADM_NAMES)
    security_module_root(table, AID_ROOT_SMC_KT, directory=(0x07, 0x13, 0x5A))
    table.transparent("MF/EF.C.CA_SMC.CS.E256", 0x2F07, 0x07, 0xDC, "READ: ALW; UPD: ADM*")
    table.transparent("MF/EF.C.SMC.AUTD_RPS_CVC.E256", 0x2F0A, SFID_C_AUTD_RPS, 0xDE, "READ: ALW; UPD: ADM*")
    table.private_key("MF/PrK.SMC.AUTD_RPS_CVC.E256", KEY_AUTD_RPS, "elcSessionkey4SM,elcSessionkey4TC", "GENAUTH: ALW")
    table.folder("MF/DF.KT", AID_KT.hex(), ISSUED_LOAD)
    table.transparent("MF/DF.KT/EF.C.SMKT.AUT.R2048", 0xC501, SFID_C_SMKT_AUT_R2048, 0x0BB8, CERTIFICATE)
    table.transparent("MF/DF.KT/EF.C.SMKT.AUT2.E256", 0xC504, SFID_C_SMKT_AUT2_E256, 0x0BB8, CERTIFICATE)
    table.private_key(
        "MF/DF.KT/PrK.SMKT.AUT.R2048",
        KEY_SMKT_AUT_R2048,
        "rsaClientAuthentication,signPKCS1_V1_5,signPSS",
        "INTAUTH00/CDS: ALW",
        KeyType.RSA_2048,
    )
    table.private_key("MF/DF.KT/PrK.SMKT.AUT2.E256", KEY_SMKT_AUT2_E256, "signECDSA", "CDS: ALW")
    return table.build()
