"""Fetches a trust list if it is another one than the one held (TUC_PKI_016, 019 variant 1b, 036; A_17572, A_17781).

The hash file comes first; if it cannot be had, the list is fetched all the same. Each address is tried four times.
"""

import re
from collections.abc import Sequence

from tiaas.konnektor.config import BadInstanceConfig
from tiaas.konnektor.tslimport import ListRefused
from tiaas.konnektor.web import NoAnswer, WebClient, WebRequest, split_http_url
from tiaas.pki.codes import PkiCode
from tiaas.pki.tslreader import LIMITS

_TRIES = 4
_SECONDS = 30.0
_HASH_OCTETS = 1024
_HASH = re.compile(rb"[0-9a-fA-F]{64}")
_SUFFIX, _HASH_SUFFIX = ".xml", ".sha2"


async def fetch_other(web: WebClient, addresses: Sequence[str], held_hash: str | None) -> bytes | None:
    """The list at the first address that answers, or None if its hash is `held_hash` (SHA-256, hexadecimal).

    Raises `ListRefused` TSL_DOWNLOAD_ERROR if no address answers.
    """
    if held_hash is not None and await _published_hash(web, addresses) == held_hash:
        return None
    reason = "no address"
    for address in addresses:
        for _ in range(_TRIES):
            try:
                return await _get(web, address, LIMITS.octets)
            except NoAnswer as error:
                reason = str(error)
    raise ListRefused(PkiCode.TSL_DOWNLOAD_ERROR, reason)


async def _published_hash(web: WebClient, addresses: Sequence[str]) -> str | None:
    """The hash at the first address that has one, or None."""
    for address in addresses:
        for _ in range(_TRIES):
            try:
                content = await _get(web, address.removesuffix(_SUFFIX) + _HASH_SUFFIX, _HASH_OCTETS)
            except NoAnswer:
                continue
            found = _HASH.match(content.strip())
            return None if found is None else found.group().decode().lower()
    return None


async def _get(web: WebClient, url: str, most: int) -> bytes:
    try:
        origin, path = split_http_url(url)
    except BadInstanceConfig as error:
        raise NoAnswer(str(error)) from None
    answer = await web.fetch(WebRequest("GET", origin, path, origin.authority), _SECONDS, most)
    if answer.status != 200:
        raise NoAnswer(f"HTTP status {answer.status}")
    return answer.body
