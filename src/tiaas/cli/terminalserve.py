"""`tiaas terminal serve`: an eHealth terminal as a process of its own, with virtual cards or around a PC/SC reader.

Not certified, not tamper-proof: the PIN is typed on a computer's keyboard. For tests in an own lab.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from ipaddress import IPv4Address
from pathlib import Path

import httpx

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.base.secret import Secret
from tiaas.card.link import CardLinkError
from tiaas.card.virtual.card import VirtualCard
from tiaas.cli.cardfiles import CardFiles
from tiaas.cli.console import restore_echo, show_display, take_keys
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.formfile import read_card_file
from tiaas.cli.labport import ask, control_port
from tiaas.cli.terminalidentity import TerminalFolder
from tiaas.cli.whichlab import find_lab
from tiaas.cli.writer import note, out
from tiaas.lab.ready import read_ready
from tiaas.terminal.pcsc import PcscCard, ReaderGone, ReaderWatch, SlotChange, find_reader
from tiaas.terminal.virtual.config import PinHolder, PinMode, PinPolicy, PinPurpose, SlotCard
from tiaas.terminal.virtual.shapes import SHAPES, shape_named
from tiaas.terminal.virtual.terminal import VirtualTerminal

_READER_SLOT = 1
_SICCT_PORT = 4742


def register_serve(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `serve` to what `tiaas terminal` does."""
    serve = things.add_parser(
        "serve",
        help="run a SICCT terminal by itself: with virtual cards, or around a PC/SC reader",
        description="Serves SICCT for cards in files, or with --pcsc for the card in a reader. Its gSMC-KT is made by "
        "a running lab the first time, or given with --smkt. Texts appear here; type digits and Enter when a PIN is "
        "asked for (unseen), Enter for OK, c to cancel; with virtual cards also: eject SLOT, insert SLOT.",
    )
    serve.add_argument("--pcsc", nargs="?", const="", metavar="READER", help="name of the reader, or a part of it")
    serve.add_argument(
        "--card",
        action="append",
        default=[],
        metavar="[SLOT:]FILE",
        help="a card that `tiaas card export` wrote; the file is the card: its counters and PINs change there",
    )
    serve.add_argument(
        "--shape", choices=SHAPES, default="desk", help="slots and display, without --pcsc (default: desk)"
    )
    serve.add_argument("--name", help="name of the terminal (default: tiaas-pcsc, tiaas-virtual)")
    serve.add_argument(
        "--pin",
        choices=(PinMode.AUTO.value, PinMode.MANUAL.value),
        default=PinMode.AUTO.value,
        help="who types PINs of virtual cards: an invented person who knows them (default), or you",
    )
    serve.add_argument("--state", type=Path, metavar="DIR", help="folder of the terminal's identity and pairings")
    serve.add_argument("--dir", type=Path, metavar="DIR", help="folder of a running lab, for a new identity")
    serve.add_argument(
        "--smkt", type=Path, metavar="FILE", help="an exported gSMC-KT, for a new identity without a lab"
    )
    serve.add_argument(
        "--ca", type=Path, metavar="FILE", help="CAs (PEM) whose Konnektors may connect, for a new identity"
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument(
        "--port", type=int, default=_SICCT_PORT, help=f"port to listen on (default: {_SICCT_PORT}; 0: any)"
    )
    serve.add_argument(
        "--announce",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help=f"send the service description there at the start (UDP, default port {_SICCT_PORT})",
    )


def run(args: argparse.Namespace) -> int:
    """Serves until interrupted or the reader is pulled. Raises `InvalidInput`, `LabError`."""
    is_reader = args.pcsc is not None
    if is_reader and args.card:
        raise InvalidInput("--card and --pcsc do not go together: the reader has one slot, and its card is real")
    if (args.smkt is None) is not (args.ca is None):
        raise InvalidInput("--smkt and --ca go together")
    reader = find_reader(args.pcsc or None) if is_reader else None
    cards = CardFiles.open(args.card, shape_named(args.shape)) if reader is None else None
    folder = TerminalFolder(args.state or _default_folder("pcsc-terminal" if is_reader else "virtual-terminal"))
    if not folder.exists:
        _obtain_identity(args, folder)
    try:
        asyncio.run(_serve(args, folder, cards, reader))
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


async def _serve(args: argparse.Namespace, folder: TerminalFolder, cards: CardFiles | None, reader: str | None) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    announce_to = tuple(_udp_address(text) for text in args.announce)
    pins: PinHolder
    if cards is None:
        config, pins = folder.config(args.name or "tiaas-pcsc", announce_to=announce_to), NobodyKnows()
        policy = PinPolicy(PinMode.MANUAL)
    else:
        config = folder.config(args.name or "tiaas-virtual", cards.shape, "TIAASVKT", announce_to)
        pins, policy = cards, PinPolicy(PinMode(args.pin))
    terminal = VirtualTerminal(config, folder.state(), clock=clock, entropy=entropy, pins=pins, on_change=folder.keep)
    terminal.pin_policy = policy
    terminal.insert(config.smkt_slot, VirtualCard(folder.smkt(), clock=clock, entropy=entropy))
    if cards is not None:
        cards.insert_all(terminal, clock, entropy)
    port = await terminal.start(args.host, args.port)
    mac = terminal.config.mac.hex(":").upper()
    out(f"terminal {mac} on {args.host}:{port}, " + (f"reader {reader}" if reader else f"{args.shape}, gSMC-KT"))
    out(f"fingerprint of its certificate: {folder.fingerprint}")
    for line in () if cards is None else cards.lines():
        out(line)
    sys.stdout.flush()
    show_display(terminal)
    keypad = asyncio.create_task(take_keys(terminal, None if cards is None else cards.on_line))
    try:
        if reader is not None:
            await follow_reader(terminal, reader)
        else:
            await asyncio.Event().wait()
    finally:
        keypad.cancel()
        await asyncio.gather(keypad, return_exceptions=True)
        await terminal.stop()


def _udp_address(text: str) -> tuple[str, int]:
    host, colon, port = text.partition(":")
    try:
        address = str(IPv4Address(host))
    except ValueError:
        raise InvalidInput(f"--announce {text}: give an IPv4 address") from None
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InvalidInput(f"--announce {text}: a port is a number from 1 to 65535")
    return address, int(port) if colon else _SICCT_PORT


def _obtain_identity(args: argparse.Namespace, folder: TerminalFolder) -> None:
    """Takes the gSMC-KT from a file, or lets a running lab make it. Raises `LabError`, `InvalidInput`."""
    if args.smkt is not None:
        folder.create(read_card_file(args.smkt), _read_text(args.ca), SystemEntropy())
        return
    ready = read_ready(find_lab(args.dir))
    bundle = Path(ready["lab"]["ca_bundle"]).read_text(encoding="ascii")
    with control_port(args) as http:
        folder.create(_new_smkt(http), bundle, SystemEntropy())


def _read_text(path: Path) -> str:
    try:
        return read_input(path).decode("ascii")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no PEM: it is not all ASCII") from None


def _new_smkt(http: httpx.Client) -> dict[str, object]:
    made = ask(http, "POST", "/cards", {"kind": "gSMC-KT"})
    return ask(http, "GET", f"/cards/{made['iccsn']}/image")


def _default_folder(name: str) -> Path:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "tiaas" / name
