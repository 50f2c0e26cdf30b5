"""Entries of VSDM in EF.Logging of the eGK (VSDM-A_2586, 2587, 3067; 2654), by TUC_KON_006 (`basis.accesslog`)."""

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.basis.accesslog import NO_ACTOR, AccessLog
from tiaas.konnektor.basis.cardfiles import CardFiles
from tiaas.konnektor.basis.refusal import CardRefusal
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError


@dataclass(frozen=True, slots=True)
class LogLetters:
    """Data type and access types of VSDM in EF.Logging (record octets 4 and 5). The official letters are not public.

    `access` is for reading protected data, `update` for data written by VSDD or CMS, `receipt` for a Prüfungsnachweis.
    """

    data_type: str = "1"
    access: str = "R"
    update: str = "A"
    receipt: str = "P"

    def __post_init__(self) -> None:
        if any(len(letter.encode("utf-8")) != 1 for letter in (self.data_type, self.access, self.update, self.receipt)):
            raise ValueError("data type and access type are one octet each")


class VsdmLog:
    """Writes the entries of one instance."""

    def __init__(self, log: AccessLog, letters: LogLetters) -> None:
        self._log = log
        self.letters = letters

    async def write(self, files: CardFiles, hpc: Card, access: str) -> None:
        """One entry; raises 108: without it the data are not given out (VSDM-A_2654). 109: nobody to name in it."""
        try:
            await self._log.write(files, hpc, self.letters.data_type + access)
        except CardRefusal as refusal:
            raise KonnektorError(108, causes=(refusal,)) from refusal
        except KonnektorError as error:
            raise _nobody(error) from error

    async def prepare(self, hpc: Card) -> None:
        """Reads who the holder is before somebody waits for it. Raises 109."""
        try:
            await self._log.actor(hpc)
        except KonnektorError as error:
            raise _nobody(error) from error


def _nobody(error: KonnektorError) -> KonnektorError:
    return KonnektorError(109, causes=(error,)) if error.code == NO_ACTOR else error
