"""`tiaas admin terminal …`: card terminals through the management interface, pairing by comparing fingerprints."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.cli.adminaccess import add_access_arguments, read_secret, with_admin
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.writer import note, out, out_fields, out_json, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management import terminals as doc
from tiaas.interfaces.management.documents import plain

Work = Callable[[Admin, argparse.Namespace], Awaitable[Any]]

_STEPS = {
    "assign": (doc.TerminalCorrelation.ZUGEWIESEN, "from bekannt to zugewiesen"),
    "give-back": (doc.TerminalCorrelation.BEKANNT, "from zugewiesen to bekannt"),
    "activate": (doc.TerminalCorrelation.AKTIV, "from gepairt to aktiv"),
    "deactivate": (doc.TerminalCorrelation.GEPAIRT, "from aktiv to gepairt"),
    "unpair": (doc.TerminalCorrelation.ZUGEWIESEN, "from gepairt to zugewiesen; the terminal keeps its pairing block"),
}


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `terminal` and what it does."""
    parser = things.add_parser("terminal", help="card terminals: find, pair, look after")
    verbs = parser.add_subparsers(dest="verb_of_terminal", metavar="WHAT", required=True)

    def verb(name: str, text: str, work: Work, *, one: bool = True) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text)
        if one:
            added.add_argument("ct_id", metavar="CT", help="ctId of the terminal")
        added.set_defaults(act=_run, work=work, is_base=False)
        add_access_arguments(added)
        return added

    verb("list", "all card terminals", _list, one=False)
    verb("show", "one card terminal", _show)
    discover = verb("discover", "ask for terminals", _discover, one=False)
    discover.add_argument("addresses", nargs="*", metavar="ADDRESS", help="HOST, HOST:PORT, 192.168.178.0/28")
    discover.add_argument("--broadcast", action="store_true", help="the LAN as well; no broadcast crosses a VPN")
    add = verb("add", "add a terminal by its address", _add, one=False)
    add.add_argument("host", metavar="HOST")
    edit = verb("edit", "another address, port or name", _edit)
    edit.add_argument("--host", metavar="HOST")
    for each in (add, edit):
        each.add_argument("--port", type=int, metavar="N", help="SICCT port")
        each.add_argument("--name", metavar="NAME", help="terminal name")
        each.add_argument("--no-ask", action="store_true", help="do not ask the terminal by UDP")
    add.add_argument("--mac", metavar="MAC")
    verb("remove", "forget a terminal with its pairing", _remove)
    for name, (_, text) in _STEPS.items():
        verb(name, text, _step)
    pair = verb("pair", "pair: shows the fingerprint, then waits for OK at the terminal", _pair)
    pair.add_argument("--fingerprint", metavar="HEX", help="that of the paper; without it you are asked to compare")
    verb("verify", "ask whether the terminal knows the pairing's secret", _verify)
    verb("maintain", "Wartungs-Pairing: make this Konnektor's key known by an old pairing", _maintain)
    account = verb("account", "keep the terminal's administrator account; the password is asked for", _account)
    account.add_argument("terminal_user", metavar="USER")
    verb("check", "try that account", _check)
    message = verb("message", "show a message at the terminal", _message)
    message.add_argument("text", metavar="TEXT", help="up to 48 characters")
    message.add_argument("--confirm", action="store_true", help="wait for OK")
    shelf = verb("firmware", "the shelf of firmware: show it, or put an image on it", _firmware, one=False)
    shelf.add_argument("file", nargs="?", type=Path, metavar="FILE")
    shelf.add_argument("--version", metavar="X.Y.Z", help="with FILE")
    shelf.add_argument("--manufacturer", default="DETIA", help="with FILE (default DETIA)")
    shelf.add_argument("--model", default="TIAASVKT", help="with FILE (default TIAASVKT)")
    update = verb("update", "bring the newest firmware of its model to a terminal", _update)
    update.add_argument("--version", metavar="X.Y.Z")


def _run(args: argparse.Namespace) -> int:
    work: Work = args.work
    answer = with_admin(args, lambda admin: work(admin, args))
    if args.json:
        out_json(None if answer is None else plain(answer))
    else:
        _print(answer)
    return ExitCode.OK


def _print(answer: Any) -> None:
    if isinstance(answer, doc.TerminalList):
        rows = [(t.ct_id, t.name, f"{t.host}:{t.port}", t.correlation.value, _state(t)) for t in answer.terminals]
        out_table(("CT", "NAME", "SICCT", "CORRELATION", "STATE"), rows)
    elif isinstance(answer, doc.FoundTerminalList):
        found = [(each.mac, each.name, f"{each.host}:{each.port}") for each in answer.found]
        out_table(("MAC", "NAME", "SICCT"), found)
    elif isinstance(answer, doc.FirmwareList):
        rows_of = [(each.manufacturer, each.model, each.version, str(each.size)) for each in answer.packages]
        out_table(("MANUFACTURER", "MODEL", "VERSION", "OCTETS"), rows_of)
    elif answer is None:
        out("done")
    else:
        out_fields({name: "" if value is None else str(value) for name, value in plain(answer).items()})


def _state(terminal: doc.TerminalData) -> str:
    if terminal.connected:
        return "connected"
    return "away" if terminal.error is None else f"refused ({terminal.error})"


async def _list(admin: Admin, args: argparse.Namespace) -> doc.TerminalList:
    return await admin.read("/terminals", doc.TerminalList)


async def _show(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    return await admin.read(_one(args), doc.TerminalData)


async def _discover(admin: Admin, args: argparse.Namespace) -> doc.FoundTerminalList:
    search = doc.TerminalSearch(tuple(args.addresses) or None, True if args.broadcast else None)
    answer = await admin.change("POST", "/terminals/discovery", search, doc.FoundTerminalList)
    if not answer.found:
        settings = await admin.read("/terminal-settings", doc.TerminalSettingsData)
        note(f"tiaas: {_why_nobody(tuple(args.addresses) or settings.addresses, args.broadcast or settings.broadcast)}")
    return answer


def _why_nobody(asked: tuple[str, ...], broadcast: bool) -> str:
    """What to do if a discovery found no terminal."""
    if asked:
        return f"nobody answered at {', '.join(asked)} by UDP; without UDP: terminal add --no-ask"
    who = "nobody answered the broadcast" if broadcast else "nobody was asked"
    return f"{who}: no broadcast crosses a VPN, so give addresses, or keep some in /terminal-settings"


async def _add(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    new = doc.NewTerminal(args.host, args.port, args.mac, args.name, not args.no_ask)
    return await admin.change("POST", "/terminals", new, doc.TerminalData)


async def _edit(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    wanted = doc.TerminalChange(args.host, args.port, args.name, not args.no_ask)
    return await admin.change("PATCH", _one(args), wanted, doc.TerminalData)


async def _remove(admin: Admin, args: argparse.Namespace) -> None:
    await admin.change("DELETE", _one(args))


async def _step(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    wanted = doc.CorrelationChange(_STEPS[args.verb_of_terminal][0])
    return await admin.change("PUT", f"{_one(args)}/correlation", wanted, doc.TerminalData)


async def _pair(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    offer = await admin.change("POST", f"{_one(args)}/pairing/offer", None, doc.PairingOfferData)
    if offer.done:
        return await admin.read(_one(args), doc.TerminalData)
    fingerprint = args.fingerprint or _compared(offer.fingerprint)
    if not args.json:
        out("press OK at the terminal")
    confirmation = doc.PairingConfirmation(fingerprint)
    return await admin.change("POST", f"{_one(args)}/pairing", confirmation, doc.TerminalData)


def _compared(fingerprint: str) -> str:
    out(f"fingerprint of the terminal's certificate (SHA-256):\n  {fingerprint}")
    out("is it the one on the paper? yes or no")
    if sys.stdin.readline().strip() != "yes":
        raise InvalidInput("not paired: the fingerprint was not confirmed")
    return fingerprint


async def _verify(admin: Admin, args: argparse.Namespace) -> None:
    await admin.change("POST", f"{_one(args)}/pairing/verification")


async def _maintain(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    return await admin.change("POST", f"{_one(args)}/pairing/maintenance", None, doc.TerminalData)


async def _account(admin: Admin, args: argparse.Namespace) -> None:
    password = read_secret(f"password of {args.terminal_user} at the terminal: ")
    await admin.change("PUT", f"{_one(args)}/account", doc.TerminalAccount(args.terminal_user, password))


async def _check(admin: Admin, args: argparse.Namespace) -> None:
    await admin.change("POST", f"{_one(args)}/account/check")


async def _message(admin: Admin, args: argparse.Namespace) -> None:
    mode = doc.MessageMode.CONFIRM if args.confirm else doc.MessageMode.KEEP
    await admin.change("POST", f"{_one(args)}/message", doc.TerminalMessage(mode, args.text))


async def _firmware(admin: Admin, args: argparse.Namespace) -> doc.FirmwareList:
    if args.file is not None:
        if args.version is None:
            raise InvalidInput("--version goes with FILE")
        new = doc.NewFirmware(args.manufacturer, args.model, args.version, read_input(args.file))
        await admin.change("POST", "/terminal-firmware", new)
    return await admin.read("/terminal-firmware", doc.FirmwareList)


async def _update(admin: Admin, args: argparse.Namespace) -> doc.TerminalData:
    update = doc.FirmwareUpdate(args.version)
    return await admin.change("POST", f"{_one(args)}/firmware", update, doc.TerminalData)


def _one(args: argparse.Namespace) -> str:
    return path_of("/terminals/{}", args.ct_id)
