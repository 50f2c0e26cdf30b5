"""Which command a terminal takes in which state (gemSpec_KT V3.17.0, 3.11: A_22456, A_22461, TIP1-A_3136-01, …3096-01,
…3097-01, …3266-01; SICCT V1.3.0, 6.2.4.3 and the "Conditions" of each command).
"""

import enum

from tiaas.terminal.sicct.commands import CLA_EHEALTH, CLA_SICCT, INS_TERMINAL_AUTHENTICATE, Ins
from tiaas.terminal.sicct.status import Sw


@enum.unique
class ClientState(enum.Enum):
    """States of A_22456 while TLS stands (without TLS nothing reaches this decision)."""

    INVALID_CLIENT = "InvalidClient"
    WITHOUT_PAIRING = "ClientWithoutPairing"
    WITH_PAIRING = "ClientWithPairing"


@enum.unique
class SessionRole(enum.Enum):
    """Who opened the CT session (SICCT 5.10.1)."""

    CONTROL = "control"
    ADMIN = "admin"


# CMD_KT_0004: also for a client that did not prove to be a Konnektor.
ANYBODY = frozenset(
    {
        Ins.INIT_CT_SESSION,
        Ins.CLOSE_CT_SESSION,
        Ins.GET_STATUS,
        Ins.SET_STATUS,
        Ins.DOWNLOAD_INIT,
        Ins.DOWNLOAD_DATA,
        Ins.DOWNLOAD_FINISH,
    }
)
# SICCT 5.16.2 and the download commands: no control session.
ADMIN_ONLY = frozenset({Ins.SET_STATUS, Ins.DOWNLOAD_INIT, Ins.DOWNLOAD_DATA, Ins.DOWNLOAD_FINISH})
_KNOWN = frozenset(map(int, Ins))


def admit(client: ClientState, role: SessionRole | None, cla: int, ins: int) -> Sw | None:
    """The status word that refuses a terminal command right away, or None if it may be looked at further."""
    if cla == CLA_EHEALTH:
        return _admit_ehealth(client, role, ins)
    if cla != CLA_SICCT:
        return Sw.UNKNOWN_CLASS
    if ins not in _KNOWN:
        return Sw.UNKNOWN_INSTRUCTION
    if client is not ClientState.WITH_PAIRING and ins not in ANYBODY:
        return Sw.NOT_ALLOWED
    if ins == Ins.INIT_CT_SESSION:
        return None
    if role is None or (ins in ADMIN_ONLY and role is not SessionRole.ADMIN):
        return Sw.NOT_ALLOWED
    return None


def _admit_ehealth(client: ClientState, role: SessionRole | None, ins: int) -> Sw | None:
    if ins != INS_TERMINAL_AUTHENTICATE:
        return Sw.UNKNOWN_INSTRUCTION
    if client is ClientState.INVALID_CLIENT:
        return Sw.NO_VALID_CLIENT
    return None if role is not None else Sw.NOT_ALLOWED


def admit_card_command(client: ClientState, role: SessionRole | None) -> Sw | None:
    """The same for an APDU addressed to a card (TIP1-A_3266-01)."""
    return None if client is ClientState.WITH_PAIRING and role is not None else Sw.NOT_ALLOWED
