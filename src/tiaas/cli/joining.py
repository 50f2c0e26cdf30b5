"""Joins a demo practice's terminals to its Konnektor as an administrator does: by the management interface."""

from collections.abc import Callable

from tiaas.base.errors import TiaasError
from tiaas.client.admin import Admin, AdminAccess, connect_admin, path_of
from tiaas.interfaces.management.terminals import (
    NewTerminal,
    PairingConfirmation,
    PairingOfferData,
    TerminalChange,
    TerminalCorrelation,
    TerminalList,
)
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.permissions import Row, allows
from tiaas.lab.errors import LabError
from tiaas.lab.lab import Lab
from tiaas.lab.practice import LabTerminal, Practice
from tiaas.terminal.pairing import fingerprint

# A terminal whose port moved is dialled anew; for any other the instance's boot has waited long enough.
_REUNION_SECONDS = 5.0
_LAST_LOOK_SECONDS = 0.1
_PAIRED_SECONDS = 30.0


async def join_terminals(
    lab: Lab, practice: Practice, instance: Instance, access: AdminAccess, say: Callable[[str], None]
) -> None:
    """Adds and pairs the practice's terminals as far as they are not; returns when their cards are opened.

    `say` hears of a terminal that is not there. Raises `LabError` for one that cannot be paired.
    """
    if not allows(Row.TERMINAL_TLS, instance.context.opstate.holding):
        say("no terminal is connected: the Konnektor is in a critical state; tiaas state")
        return
    async with connect_admin(access) as desk:
        for terminal in practice.terminals.values():
            try:
                is_there = await _join(desk, instance, terminal, lab.terminal_certificate(terminal))
            except (TiaasError, TimeoutError) as error:
                reason = str(error) or "it does not answer"
                raise LabError(f"the Konnektor cannot use terminal {terminal.ct_id}: {reason}") from error
            if not is_there:
                say(f"terminal {terminal.ct_id} is not connected; is its gSMC-KT in its slot?")


async def _join(desk: Admin, instance: Instance, terminal: LabTerminal, expected_certificate: bytes) -> bool:
    """Adds the terminal where it listens now and pairs it, unless it is paired; returns when its cards are opened.

    The fingerprint is compared with that of the gSMC-KT in the lab's books, as a
    technician compares it with the paper. False if a paired terminal does not come back (somebody took its gSMC-KT):
    that must not keep a lab down. Raises `ClientError`, `LabError` (another fingerprint) and `TimeoutError` for a
    terminal that is not paired.
    """
    record = terminal.record
    host, _, port_text = terminal.sicct.rpartition(":")
    port, wait = int(port_text), _LAST_LOOK_SECONDS
    path = path_of("/terminals/{}", record.ct_id)
    listed = (await desk.read("/terminals", TerminalList)).terminals
    known = next((entry for entry in listed if entry.ct_id == record.ct_id), None)
    if known is None:
        mac = record.mac.hex(":").upper()
        await desk.change(
            "POST", "/terminals", NewTerminal(host, port, mac, record.name, ask=False, ct_id=record.ct_id)
        )
    elif (known.host, known.port) != (host, port):
        wait = _REUNION_SECONDS
        await desk.change("PATCH", path, TerminalChange(host, port, ask=False))
    is_paired = known is not None and known.correlation is TerminalCorrelation.AKTIV
    if not is_paired:
        await _agree(desk, f"{path}/pairing", fingerprint(expected_certificate))
    settled = instance.context.terminals.settled(record.ct_id, wait if is_paired else _PAIRED_SECONDS)
    try:
        await settled
    except TimeoutError:
        if not is_paired:
            raise
        return False
    return True


async def _agree(desk: Admin, pairing: str, expected: str) -> None:
    offer = await desk.change("POST", f"{pairing}/offer", kind=PairingOfferData)
    if offer.done:
        return
    if offer.fingerprint != expected:
        raise LabError("it shows another certificate than the one made for it")
    await desk.change("POST", pairing, PairingConfirmation(offer.fingerprint))
