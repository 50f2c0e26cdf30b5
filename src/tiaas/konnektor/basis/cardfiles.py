"""Files of a card: TUC_KON_202 "LeseDatei", 203 "SchreibeDatei", 204 "LöscheDateiInhalt" (gemSpec_Kon V5.18
TIP1-A_4573, 4574, 5476), and for files of records 209 "LeseRecord", 210 "SchreibeRecord", 211 "LöscheRecordInhalt",
214 "FügeHinzuRecord", 215 "SucheRecord" (4575, 4576, 5477, 4577, 4578).

Whether a right is there (4085) says the card: it knows the state of the channel better than a list of it.
"""

from collections.abc import Mapping
from typing import Final

from tiaas.card import commands
from tiaas.card.apdu import NE_EXTENDED_MAX, CommandApdu
from tiaas.card.fileparameters import FileParameters, decode_file_parameters_untrusted
from tiaas.card.status import StatusWord
from tiaas.konnektor import kvk
from tiaas.konnektor.basis.refusal import (
    CARD_FAULT,
    NO_FILE,
    NO_RECORD,
    NO_SPACE,
    NOT_ALLOWED,
    RECORD_TOO_LONG,
    CardRefusal,
    accepted,
)
from tiaas.konnektor.cardmap import CardFile
from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import Channel
from tiaas.konnektor.undisturbed import undisturbed
from tiaas.tlv import BadTlv

WRITE_SIZE: Final = 1024
"""Octets of one command. A G2.1 card takes commands of 1033 octets (gemSpec_COS V3.12.0), HBA and SMC-B no more."""
WRITE_SECONDS: Final = 20.0
_SHORT_OFFSET_MAX: Final = 0xFF

_NO_SPACE: Mapping[int, int] = {StatusWord.NO_MEMORY_OR_FULL: NO_SPACE, StatusWord.OFFSET_TOO_BIG: NO_SPACE}
_READ_RECORD: Mapping[int, int] = {StatusWord.RECORD_NOT_FOUND: NO_FILE}
_OF_A_RECORD: Mapping[int, int] = {StatusWord.RECORD_NOT_FOUND: NO_RECORD}
_WRITE_RECORD: Mapping[int, int] = {**_OF_A_RECORD, StatusWord.NO_MEMORY_OR_FULL: RECORD_TOO_LONG}


class CardFiles:
    """The files of one card on a channel that the caller has for itself; `holder` is his lock on the card.

    All methods raise `CardRefusal` 4085 right not there, 4086 folder deactivated, 4087 no such file, 4089 file of
    another type, 4120 for what else a card may say; `KonnektorError` 4093 if the card is locked by another, 4232 if
    the caller's lock has ended; `CardLinkError`.
    """

    def __init__(self, card: Card, channel: Channel, holder: Reservation | None = None) -> None:
        self.card = card
        self.channel = channel
        self._holder = holder

    # ---- transparent files

    async def read(self, file: CardFile, offset: int = 0, length: int | None = None) -> bytes:
        """TUC_KON_202: the file from `offset` on, `length` octets or as many as there are; an empty file gives none.

        Of a KVK it is its one record, whatever `file` says; raises 3020 if that cannot be read.
        """
        self._card_to_use()
        if self.card.card_type is CardType.KVK:
            record = await kvk.read_memory(self.channel)
            return record[offset : None if length is None else offset + length]
        sfid = await self._address(file, offset)
        wanted = NE_EXTENDED_MAX if length is None else length
        response = await self.channel.transmit(commands.read_binary(offset, sfid, wanted))
        if response.sw == StatusWord.END_OF_FILE_OR_NOT_FOUND or (
            response.sw == StatusWord.OFFSET_TOO_BIG and not offset
        ):
            return response.data
        return accepted(response, "READ BINARY")

    async def write(self, file: CardFile, data: bytes, offset: int = 0) -> None:
        """TUC_KON_203: overwrites from `offset` on. Also raises 4247 if there is no room: nothing is written then.

        What takes several commands goes on to its end if the caller is cancelled, no longer than `WRITE_SECONDS`.
        """
        self._card_to_use(writing=True)
        if len(data) <= WRITE_SIZE:
            await self._update(data, offset, await self._address(file, offset))
            return
        await self._require_room(file, offset + len(data))
        await undisturbed(self._update_all(data, offset), WRITE_SECONDS)

    async def erase(self, file: CardFile, offset: int = 0) -> None:
        """TUC_KON_204: the octets from `offset` on become 00. Also raises 4209 for a card that is no eGK."""
        self._require_egk()
        sfid = await self._address(file, offset)
        accepted(await self.channel.transmit(commands.erase_binary(offset, sfid)), "ERASE BINARY")

    # ---- files of records, the first has the number 1

    async def read_record(self, file: CardFile, number: int) -> bytes:
        """TUC_KON_209: a record, of a cyclic file number 1 is the newest. 4087 also if there is no such record."""
        command = commands.read_record(number, file.sfid)
        return await self._use_record(file, command, "READ RECORD", _READ_RECORD)

    async def write_record(self, file: CardFile, number: int, data: bytes) -> None:
        """TUC_KON_210: replaces a record. Also raises 4088 too long for the file, 4091 no such record."""
        try:
            command = commands.update_record(number, data, file.sfid)
            await self._use_record(file, command, "UPDATE RECORD", _WRITE_RECORD, writing=True)
        except CardRefusal as refusal:
            raise await self._judged(refusal, file, data) from None

    async def erase_record(self, file: CardFile, number: int) -> None:
        """TUC_KON_211: the record's octets become 00. Also raises 4209 for another card than an eGK, 4091 no record.

        4091 (step 6) and not 4087 (step 5): it is the command that tells, not the selection.
        """
        self._require_egk()
        await self._use_record(file, commands.erase_record(number, file.sfid), "ERASE RECORD", _OF_A_RECORD)

    async def append_record(self, file: CardFile, data: bytes) -> None:
        """TUC_KON_214: one more record, in a cyclic file as number 1. Also raises 4088 too long, 4247 no room."""
        try:
            command = commands.append_record(file.sfid, data)
            await self._use_record(file, command, "APPEND RECORD", _NO_SPACE, writing=True)
        except CardRefusal as refusal:
            raise await self._judged(refusal, file, data) from None

    async def search_record(self, file: CardFile, pattern: bytes, first: int = 1) -> tuple[int, ...]:
        """TUC_KON_215: numbers of the records from `first` on that hold `pattern`. 4091: there is no record `first`."""
        try:
            command = commands.search_record(first, pattern, file.sfid)
            return tuple(await self._use_record(file, command, "SEARCH RECORD", _OF_A_RECORD))
        except CardRefusal as refusal:
            if refusal.sw == StatusWord.END_OF_FILE_OR_NOT_FOUND:
                return ()
            raise

    # ---- what all of them do

    async def _update_all(self, data: bytes, offset: int) -> None:
        for start in range(0, len(data), WRITE_SIZE):
            await self._update(data[start : start + WRITE_SIZE], offset + start, None)

    async def _update(self, data: bytes, offset: int, sfid: int | None) -> None:
        command = commands.update_binary(data, offset, sfid)
        accepted(await self.channel.transmit(command), "UPDATE BINARY", _NO_SPACE)

    def _card_to_use(self, *, writing: bool = False) -> None:
        """Steps 1 to 3: the card, nothing is written to a KVK (4085), nobody else has it (4093)."""
        if writing and self.card.card_type is CardType.KVK:
            raise KonnektorError(NOT_ALLOWED)
        self.card.require_held(self._holder)

    def _require_egk(self) -> None:
        if self.card.card_type is not CardType.EGK:
            raise KonnektorError(4209, fill=self.card.card_type.value)
        self._card_to_use()

    async def _enter(self, file: CardFile) -> None:
        accepted(await self.channel.select(file.folder), "SELECT")

    async def _address(self, file: CardFile, offset: int) -> int | None:
        """Selects the folder, and the file itself where its short identifier cannot be used."""
        if offset > _SHORT_OFFSET_MAX:
            await self._select(file)
            return None
        await self._enter(file)
        return file.sfid

    async def _select(self, file: CardFile) -> FileParameters:
        """Makes the file the current one; what the card says of it."""
        if file.fid is None:
            raise ValueError("a file whose identifier is not known is found by its short one only")
        await self._enter(file)
        data = accepted(await self.channel.transmit(commands.select_ef(file.fid, fcp=True)), "SELECT")
        try:
            return decode_file_parameters_untrusted(data)
        except BadTlv:
            raise CardRefusal(CARD_FAULT, "SELECT: FCP") from None

    async def _require_room(self, file: CardFile, end: int) -> None:
        """What needs several commands must not be left half written, so the room is asked for first; 4247."""
        size = (await self._select(file)).size
        if size is not None and end > size:
            raise CardRefusal(NO_SPACE, f"{end} > {size}")

    async def _use_record(
        self, file: CardFile, command: CommandApdu, name: str, codes: Mapping[int, int], *, writing: bool = False
    ) -> bytes:
        self._card_to_use(writing=writing)
        await self._enter(file)
        return accepted(await self.channel.transmit(command), name, codes)

    async def _judged(self, refusal: CardRefusal, file: CardFile, data: bytes) -> CardRefusal:
        """6700 says that the length is wrong: 4088 if the record is longer than the file's records may be."""
        if refusal.sw != StatusWord.WRONG_LENGTH or file.fid is None:
            return refusal
        longest = (await self._select(file)).record_size
        if longest is None or len(data) <= longest:
            return refusal
        return CardRefusal(RECORD_TOO_LONG, f"{len(data)} > {longest}", refusal.sw)
