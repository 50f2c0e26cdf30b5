"""Reads trust lists, each once for all instances of a node.

A TSL of gematik's size takes more than half a second to read, and all instances of a node read the same one within a
day, or at once when the node starts. What is shared are values made of public octets, found by the digest of those
octets: an instance that names other octets gets another value, and none can change what another one holds.
"""

import asyncio
from hashlib import sha256

from tiaas.base.heavy import beside
from tiaas.konnektor.tslimport import ReadList, read_list

_KEPT = 8
"""The present and the next TSL and BNetzA-VL, of two environments."""


class ListReader:
    """Belongs to a node, or to one instance alone; all calls belong to one event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, ReadList] = {}
        self._reading: dict[str, asyncio.Task[ReadList]] = {}

    async def read(self, document: bytes) -> ReadList:
        """See `read_list`; a list that was read before, or is being read, is not read again. Raises `ListRefused`."""
        digest = sha256(document).hexdigest()
        known = self._kept.get(digest)
        if known is not None:
            self._keep(known)
            return known
        task = self._reading.get(digest)
        if task is None:
            task = self._reading[digest] = asyncio.create_task(beside(len(document), read_list, document))
            task.add_done_callback(lambda done: self._done(digest, done))
        # Whoever waits may be stopped; the others want the list all the same.
        return await asyncio.shield(task)

    def _done(self, digest: str, task: asyncio.Task[ReadList]) -> None:
        del self._reading[digest]
        if not task.cancelled() and task.exception() is None:
            self._keep(task.result())

    def _keep(self, read: ReadList) -> None:
        """The list used last comes last, and goes last."""
        self._kept.pop(read.digest, None)
        self._kept[read.digest] = read
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
