"""What `tiaas up` says once it serves: addresses, files, what to try next."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from tiaas.cli.calledas import as_called
from tiaas.cli.compose import Running, Served, UpOptions
from tiaas.lab.ready import READY_FILE, CardEntry, InstanceEntry
from tiaas.lab.registry import DIR_VARIABLE, Registry

_INDENT = "  "
_CARDS_SHOWN = 12


def summary(run: Running, options: UpOptions, seconds: float) -> list[str]:
    """The lines, ready to be written."""
    ready = run.ready()
    folder = run.lab.store.folder
    lab = which_lab(folder)
    lines = ["", f"tiaas is up after {seconds:.1f} s. TEST-ONLY: invented people, worthless certificates.", ""]
    for served, entry in zip(run.served, ready.instances, strict=True):
        lines += _practice(served, entry, lab)
    lines += [
        f"page       {ready.portal_url}",
        f"lab        control port {run.control_url}",
        f"           files        {folder}",
        f"           ready file   {folder / READY_FILE}",
        "",
    ]
    lines += [f"note: {notice}" for notice in run.notices]
    lines += _next_commands(options, ready.instances[0], lab)
    return [as_called(line) for line in lines]


def _practice(served: Served, entry: InstanceEntry, lab: str) -> Iterator[str]:
    number = served.practice.number
    yield f"practice {number}: {served.practice.name}"
    yield f"  Konnektor  {entry.konnektor.url}   service directory {entry.konnektor.sds}"
    context = entry.context
    yield f"  context    {context.mandant_id} / {context.client_system_id} / {context.workplace_id} / {context.user_id}"
    yield f"  client     {entry.client.p12} (password in {READY_FILE}), {entry.kon_file}"
    for workplace in entry.workplaces[1:]:
        yield f"  workplace  {workplace.workplace_id} with {', '.join(workplace.ct_ids)}"
    for terminal in entry.terminals:
        yield f"  terminal   {terminal.ct_id} ({terminal.name}), SICCT {terminal.sicct}, control {terminal.control}"
    for kind, cards in (("eGK", entry.cards.egk), ("SMC-B", entry.cards.smcb), ("HBA", entry.cards.hba)):
        for card in cards[:_CARDS_SHOWN]:
            yield f"  {kind:<10} {card.iccsn}  {_where(card):<14} {card.holder}"
        if len(cards) > _CARDS_SHOWN:
            yield f"  {kind:<10} … and {len(cards) - _CARDS_SHOWN} more, see {READY_FILE} or: tiaas card list"
    for view in served.instance.hsms:
        holder = "" if view.loaded is None else view.loaded.data.holder_name
        yield f"  {'HSM-B':<10} {view.smb.iccsn}  {f'{view.ct_id} slot {view.slot}':<14} {holder}"
        if not view.mandanten:
            which = lab if number == 1 else f"{lab} --practice {number}"
            act = f"tiaas admin virtual-smb activate {view.smb.iccsn} --mandant {context.mandant_id}{which}"
            yield f"  {'':<10} not activated: {act}"
            yield f"  {'':<10} the code it asks for is in {READY_FILE}, virtual_smbs"
    yield ""


def _where(card: CardEntry) -> str:
    return f"{card.place.ct_id} slot {card.place.slot}" if card.place is not None else "drawer"


def which_lab(folder: Path) -> str:
    """The option without which a verb would not know this lab from others that run, or would mean another one."""
    registry = Registry(os.environ)
    named = os.environ.get(DIR_VARIABLE)
    is_plain = Path(named).absolute() == folder if named else registry.running() in ([], [folder])
    return "" if is_plain else f" --dir {shlex.quote(str(folder))}"


def _next_commands(options: UpOptions, first: InstanceEntry, lab: str) -> Iterator[str]:
    yield "Try, in another terminal:"
    yield f"{_INDENT}tiaas get cards{lab}"
    if options.locked:
        yield f"{_INDENT}tiaas pin verify{lab}          # PIN.SMC is still to be verified (--locked)"
    yield f"{_INDENT}tiaas vsd read{lab}"
    inserted = next((card for card in first.cards.egk if card.place is not None), None)
    waiting = next((card for card in first.cards.egk if card.place is None), None)
    if inserted is not None and waiting is not None:
        yield f"{_INDENT}tiaas card eject {inserted.iccsn}{lab}"
        yield f"{_INDENT}tiaas card insert {waiting.iccsn}{lab}"
    yield "Stop with Ctrl-C."
