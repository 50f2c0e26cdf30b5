"""Where terminal and Konnektor agree on a pairing (gemSpec_Kon V5.18: TUC_KON_053 CREATE, TUC_KON_050 VALIDATE)."""

from hmac import compare_digest

from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.konnektor.errors import KonnektorError
from tiaas.terminal.errors import PairingMismatch, PairingUnknown, TerminalError
from tiaas.terminal.front import FrontError
from tiaas.terminal.pairing import BadPairingSignature, Pairing, verify_pairing_signature
from tiaas.terminal.session import TerminalSession

CHALLENGE_SIZE = 16
"""TUC_KON_050 step 6a: at least 16 octets."""


class PairingInDoubt(TiaasError):
    """The connection broke before the terminal's answer to CREATE came: it may have stored the secret or not."""


async def create(session: TerminalSession, pairing: Pairing, text: str) -> None:
    """CREATE with `text` at the terminal's display. Raises `PairingInDoubt`, `KonnektorError` 4041."""
    try:
        signature = await session.create_pairing(pairing.secret, text)
        verify_pairing_signature(pairing.certificate, pairing.secret, signature)
    except TerminalError as error:
        raise KonnektorError(4041, fill="" if error.sw is None else f"{error.sw:04X}") from error
    except BadPairingSignature as error:
        raise KonnektorError(4041) from error
    except FrontError as error:
        raise PairingInDoubt("no answer to CREATE") from error


async def is_paired(session: TerminalSession, pairing: Pairing, shown: bytes, entropy: Entropy) -> bool:
    """Whether the terminal that shows the certificate `shown` is the one of the pairing and knows its secret.

    Raises `TerminalError` for an answer that says neither, `FrontError`.
    """
    if not compare_digest(pairing.certificate, shown):
        return False
    try:
        await session.validate(pairing.secret, entropy.octets(CHALLENGE_SIZE))
    except (PairingUnknown, PairingMismatch):
        return False
    return True
