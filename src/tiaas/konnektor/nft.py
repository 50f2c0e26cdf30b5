"""nft(8), which loads and lists tables of the kernel's packet filter."""

import re

from tiaas.base.errors import TiaasError
from tiaas.konnektor.systemprogram import PLACES, ProgramError, ProgramTimeout, SystemProgram

_SECONDS = 5.0
_COMPLAINT = re.compile(r"(?:/dev/stdin:(?P<line>\d+):\S+ )?.*?Error: (?P<what>.+)")


class NftError(TiaasError):
    """nft is not there, may not do what it was asked, or refuses; the message says which."""


class NftTimeout(NftError):
    """nft was ended because it took too long; what it was asked for may have been done all the same."""


class Nft:
    """Runs nft in the network namespace of this process. `places` is a search path."""

    def __init__(self, places: str = PLACES, seconds: float = _SECONDS) -> None:
        self._program = SystemProgram("nft", "nftables", places, seconds)

    async def run(self, *arguments: str, text: bytes = b"") -> bytes:
        """Standard output of `nft ARGUMENTS` with `text` on standard input. Raises `NftError`."""
        try:
            return await self._program.run(*arguments, text=text)
        except ProgramTimeout as error:
            raise NftTimeout(str(error)) from error
        except ProgramError as error:
            raise NftError(_told(error)) from error


def _told(error: ProgramError) -> str:
    """The first thing nft complains of, without the text that it quotes."""
    for line in error.complaint.decode("utf-8", "replace").splitlines():
        found = _COMPLAINT.match(line)
        if found is not None:
            where = f"line {found['line']}: " if found["line"] else ""
            return f"nft refuses: {where}{found['what'].strip()}"
    return str(error)
