"""Somebody between Konnektor and terminal who holds the terminal's identity: passes messages on, and lies on demand."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.integration.konnektor_core.surgery import CT, MAC, Surgery, caller, context
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, VerifyPin
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.terminallist import TerminalConfig
from tiaas.terminal.front import Front, Owner
from tiaas.terminal.personwaits import PersonWaits
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.sicct.envelope import SIZE, Envelope, decode_envelope_untrusted
from tiaas.terminal.tls import client_context, server_context
from tiaas.terminal.virtual.terminal import VirtualTerminal

NEIGHBOUR = "CT-0002"
Mangle = Callable[[Envelope, bytes], list[bytes]]


def whole(head: Envelope, payload: bytes) -> list[bytes]:
    """The truth."""
    return [head.encode() + payload]


def message(kind: int, unit: int, sequence: int, payload: bytes) -> bytes:
    """A message of one's own making."""
    return Envelope(kind, unit, sequence, len(payload)).encode() + payload


class Between:
    """See module. `mangle` turns each message of the terminal into what the Konnektor gets."""

    def __init__(self, identity: tuple[Path, Path], ca: Path, konnektor: tuple[Path, Path]) -> None:
        self.mangle: Mangle = whole
        self.is_deaf = False
        self.port = 0
        self.connections = 0
        self._server_context = server_context(*identity, ca)
        self._client_context = client_context(*konnektor, "any")
        self._terminal: VirtualTerminal | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._to_konnektor: asyncio.StreamWriter | None = None

    async def start(self, terminal: VirtualTerminal) -> None:
        """Listens for the Konnektor in front of `terminal`."""
        self._terminal = terminal
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._server_context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends."""
        assert self._server is not None
        self._server.close()
        self.drop()
        await self._server.wait_closed()
        while self._writers:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def drop(self) -> None:
        """Both connections break."""
        for writer in self._writers:
            writer.transport.abort()

    async def say(self, octets: bytes) -> None:
        """Octets that no terminal sent."""
        writer = self._to_konnektor
        if writer is None:
            return
        with suppress(ConnectionError):
            writer.write(octets)
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._terminal is not None
        self.connections += 1
        try:
            back, forth = await asyncio.open_connection(
                self._terminal.host, self._terminal.port, ssl=self._client_context, server_hostname=""
            )
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, forth}
        self._writers |= ends
        self._to_konnektor = writer
        pumps = [asyncio.ensure_future(self._down(reader, forth)), asyncio.ensure_future(self._up(back, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= ends

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while octets := await reader.read(65536):
                if not self.is_deaf:
                    writer.write(octets)
                    await writer.drain()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = decode_envelope_untrusted(await reader.readexactly(SIZE))
                payload = await reader.readexactly(head.length)
                if self.is_deaf:
                    continue
                for octets in self.mangle(head, payload):
                    writer.write(octets)
                    await writer.drain()


class Impatient(TerminalSession):
    """Waits a second where a Konnektor waits ten or twenty."""

    def __init__(
        self, front: Front, owner: Owner, ct_id: str, *, wait: float = 1.0, persons: PersonWaits | None = None
    ) -> None:
        super().__init__(front, owner, ct_id, wait=wait, persons=persons)

    def card(self, slot: int, wait: float = 1.0) -> "object":  # type: ignore[override]
        return super().card(slot, min(wait, 1.0))


class Street(Surgery):
    """A practice whose terminal is reached through a `Between`, and a second terminal that is reached directly."""

    between: Between
    neighbour: VirtualTerminal

    async def open(self) -> None:
        await super().open()
        terminals = self.core.terminals
        identity = self.folder / "kt1.pem", self.folder / "kt1-key.pem"
        self.between = Between(identity, self.folder / "ca.pem", self.konnektor)
        await self.between.start(self.terminal)
        self.neighbour = self.make_terminal(serial=2)
        self.neighbour.insert(1, self.virtual(self.personaliser.egk(self.seed.patients[1])))
        await self.neighbour.start("127.0.0.1")
        await terminals.add(TerminalConfig(NEIGHBOUR, "kt-labor", MAC, "127.0.0.1", self.neighbour.port, 4))
        await terminals.pair(NEIGHBOUR, self.confirm)
        await terminals.settled(NEIGHBOUR)
        await terminals.add(replace(terminals.entry(CT).config, port=self.between.port))
        await self.usable()

    async def close(self) -> None:
        await self.shut()
        await self.between.stop()
        await self.neighbour.stop()
        await self.terminal.stop()
        await self.store.close()

    async def usable(self) -> None:
        """The first terminal is in use, with all its cards open and prepared."""
        await self.core.terminals.settled(CT, 10)
        await self.until(lambda: len([card for card in self.core.cards if card.ct_id == CT]) == 4)

    # ---- calls of a Primärsystem

    def handle(self, card_type: CardType) -> str:
        """The handle of a card in the first terminal."""
        return next(card.handle for card in self.core.cards if card.ct_id == CT and card.card_type is card_type)

    async def read(self, egk: str = "", smcb: str = "") -> None:
        """ReadVSD."""
        egk, smcb = egk or self.handle(CardType.EGK), smcb or self.handle(CardType.SMC_B)
        answer = await self.call(
            ReadVSD(
                ehc_handle=egk,
                hpc_handle=smcb,
                perform_online_check=False,
                read_online_receipt=False,
                context=context(),
            ),
            caller(),
        )
        assert answer.persoenliche_versichertendaten

    async def unlock(self) -> None:
        """VerifyPin of the SMC-B."""
        await self.call(VerifyPin(context=context(), card_handle=self.handle(CardType.SMC_B), pin_typ="PIN.SMC"))

    async def pin_status(self, card_type: CardType = CardType.HBA, handle: str = "") -> GetPinStatus:
        """GetPinStatus of HBA or SMC-B."""
        pin, user = ("PIN.CH", "U1") if card_type is CardType.HBA else ("PIN.SMC", None)
        handle = handle or self.handle(card_type)
        return await self.call(GetPinStatus(context=context(user=user), card_handle=handle, pin_typ=pin))  # type: ignore[no-any-return]

    async def neighbour_works(self, times: int = 1) -> None:
        """The other terminal and its card answer."""
        session = self.core.terminals.session(NEIGHBOUR)
        for _ in range(times):
            assert len(await session.slot_states()) == 4
        card = self.core.cards.at(NEIGHBOUR, 1)
        assert card is not None
        assert card.card_type is CardType.EGK
