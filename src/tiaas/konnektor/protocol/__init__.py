"""The protocol service: the logs of one instance (gemSpec_Kon V5.18 §4.1.10; TUC_KON_271, TUC_KON_272).

Whoever must log calls `ProtocolService.write` or raises an event; what may stand in a log is decided here.
"""

from tiaas.konnektor.protocol.entry import Entry, Level, LogName, LogType
from tiaas.konnektor.protocol.medium import FolderMedium, Medium, MediumError, MemoryMedium
from tiaas.konnektor.protocol.query import Query
from tiaas.konnektor.protocol.refusals import Refusals
from tiaas.konnektor.protocol.service import ProtocolService
from tiaas.konnektor.protocol.settings import BadLogSettings, LogSettings

__all__ = [
    "BadLogSettings",
    "Entry",
    "FolderMedium",
    "Level",
    "LogName",
    "LogSettings",
    "LogType",
    "Medium",
    "MediumError",
    "MemoryMedium",
    "ProtocolService",
    "Query",
    "Refusals",
]
