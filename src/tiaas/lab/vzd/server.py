"""The directory's door: TLS with C.ZD.TLS-S in front of `slapd`, where the lab's faults strike and its journal is kept.

Messages pass one by one, in both directions; a search is entered in the journal when it is done, with its filter as
subject. A fault's `code` is an LDAP result code in place of the search, `drop` ends the connection, `delay` comes first
and holds up what follows on the same connection.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.ldap_filter import filter_text
from tiaas.interfaces.ldap_v3 import (
    BadLdap,
    FrameReader,
    Message,
    Operation,
    Result,
    decode_message_untrusted,
    decode_result_untrusted,
    decode_search_untrusted,
)
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.journal import Journal

_MOST = 8 * 1024 * 1024
_CHUNK = 64 * 1024

Write = Callable[..., Any]


class VzdServer:
    """Serves `socket` (of slapd) with TLS."""

    def __init__(self, socket: Path, faults: FaultBook, journal: Journal) -> None:
        self._socket = socket
        self._faults = faults
        self._journal = journal
        self._server: asyncio.Server | None = None
        self._visits: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, context: ssl.SSLContext) -> None:
        """Listens. Raises `OSError`."""
        self._server = await asyncio.start_server(self._enter, host, port, ssl=context)

    async def stop(self) -> None:
        """Ends all connections."""
        if self._server is not None:
            self._server.close()
        for visit in tuple(self._visits):
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        directory: asyncio.StreamWriter | None = None
        try:
            answers, directory = await asyncio.open_unix_connection(self._socket)
            dialogue = _Dialogue(self._faults, self._journal, writer, directory)
            pumps = (
                asyncio.create_task(dialogue.ask(reader)),
                asyncio.create_task(dialogue.answer(answers)),
            )
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            if directory is not None:
                directory.close()
            writer.transport.abort()


@dataclass(slots=True)
class _Search:
    write: Write
    subject: str
    found: int = 0
    fault: int | None = None


@dataclass(slots=True)
class _Dialogue:
    """One connection."""

    faults: FaultBook
    journal: Journal
    client: asyncio.StreamWriter
    directory: asyncio.StreamWriter
    _searches: dict[int, _Search] = field(default_factory=dict)

    async def ask(self, reader: asyncio.StreamReader) -> None:
        """From the client to slapd, until either ends."""
        frames = FrameReader(_MOST)
        with suppress(BadLdap, OSError):
            while data := await reader.read(_CHUNK):
                for frame in frames.feed_untrusted(data):
                    if not await self._pass(frame):
                        return
                await self.directory.drain()

    async def answer(self, reader: asyncio.StreamReader) -> None:
        """From slapd to the client."""
        frames = FrameReader(_MOST)
        with suppress(BadLdap, OSError):
            while data := await reader.read(_CHUNK):
                for frame in frames.feed_untrusted(data):
                    self._note(decode_message_untrusted(frame))
                    self.client.write(frame)
                await self.client.drain()

    async def _pass(self, frame: bytes) -> bool:
        """False ends the connection. Raises `BadLdap`."""
        message = decode_message_untrusted(frame)
        if message.operation != Operation.SEARCH_REQUEST:
            self.directory.write(frame)
            return True
        subject = filter_text(decode_search_untrusted(message.body).filter)
        search = _Search(self.journal.begin(Service.VZD), subject)
        fault = self.faults.take(Service.VZD, subject)
        if fault is not None:
            search.fault = fault.number
            await asyncio.sleep(fault.delay)
            if fault.drop:
                search.write("search", subject, "no answer", fault.number)
                return False
            if fault.code is not None:
                self._refuse(message, search, int(fault.code))
                return True
        self._searches[message.number] = search
        self.directory.write(frame)
        return True

    def _refuse(self, message: Message, search: _Search, code: int) -> None:
        result = Result(code, diagnostic="demanded by a fault of the lab")
        self.client.write(Message(message.number, Operation.SEARCH_DONE, result.encode()).encode())
        search.write("search", search.subject, f"result {code}", search.fault)

    def _note(self, message: Message) -> None:
        search = self._searches.get(message.number)
        if search is None:
            return
        if message.operation == Operation.SEARCH_ENTRY:
            search.found += 1
        elif message.operation == Operation.SEARCH_DONE:
            del self._searches[message.number]
            code = decode_result_untrusted(message.body).code
            search.write("search", search.subject, f"result {code}, {search.found} entries", search.fault)
