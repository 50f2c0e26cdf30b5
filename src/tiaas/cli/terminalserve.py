"""`tiaas terminal serve --pcsc [READER]`: an eHealth terminal made of a PC/SC reader and a console.

Not certified, not tamper-proof: the PIN is typed on a computer's keyboard. For tests with real cards in an own lab.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from pathlib import Path

import httpx

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.card.link import CardLinkError
from tiaas.card.virtual.card import VirtualCard
from tiaas.cli.console import restore_echo, show_display, take_keys
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import ask, control_port
from tiaas.cli.terminalidentity import SMKT_SLOT, TerminalFolder
from tiaas.cli.writer import note, out
from tiaas.lab.ready import read_ready
from tiaas.lab.registry import Registry
from tiaas.terminal.pcsc import PcscCard, ReaderGone, ReaderWatch, SlotChange, find_reader
from tiaas.terminal.virtual.config import PinMode, PinPolicy, PinPurpose, SlotCard
from tiaas.terminal.virtual.terminal import VirtualTerminal

_READER_SLOT = 1
_SICCT_PORT = 4742


def register_serve(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `serve` to what `tiaas terminal` does."""
    serve = things.add_parser(
        "serve",
        help="make a SICCT terminal out of a PC/SC reader",
        description="Serves SICCT for the card in a PC/SC reader. Its gSMC-KT is made by a running lab the first time. "
        "Texts appear here; type digits and Enter when a PIN is asked for (unseen), Enter for OK, c to cancel.",
    )
    serve.add_argument(
        "--pcsc", nargs="?", const="", required=True, metavar="READER", help="name of the reader, or a part of it"
    )
    serve.add_argument("--state", type=Path, metavar="DIR", help="folder of the terminal's identity and pairings")
    serve.add_argument("--dir", type=Path, metavar="DIR", help="folder of a running lab, for a new identity")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument(
        "--port", type=int, default=_SICCT_PORT, help=f"port to listen on (default: {_SICCT_PORT}; 0: any)"
    )


def run(args: argparse.Namespace) -> int:
    """Serves until interrupted or the reader is pulled."""
    reader = find_reader(args.pcsc or None)
    folder = TerminalFolder(args.state or _default_folder())
    if not folder.exists:
        _obtain_identity(args, folder)
    try:
        asyncio.run(_serve(args, reader, folder))
    except ReaderGone as error:
        note(f"tiaas: {error}")
        return ExitCode.FAILED
    finally:
        restore_echo()
    return ExitCode.OK


class NobodyKnows:
    """`PinHolder` of real cards: only the person at the keypad knows a PIN."""

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        """None: it must be typed."""
        return None

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        """None: it must be typed."""
        return None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        """Nothing is kept."""


async def follow_reader(terminal: VirtualTerminal, reader: str) -> None:
    """Puts the reader's card into slot 1 whenever there is one. Raises `ReaderGone`; the slot is empty then."""
    card: PcscCard | None = None
    try:
        async for change in ReaderWatch(reader).changes():
            if change is SlotChange.INSERTED:
                card = PcscCard(reader)
                terminal.insert(_READER_SLOT, card)
            elif card is not None:
                _take_out(terminal, card)
                card = None
    finally:
        if card is not None:
            _take_out(terminal, card)


def _take_out(terminal: VirtualTerminal, card: PcscCard) -> None:
    terminal.eject(_READER_SLOT)
    with contextlib.suppress(CardLinkError):
        card.close()


async def _serve(args: argparse.Namespace, reader: str, folder: TerminalFolder) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    terminal = VirtualTerminal(
        folder.config("tiaas-pcsc"),
        folder.state(),
        clock=clock,
        entropy=entropy,
        pins=NobodyKnows(),
        on_change=folder.keep,
    )
    terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    terminal.insert(SMKT_SLOT, VirtualCard(folder.smkt(), clock=clock, entropy=entropy))
    port = await terminal.start(args.host, args.port)
    out(f"terminal {terminal.config.mac.hex(':').upper()} on {args.host}:{port}, reader {reader}")
    sys.stdout.flush()
    show_display(terminal)
    keypad = asyncio.create_task(take_keys(terminal))
    try:
        await follow_reader(terminal, reader)
    finally:
        keypad.cancel()
        await asyncio.gather(keypad, return_exceptions=True)
        await terminal.stop()


def _obtain_identity(args: argparse.Namespace, folder: TerminalFolder) -> None:
    """Lets a running lab make the gSMC-KT. Raises `LabError`."""
    ready = read_ready(Registry(os.environ).find(args.dir))
    bundle = Path(ready["lab"]["ca_bundle"]).read_text(encoding="ascii")
    with control_port(args) as http:
        folder.create(_new_smkt(http), bundle, SystemEntropy())


def _new_smkt(http: httpx.Client) -> dict[str, object]:
    made = ask(http, "POST", "/cards", {"kind": "gSMC-KT"})
    return ask(http, "GET", f"/cards/{made['iccsn']}/image")


def _default_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "tiaas" / "pcsc-terminal"
