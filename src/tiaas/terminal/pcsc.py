"""A PC/SC reader as a card slot, by pyscard (extra `pcsc`), which is imported when a reader is first asked for.

`PcscCard` offers what a terminal's slot needs (`terminal/virtual/config.SlotCard`), `PcscLink` the same card as a
`CardLink`; `ReaderWatch` tells when cards come and go. All of it blocks and belongs into worker threads, one call at
a time on a card; `PcscLink` and `ReaderWatch` see to that.

A reader that is pulled is a card that is gone. A card that another program has reset is gone too: its security state
is lost, and whoever relied on it must begin anew with `reset`.
"""

import asyncio
import importlib
import sys
from collections.abc import AsyncGenerator
from enum import Enum, unique
from typing import Any, Final

from tiaas.base.errors import TiaasError
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.link import CardGone, CardLinkError, CardTimeout
from tiaas.card.objsys.model import Interface

_WATCH_MILLISECONDS: Final = 500
_NOTICED_MILLISECONDS: Final = 1000
_DONE: Final = 0
_SHORTEST: Final = 2


class PcscError(TiaasError):
    """PC/SC cannot be used, or has no such reader; says what to do."""


class ReaderGone(PcscError):
    """The reader was pulled, or its service ended."""


@unique
class SlotChange(Enum):
    """What happened at a reader."""

    INSERTED = "inserted"
    REMOVED = "removed"


def readers() -> tuple[str, ...]:
    """The names of all readers. Raises `PcscError`."""
    scard = _scard()
    context = _context(scard)
    try:
        result, names = scard.SCardListReaders(context, [])
    finally:
        scard.SCardReleaseContext(context)
    # Without a reader some services answer with an error, some with an empty list.
    return tuple(names) if result == _DONE else ()


def find_reader(wanted: str | None) -> str:
    """The reader whose name is or contains `wanted`; None: the only one there is. Raises `PcscError`."""
    there = readers()
    found = [name for name in there if wanted is None or wanted == name] or [
        name for name in there if wanted is not None and wanted in name
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(there) or "none"
    if not found:
        raise PcscError(f"no such reader; there are: {names}")
    raise PcscError(f"several readers fit; name one of: {names}")


class PcscCard:
    """The card in a reader, as a slot's card. Connects when it is first reset or used."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self._scard = _scard()
        self._context = _context(self._scard)
        self._card: Any = None
        self._protocol = 0
        self._atr = b""

    @property
    def atr(self) -> bytes:
        """Answer to reset, as the reader tells it. Raises `CardLinkError`."""
        return self._atr or self.reset()

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        """Cold reset; the ATR. What kind of reader it is decides the interface. Raises `CardLinkError`."""
        scard = self._scard
        if self._card is not None:
            both = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
            result, protocol = scard.SCardReconnect(
                self._card, scard.SCARD_SHARE_EXCLUSIVE, both, scard.SCARD_UNPOWER_CARD
            )
            if result == _DONE:
                self._protocol = protocol
                return self._read_atr()
            self._disconnect()
        self._connect()
        return self._read_atr()

    def process(self, raw: bytes) -> bytes:
        """One APDU. Raises `CardGone`, `CardTimeout`, `CardLinkError`."""
        if self._card is None:
            raise CardGone("the card is not connected")
        pci = self._scard.SCARD_PCI_T0 if self._protocol == self._scard.SCARD_PROTOCOL_T0 else self._scard.SCARD_PCI_T1
        result, answer = self._scard.SCardTransmit(self._card, pci, list(raw))
        if result == _DONE and len(answer) >= _SHORTEST:
            return bytes(octet & 0xFF for octet in answer)
        error = CardLinkError("no status in the answer") if result == _DONE else self._error(result)
        # A card that is pulled in the middle of a command is told of as one that failed, or that answered nothing.
        if type(error) is CardLinkError and not self._is_in():
            error = CardGone("the card was pulled")
        self._disconnect()
        raise error

    def close(self) -> None:
        """Switches the card off and leaves the service."""
        self._disconnect()
        self._scard.SCardReleaseContext(self._context)

    def _connect(self) -> None:
        scard = self._scard
        both = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, card, protocol = scard.SCardConnect(self._context, self.reader, scard.SCARD_SHARE_EXCLUSIVE, both)
        if result != _DONE:
            raise self._error(result)
        self._card, self._protocol = card, protocol

    def _read_atr(self) -> bytes:
        result, _, _, _, atr = self._scard.SCardStatus(self._card)
        if result != _DONE:
            self._disconnect()
            raise self._error(result)
        self._atr = bytes(octet & 0xFF for octet in atr)
        return self._atr

    def _is_in(self) -> bool:
        """Whether the reader has a card, as far as it can tell; some look for it a few times in a second only."""
        scard, state = self._scard, self._scard.SCARD_STATE_UNAWARE
        for wait in (0, _NOTICED_MILLISECONDS):
            result, states = scard.SCardGetStatusChange(self._context, wait, [(self.reader, state)])
            if result != _DONE:
                break
            state = states[0][1] & ~scard.SCARD_STATE_CHANGED
            if not state & scard.SCARD_STATE_PRESENT:
                return False
        return True

    def _disconnect(self) -> None:
        if self._card is not None:
            self._scard.SCardDisconnect(self._card, self._scard.SCARD_UNPOWER_CARD)
            self._card = None
            self._atr = b""

    def _error(self, result: int) -> CardLinkError:
        text = self._scard.SCardGetErrorMessage(result)
        if result in _gone(self._scard):
            return CardGone(text)
        if result in (self._scard.SCARD_W_UNRESPONSIVE_CARD, self._scard.SCARD_W_UNPOWERED_CARD):
            return CardTimeout(text)
        return CardLinkError(text)


class PcscLink:
    """The card in a reader as `CardLink`."""

    def __init__(self, card: PcscCard) -> None:
        self._card = card
        self._turn = asyncio.Lock()

    async def reset(self) -> bytes:
        """Cold reset; the ATR. Raises `CardLinkError`."""
        async with self._turn:
            return await asyncio.to_thread(self._card.reset)

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """See `CardLink.transmit`."""
        async with self._turn:
            raw = await asyncio.to_thread(self._card.process, command.encode())
        try:
            return decode_response_untrusted(raw)
        except BadApdu as error:
            raise CardLinkError(str(error)) from None


class ReaderWatch:
    """Tells what happens at one reader. Iterating ends with `ReaderGone`."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self._scard = _scard()

    async def changes(self) -> AsyncGenerator[SlotChange, None]:
        """INSERTED at once if a card is in already, then every change; close it after use. Raises `ReaderGone`."""
        context = _context(self._scard)
        state, present, count = self._scard.SCARD_STATE_UNAWARE, False, None
        try:
            while True:
                known = await asyncio.to_thread(self._wait, context, state)
                if known is None:
                    continue
                state = known & ~self._scard.SCARD_STATE_CHANGED
                # The upper half counts events (pcsc-lite): a card exchanged between two looks shows there only.
                now, counted = bool(state & self._scard.SCARD_STATE_PRESENT), state >> 16
                if present and (not now or (count is not None and counted != count)):
                    yield SlotChange.REMOVED
                if now and (not present or (count is not None and counted != count)):
                    yield SlotChange.INSERTED
                present, count = now, counted
        finally:
            self._scard.SCardReleaseContext(context)

    def _wait(self, context: Any, state: int) -> int | None:
        """The new state of the reader, None if nothing happened for a while. Raises `ReaderGone`."""
        result, states = self._scard.SCardGetStatusChange(context, _WATCH_MILLISECONDS, [(self.reader, state)])
        if result == self._scard.SCARD_E_TIMEOUT:
            return None
        if result != _DONE:
            raise ReaderGone(self._scard.SCardGetErrorMessage(result))
        _, found, _ = states[0]
        if found & (self._scard.SCARD_STATE_UNKNOWN | self._scard.SCARD_STATE_UNAVAILABLE):
            raise ReaderGone(f"{self.reader} was pulled")
        return int(found)


def _gone(scard: Any) -> tuple[int, ...]:
    return (
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_W_RESET_CARD,
        scard.SCARD_E_NO_SMARTCARD,
        scard.SCARD_E_READER_UNAVAILABLE,
        scard.SCARD_E_UNKNOWN_READER,
        scard.SCARD_E_NO_SERVICE,
        scard.SCARD_E_SERVICE_STOPPED,
        scard.SCARD_E_INVALID_HANDLE,
    )


def _scard() -> Any:
    """pyscard's flat interface. Raises `PcscError` without pyscard."""
    try:
        return importlib.import_module("smartcard.scard")
    except ImportError as error:
        raise PcscError(
            f"PC/SC needs pyscard: {sys.executable} -m pip install pyscard "
            f"(built with swig and libpcsclite-dev): {error}"
        ) from None


def _context(scard: Any) -> Any:
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result != _DONE:
        raise PcscError(f"the PC/SC service does not answer; is pcscd running? ({scard.SCardGetErrorMessage(result)})")
    return context
