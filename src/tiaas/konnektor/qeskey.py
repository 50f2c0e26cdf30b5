"""One signature with a key of DF.QES on a line that the caller holds (gemSpec_Kon V5.18 TUC_KON_218, TAB_KON_752).

`cardsigner` signs on the channel of a session; here the line may be a secure channel, and a refusal of the card is told
from a fault: only who knows the kind of signature knows what it means.
"""

from typing import Protocol

from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.objsys.addresses import ALG_SIGN_ECDSA, ALG_SIGN_PSS
from tiaas.card.status import StatusWord
from tiaas.konnektor.cardmap import ECC, KEYS, QES, RSA
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keyuse import CertifiedKey


class NotAuthorised(KonnektorError):
    """The card says that the key's access condition does not hold (any more): 4123, unless the caller knows better."""

    def __init__(self) -> None:
        super().__init__(4123, f"PSO COMPUTE DIGITAL SIGNATURE: {StatusWord.SECURITY_STATUS_NOT_SATISFIED:04X}")


class CommandLine(Protocol):
    """A channel, plain or with secure messaging."""

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """See `Channel.transmit`."""
        ...


async def select_key(line: CommandLine, key: CertifiedKey) -> None:
    """Selects the key in DF.QES. Raises 4123, what the line raises."""
    crypt, algorithm = (ECC, ALG_SIGN_ECDSA) if key.is_ecc else (RSA, ALG_SIGN_PSS)
    response = await line.transmit(commands.mse_private_sign(KEYS[CardType.HBA][QES, crypt].ref, algorithm))
    if not response.ok:
        raise KonnektorError(4123, f"MANAGE SECURITY ENVIRONMENT: {response.sw:04X}")


async def compute_signature(line: CommandLine, key: CertifiedKey, digest: bytes) -> bytes:
    """The signature over a SHA-256 hash value, ECDSA in DER, checked with the certificate's key.

    Raises `NotAuthorised`, 4123, 4120, what the line raises.
    """
    response = await line.transmit(commands.pso_compute_signature(digest))
    if response.sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
        raise NotAuthorised
    if not response.ok:
        raise KonnektorError(4123, f"PSO COMPUTE DIGITAL SIGNATURE: {response.sw:04X}")
    return await key.taken(response.data, digest, key.scheme)
