"""X.509 certificates of cards as an instance reads them: TUC_KON_216 "Lese Zertifikat", and what TUC_KON_033 and 034
take out of one (gemSpec_Kon V5.18 TIP1-A_4695, 4697).

What was read is kept as long as card data may be (24 hours for HBAx and SM-B).
"""

from datetime import date

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.card.status import StatusWord
from tiaas.konnektor.cardmap import CERTIFICATES, ECC, RSA, CardFile
from tiaas.konnektor.cards import GENERATION_2_1, Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.subject import COMMON_NAME, values

ENDINGS = {RSA: "R2048", ECC: "E256"}
"""How the name of a certificate ends, by Crypt."""
_ABSENT = frozenset({StatusWord.FILE_NOT_FOUND, StatusWord.OFFSET_TOO_BIG, StatusWord.OK})


@dataclass(frozen=True, slots=True, repr=False)
class CertificateFacts:
    """What is told about a certificate; `serial_number` in decimal. Personal data."""

    common_name: str
    serial_number: str
    expires: date

    def __repr__(self) -> str:
        return f"CertificateFacts({self.serial_number})"


def certificate_file(card: Card, reference: str, crypt: str) -> CardFile:
    """Where a certificate is on a card (TAB_KON_858). Raises 4149 for a reference that this type does not have."""
    file = CERTIFICATES.get(card.card_type, {}).get((reference, crypt))
    if file is None:
        raise KonnektorError(4149)
    return file


def has_ecc(card: Card) -> bool:
    """Whether the card is of generation G2.1 or later, which have ECC identities."""
    versions = card.data.versions
    if card.held is not None:
        return any(crypt == ECC for _, crypt in card.held.certificates)
    return versions is not None and versions.object_system >= GENERATION_2_1


async def read_certificate(card: Card, reference: str, crypt: str, clock: Clock) -> bytes | None:
    """TUC_KON_216: the certificate (DER), or None if the card has none (the warning 4256).

    Raises `KonnektorError` 4149, 4148 if it cannot be read as a certificate; `CardLinkError`.
    """
    if card.held is not None:
        certificate_file(card, reference, crypt)
        return card.held.certificates.get((reference, crypt))
    if crypt == ECC and not has_ecc(card):
        certificate_file(card, reference, RSA)
        return None
    file = certificate_file(card, reference, crypt)
    return await card.cached(f"{reference} {crypt}", clock, lambda: _read(card, file))


async def _read(card: Card, file: CardFile) -> bytes | None:
    async with card.basic.mutex:
        response = await card.basic.read(file)
    if not response.data and response.sw in _ABSENT:
        return None
    try:
        return decode_certificate_untrusted(response.data).encoded
    except BadCertificate:
        raise KonnektorError(4148) from None


def facts_of(der: bytes) -> CertificateFacts:
    """TUC_KON_034. Raises `KonnektorError` 4132 if there is no date of expiry to be had."""
    try:
        certificate = decode_certificate_untrusted(der)
    except BadCertificate:
        raise KonnektorError(4132) from None
    return CertificateFacts(
        next(iter(values(certificate, COMMON_NAME)), ""),
        str(certificate.serial_number),
        certificate.not_after.date(),
    )
