"""Fetches a trust list if it is another one than the one held (TUC_PKI_016, 019 variant 1b, 036; A_17572, A_17781).

The hash file comes first; if it cannot be had, the list is fetched all the same. Each address is tried four times, one
whose server is not the TSL service once.
"""

import re
from collections.abc import Callable, Sequence

from tiaas.konnektor.config import BadInstanceConfig
from tiaas.konnektor.tslimport import ListRefused
from tiaas.konnektor.tslservice import TslService, TslServiceRefused
from tiaas.konnektor.web import NoAnswer
from tiaas.pki.codes import PkiCode
from tiaas.pki.tslreader import LIMITS

_TRIES = 4
_HASH_OCTETS = 1024
_HASH = re.compile(rb"[0-9a-fA-F]{64}")

OnRefused = Callable[[TslServiceRefused], None]


async def fetch_other(
    service: TslService, addresses: Sequence[str], held_hash: str | None, on_refused: OnRefused
) -> bytes | None:
    """The list at the first address that answers, or None if its hash is `held_hash` (SHA-256, hexadecimal).

    `on_refused` hears of each server that did not prove who it is. Raises `ListRefused` TSL_DOWNLOAD_ERROR if no
    address answers.
    """
    if held_hash is not None and await _published_hash(service, addresses, on_refused) == held_hash:
        return None
    reason = "no address"
    for address in addresses:
        try:
            return await _get(service, address, LIMITS.octets, on_refused)
        except NoAnswer as error:
            reason = str(error)
    raise ListRefused(PkiCode.TSL_DOWNLOAD_ERROR, reason)


async def _published_hash(service: TslService, addresses: Sequence[str], on_refused: OnRefused) -> str | None:
    """The hash at the first address that has one, or None."""
    for address in addresses:
        try:
            content = await _get(service, service.hash_address(address), _HASH_OCTETS, on_refused)
        except (NoAnswer, BadInstanceConfig):
            continue
        found = _HASH.match(content.strip())
        return None if found is None else found.group().decode().lower()
    return None


async def _get(service: TslService, address: str, most: int, on_refused: OnRefused) -> bytes:
    last = NoAnswer("no address")
    for _ in range(_TRIES):
        try:
            return await service.get(address, most)
        except TslServiceRefused as refused:
            on_refused(refused)
            raise
        except NoAnswer as error:
            last = error
    raise last
