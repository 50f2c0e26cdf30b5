"""What the object systems of HBA, SMC-B and gSMC-KT have in common: names of conditions, files of the root folder."""

from typing import Final

from tiaas.card.objsys.addresses import FID_MF
from tiaas.card.objsys.conditions import Condition, SmMacFlag, SmMacKey
from tiaas.card.objsys.model import RecordKind
from tiaas.card.objsys.notation import OID_FLAGS_CMS, any_of, flag_bits
from tiaas.card.objsys.table import Table

_CMS = (SmMacKey(0x14), SmMacKey(0x18), SmMacFlag(OID_FLAGS_CMS, flag_bits(8)))
_CUP = (SmMacKey(0x03), SmMacKey(0x04), SmMacFlag(OID_FLAGS_CMS, flag_bits(10)))
ADM_NAMES: Final[dict[str, Condition]] = {"CMS": any_of(*_CMS), "ADM": any_of(*_CMS, *_CUP)}

ISSUED_LOAD: Final = "LOAD: CMS*"
CERTIFICATE: Final = "DELETE/ERASE/SETEOF: ADM; WRITE: ADM*; READ: ALW"


def security_module_root(table: Table, aid: bytes, directory: tuple[int, int, int]) -> None:
    """Root folder with the files and keys each of the three has; `directory`: records, record size, all octets."""
    table.folder("MF", aid.hex(), f"FINGERPRINT: ALW; {ISSUED_LOAD}", fid=FID_MF)
    table.transparent("MF/EF.ATR", 0x2F01, 0x1D, 0x86, "READ/WRITE: ALW")
    table.transparent("MF/EF.CardAccess", 0x011C, 0x1C, 0x16, "READ: ALW")
    table.records(
        "MF/EF.DIR",
        0x2F00,
        0x1E,
        RecordKind.LINEAR_VARIABLE,
        directory[:2],
        "APPEND00/UREC: CMS*; RREC/SREC: ALW",
        total=directory[2],
    )
    table.transparent("MF/EF.GDO", 0x2F02, 0x02, 0x0C, "READ: ALW")
    table.transparent("MF/EF.Version2", 0x2F11, 0x11, 0x3C, "READ: ALW; UPD: CMS*; SETEOF: CMS")
    table.symmetric_key("MF/SK.CMS.AES128", 0x14, 16)
    table.symmetric_key("MF/SK.CMS.AES256", 0x18, 32)
    table.symmetric_key("MF/SK.CUP.AES128", 0x03, 16)
    table.symmetric_key("MF/SK.CUP.AES256", 0x04, 32)
    table.connection_key("MF/SK.CAN", 0x02)
    table.trust_anchor("MF/PuK.RCA.CS.E256")
    table.trust_anchor("MF/PuK.RCA.ADMINCMS.CS.E256")
