"""Who may be encrypted for: the certificates of TUC_KON_070 and their check (gemSpec_Kon V5.18 TIP1-A_4616-03).

A certificate must come from a CA of the trust space, be one for encryption, and, with a way into the TI, have a status
that says it is good: what cannot be asked ends the operation as well (4105). One of a CA outside of the TI that an
administrator imported needs its key usage and dates alone. Of a card both certificates may be wanted;
then one of them is enough, and the other is a warning (4259).
"""

import asyncio
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.card.keytransport import UnsuitableKey, way_of
from tiaas.konnektor.cardmap import ECC, ENC, RSA, RSA_ECC
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import SM_B
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.sealing import Recipient
from tiaas.konnektor.keyuse import certified_key
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.verdict import Result
from tiaas.pki.certificate import PublicKey
from tiaas.pki.codes import PkiCode
from tiaas.pki.oids import CertificateType, KeyUsage
from tiaas.pki.path import Demands

RECIPIENTS_MAX = 1000
"""TAB_KON_071: so many certificates must be taken; more are 4282."""
_AT_ONCE = 8

_SYNTAX, _NOT_POSSIBLE, _UNSUITABLE, _ONE_MISSING, _TOO_MANY, _NO_FILE = 4000, 4105, 4200, 4259, 4282, 4256
_UNNAMED = PkiCode.CA_CERT_MISSING
"""For the faults that Tab_PKI_274 has no code for: the issuer was not one that may issue."""

_TYPES = frozenset({CertificateType.HCI_ENC, CertificateType.HP_ENC, CertificateType.CH_ENC, CertificateType.CH_ENCV})
_FOR_RSA = Demands(key_usage=frozenset({KeyUsage.KEY_ENCIPHERMENT}), types=_TYPES)
_FOR_ECC = Demands(key_usage=frozenset({KeyUsage.KEY_AGREEMENT}), types=_TYPES)

_SUFFIX = {RSA: "R2048", ECC: "E256"}
"""Ends of the files' names in TAB_KON_747."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The recipients, and the warning 4259 if one certificate of a card is not among them."""

    recipients: tuple[Recipient, ...]
    warning: KonnektorError | None = None


class RecipientChecks:
    """Chooses recipients for one instance. `online`: MGM_LU_ONLINE."""

    def __init__(self, trust: Trust, clock: Clock, *, online: bool) -> None:
        self._trust = trust
        self._clock = clock
        self._online = online

    async def choose(self, certificates: Sequence[bytes], card: Card | None, crypt: str) -> Chosen:
        """The recipients of a call: the certificate or the two of `card` that `crypt` names, and `certificates` (DER),
        each of them once.

        Raises `KonnektorError` 4282, 4000 for octets that are no certificate, 4105 with the cause, 4200, 4002, and what
        reading a card raises.
        """
        if len(certificates) + (card is not None) > RECIPIENTS_MAX:
            raise KonnektorError(_TOO_MANY)
        of_card = Chosen(()) if card is None else await self._of_card(card, crypt)
        known = {recipient.certificate: recipient for recipient in of_card.recipients}
        each = [der for der in dict.fromkeys(certificates) if der not in known]
        for at in range(0, len(each), _AT_ONCE):
            some = each[at : at + _AT_ONCE]
            known.update(zip(some, await asyncio.gather(*map(self._check, some)), strict=True))
        return Chosen(tuple(known.values()), of_card.warning)

    async def _of_card(self, card: Card, crypt: str) -> Chosen:
        recipients: list[Recipient] = []
        missing: list[tuple[str, KonnektorError]] = []
        for kind in (RSA, ECC) if crypt == RSA_ECC else (crypt,):
            try:
                recipients.append(await self._check(await self._read(card, kind)))
            except KonnektorError as error:
                if error.code not in (_NOT_POSSIBLE, _UNSUITABLE):
                    raise
                missing.append((f"EF.C.{'HCI' if card.card_type in SM_B else 'HP'}.ENC.{_SUFFIX[kind]}", error))
        if not recipients:
            raise missing[0][1]
        if not missing:
            return Chosen(tuple(recipients))
        name, cause = missing[0]
        return Chosen(tuple(recipients), KonnektorError(_ONE_MISSING, fill=name, causes=(cause,)))

    async def _read(self, card: Card, kind: str) -> bytes:
        found = await certified_key(card, ENC, kind, self._clock)
        if found is None:
            raise KonnektorError(_NOT_POSSIBLE, causes=(KonnektorError(_NO_FILE),))
        return found.certificate

    async def _check(self, der: bytes) -> Recipient:
        # A thousand certificates are checked in one call; others get their turn meanwhile.
        await asyncio.sleep(0)
        key = _key(der)
        await self._require_trusted(der, _FOR_RSA if isinstance(key, RSAPublicKey) else _FOR_ECC)
        if key is None:
            raise KonnektorError(_UNSUITABLE)
        try:
            way_of(key)
        except UnsuitableKey:
            raise KonnektorError(_UNSUITABLE) from None
        return Recipient(der, key)

    async def _require_trusted(self, certificate: bytes, demands: Demands) -> None:
        """TUC_KON_037 with OCSP where there is a way into the TI; its warnings then end the use case, too."""
        verdict = await self._trust.check_recipient(certificate, demands, offline_allow_no_check=not self._online)
        if verdict.result is Result.VALID and (not verdict.warnings or not self._online):
            return
        code = verdict.fault or next(iter(verdict.warnings), _UNNAMED)
        raise KonnektorError(_NOT_POSSIBLE, causes=(KonnektorError(code.number, verdict.reason),))


def _key(der: bytes) -> PublicKey | None:
    """The certified key; None if it is of another kind. Raises 4000 for what is no certificate.

    Read by OpenSSL, not by `tiaas.pki`, which takes a hundred times longer: the trust service reads all of it anyway.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        raise KonnektorError(_SYNTAX, "Certificate is no certificate") from None
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey | RSAPublicKey) else None
