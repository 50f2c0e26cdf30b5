"""TUC_KON_006 "Datenzugriffsaudit eGK schreiben": entries in EF.Logging of an eGK (gemSpec_Kon V5.18 TIP1-A_4580)."""

from hashlib import sha256

from tiaas.base.clock import Clock
from tiaas.konnektor.basis.cardfiles import CardFiles
from tiaas.konnektor.cardcertificates import read_certificate
from tiaas.konnektor.cardmap import ECC, EF_LOGGING, RSA, SIG
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.subject import holder_of

NO_ACTOR = 4148
ACTOR_NAME_SIZE = 30


class AccessLog:
    """Writes the entries of one instance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def write(self, files: CardFiles, actor: Card, letters: str) -> None:
        """One entry that says that the holder of `actor` (HBA or SM-B) had access.

        `letters` are data type and kind of access, one octet each; each Fachmodul has its own. Raises 4251 for a card
        that is no eGK, 4148 if nobody can be told from the certificate, and what `CardFiles.append_record` raises.
        """
        if files.card.card_type is not CardType.EGK:
            raise KonnektorError(4251)
        name = await self.actor(actor)
        record = log_record(int(self._clock.now().timestamp()), letters, actor.data.iccsn or "", name)
        await files.append_record(EF_LOGGING, record)

    async def actor(self, hpc: Card) -> str:
        """Who it is: SM-B the common name of C.HCI.OSIG, HBA surname and given name of C.HP.AUT. Raises 4148."""
        der = await self._certificate(hpc)
        return hpc.derived(f"actor {sha256(der).hexdigest()}", lambda: _name_in(der, hpc.card_type))

    async def _certificate(self, hpc: Card) -> bytes:
        """Of an HBA it was read when the card was inserted."""
        if hpc.card_type not in SM_B:
            return hpc.data.aut_certificate or b""
        found = await read_certificate(hpc, SIG, ECC, self._clock)
        return found or await read_certificate(hpc, SIG, RSA, self._clock) or b""


def _name_in(der: bytes, card_type: CardType) -> str:
    try:
        holder = holder_of(decode_certificate_untrusted(der))
    except BadCertificate:
        raise KonnektorError(NO_ACTOR) from None
    if card_type in SM_B:
        return holder.name
    return f"{holder.surname or ''} {holder.given_name or ''}".strip() or holder.name


def log_record(seconds: int, letters: str, iccsn: str, actor: str) -> bytes:
    """A record of EF.Logging, 46 octets: time (4) ‖ data type ‖ access type ‖ ICCSN (10) ‖ name (30, UTF-8, blanks).

    `iccsn` are 20 digits of the acting HBA or SM-B. Source: gemSpec_Karten_Fach_TIP Tab_010 by ref-HealthCardControl.
    """
    # Cutting may split a character of several octets; its rest must go.
    name = actor.encode("utf-8")[:ACTOR_NAME_SIZE].decode("utf-8", "ignore").encode("utf-8").ljust(ACTOR_NAME_SIZE)
    return seconds.to_bytes(4, "big") + letters.encode("utf-8") + bytes.fromhex(iccsn) + name
