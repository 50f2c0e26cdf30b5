"""Object system of an HBA-Vorläuferkarte (HBA-qSig), as far as it is known: a card of before generation 2.

gemSpec_Kon V5.18 names its files and keys (TAB_KON_747, 858, 859, 900: EF.C.HP.AUT, EF.C.HP.ENC, EF.C.HP.QES, RSA
only) and says that it has no CV certificates. The specification it follows (Spezifikation des elektronischen
Heilberufsausweises V2.3.2, [HPC-P2]) was not at hand: application identifiers, file identifiers, references of keys and
PINs are those that the HBA of generation 2 kept for its RSA objects. Without card verifiable keys there is no secure
channel to it, so no security environment 2; a PIN entry pays for one signature.
"""

from functools import cache
from typing import Final

from tiaas.card.objsys.addresses import AID_ESIGN, AID_ROOT_HBA, FID_MF
from tiaas.card.objsys.hba import AID_HPA, AID_QES, PIN_CH, SFID_C_AUT_R2048, SFID_C_ENC_R2048, SFID_C_QES_R2048
from tiaas.card.objsys.model import CardKind, KeyType, ObjectSystem, RecordKind, TransportStatus
from tiaas.card.objsys.table import Table

_CERTIFICATE_SIZE: Final = 0x076C


@cache
def object_system() -> ObjectSystem:
    """The objects of an HBA-Vorläuferkarte."""
    table = Table(CardKind.HBA_QSIG, {})
    _root(table)
    table.folder("MF/DF.HPA", AID_HPA.hex())
    table.transparent("MF/DF.HPA/EF.HPD", 0xD001, 0x01, 0x0800, "READ: ALW; ERASE/SETEOF/UPD/WRITE: P(01)")
    _qes(table)
    _esign(table)
    return table.build()


def _root(table: Table) -> None:
    table.folder("MF", AID_ROOT_HBA.hex(), fid=FID_MF)
    table.transparent("MF/EF.ATR", 0x2F01, 0x1D, 0x86, "READ: ALW")
    table.records("MF/EF.DIR", 0x2F00, 0x1E, RecordKind.LINEAR_VARIABLE, (0x0A, 0x20), "RREC/SREC: ALW", total=0xBE)
    table.transparent("MF/EF.GDO", 0x2F02, 0x02, 0x0C, "READ: ALW")
    pin = "CHANGE00/STATUS00/RESET00/RESET01/VERIFY00: ALW"
    table.password("MF/PIN.CH", PIN_CH, (6, 8), pin, TransportStatus.TRANSPORT_PIN)


def _qes(table: Table) -> None:
    table.folder("MF/DF.QES", AID_QES.hex())
    table.transparent("MF/DF.QES/EF.C.HP.QES", 0xC000, SFID_C_QES_R2048, _CERTIFICATE_SIZE, "READ: ALW")
    pin = "CHANGE00/STATUS00/RESET01/VERIFY00: ALW"
    table.password("MF/DF.QES/PIN.QES", 0x01, (6, 8), pin, TransportStatus.TRANSPORT_PIN, stack={1: 1})
    table.private_key("MF/DF.QES/PrK.HP.QES", 0x04, "signPSS", "CDS: P(81)", KeyType.RSA_2048)


def _esign(table: Table) -> None:
    table.folder("MF/DF.ESIGN", AID_ESIGN.hex())
    for name, fid, sfid in (("AUT", 0xC500, SFID_C_AUT_R2048), ("ENC", 0xC200, SFID_C_ENC_R2048)):
        table.transparent(f"MF/DF.ESIGN/EF.C.HP.{name}", fid, sfid, _CERTIFICATE_SIZE, "READ: ALW")
    client = "rsaClientAuthentication,signPKCS1_V1_5,signPSS"
    table.private_key("MF/DF.ESIGN/PrK.HP.AUT", 0x02, client, "INTAUTH00/CDS: P(01)", KeyType.RSA_2048)
    table.private_key("MF/DF.ESIGN/PrK.HP.ENC", 0x03, "rsaDecipherOaep", "DEC/TRANSC: P(01)", KeyType.RSA_2048)
