"""TUC_KON_006: entries of VSDM in EF.Logging of the eGK (VSDM-A_2586, 2587, 3067; 2654)."""

from dataclasses import dataclass

from tiaas.base.clock import Clock
from tiaas.card import commands
from tiaas.konnektor.cardmap import CERTIFICATES, ECC, EF_LOGGING, RSA, SIG
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import SM_B
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import Channel
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.subject import holder_of

ACTOR_NAME_SIZE = 30


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


class AccessLog:
    """Writes the entries of one instance."""

    def __init__(self, clock: Clock, letters: LogLetters) -> None:
        self._clock = clock
        self.letters = letters

    async def write(self, channel: Channel, hpc: Card, access: str) -> None:
        """One entry; raises 108: without it the data are not given out (VSDM-A_2654)."""
        record = log_record(
            int(self._clock.now().timestamp()),
            self.letters.data_type + access,
            hpc.data.iccsn or "",
            await self.actor(hpc),
        )
        response = await channel.transmit(commands.append_record(EF_LOGGING.sfid, record))
        if not response.ok:
            raise KonnektorError(108)

    async def actor(self, hpc: Card) -> str:
        """Who reads: SM-B the common name of C.HCI.OSIG, HBA surname and given name of C.HP.AUT. Raises 109."""
        return await hpc.cached("actor", self._clock, lambda: _read_actor(hpc))


async def _read_actor(hpc: Card) -> str:
    """Of an HBA the certificate was read when it was inserted."""
    der = hpc.data.aut_certificate or b""
    if hpc.card_type in SM_B:
        der = await _read_osig(hpc)
    try:
        holder = holder_of(decode_certificate_untrusted(der))
    except BadCertificate:
        raise KonnektorError(109) from None
    if hpc.card_type in SM_B:
        return holder.name
    return f"{holder.surname or ''} {holder.given_name or ''}".strip() or holder.name


async def _read_osig(smb: Card) -> bytes:
    if smb.held is not None:
        return smb.held.certificates.get((SIG, ECC)) or smb.held.certificates.get((SIG, RSA), b"")
    async with smb.basic.mutex:
        response = await smb.basic.read(CERTIFICATES[smb.card_type][SIG, ECC])
        if not response.ok or not response.data:
            response = await smb.basic.read(CERTIFICATES[smb.card_type][SIG, RSA])
    return response.data


def log_record(seconds: int, letters: str, iccsn: str, actor: str) -> bytes:
    """A record of EF.Logging, 46 octets: time (4) ‖ data type ‖ access type ‖ ICCSN (10) ‖ name (30, UTF-8, blanks).

    `iccsn` are 20 digits of the acting HBA or SM-B. Source: gemSpec_Karten_Fach_TIP Tab_010 by ref-HealthCardControl.
    """
    # Cutting may split a character of several octets; its rest must go.
    name = actor.encode("utf-8")[:ACTOR_NAME_SIZE].decode("utf-8", "ignore").encode("utf-8").ljust(ACTOR_NAME_SIZE)
    return seconds.to_bytes(4, "big") + letters.encode("utf-8") + bytes.fromhex(iccsn) + name
