"""`tiaas terminal …`: a technician's hand at the virtual terminals of a running lab, and firmware images for them."""

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tiaas.base.errors import InvalidInput
from tiaas.cli import terminalserve
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.outputfiles import write
from tiaas.cli.writer import out, out_json, out_table
from tiaas.terminal.virtual.firmware import FirmwareImage, Version

_ANNOUNCEMENT_PORT = 4742
_KIBIBYTE = 1024


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `terminal` and what it does."""
    parser = subparsers.add_parser("terminal")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    listed = things.add_parser("list", help="all virtual terminals and who is connected")
    pairing = things.add_parser("pairing", help="show or delete pairing blocks, as in the terminal's own menu")
    pairing.add_argument("--delete", metavar="BLOCK", help="a block's number, BLOCK.KEY for one key, or `all`")
    announce = things.add_parser("announce", help="send the terminal's service description (UDP)")
    announce.add_argument("--to", metavar="HOST[:PORT]", default="127.0.0.1", help="IPv4 address (default 127.0.0.1)")
    antenna = things.add_parser("contactless", help="switch the contactless slot (Option_CL) on or off")
    antenna.add_argument("state", choices=("on", "off"))
    exchange = things.add_parser("exchange", help="put a new gSMC-KT into the terminal")
    expire = things.add_parser("expire", help="let the certificate of the terminal's gSMC-KT end")
    expire.add_argument("--days", type=int, default=-1, metavar="N", help="in N days (default -1: yesterday)")
    for verb in (pairing, announce, antenna, exchange, expire):
        verb.add_argument("ct_id", metavar="CT", help="ctId of the terminal")
    for verb in (listed, pairing, announce, antenna, exchange, expire):
        add_arguments(verb)
    terminalserve.register_serve(things)
    image = things.add_parser("firmware", help="write a firmware image for virtual terminals")
    image.add_argument("file", type=Path, metavar="FILE")
    image.add_argument("--version", required=True, metavar="X.Y.Z", help="firmware version")
    image.add_argument("--model", default="TIAASVKT", help="model it is for (default TIAASVKT)")
    image.add_argument("--group", default="00001", help="firmware group (default 00001; a terminal takes no lower one)")
    image.add_argument("--kib", type=int, default=64, metavar="N", help="size of the payload (default 64 KiB)")


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    if args.thing == "firmware":
        return _firmware(args)
    if args.thing == "serve":
        return terminalserve.run(args)
    verbs = {
        "list": _list,
        "pairing": _pairing,
        "announce": _announce,
        "contactless": _contactless,
        "exchange": _exchange,
        "expire": _expire,
    }
    with control_port(args) as http:
        return verbs[args.thing](http, args)


def _list(http: httpx.Client, args: argparse.Namespace) -> int:
    terminals = ask(http, "GET", "/")["terminals"]
    if args.json:
        out_json(terminals)
    else:
        rows = [(t["ct_id"], t["name"], t["sicct"], str(len(t["slots"])), t["client"]) for t in terminals]
        out_table(("CT", "NAME", "SICCT", "SLOTS", "CLIENT"), rows)
    return ExitCode.OK


def _pairing(http: httpx.Client, args: argparse.Namespace) -> int:
    path = _path(args, "pairing")
    if args.delete is None:
        return _show_blocks(args, ask(http, "GET", path))
    if args.delete == "all":
        return _show_blocks(args, ask(http, "DELETE", path))
    block, _, key = args.delete.partition(".")
    query = f"?block={quote(block)}" + (f"&key={quote(key)}" if key else "")
    return _show_blocks(args, ask(http, "DELETE", path + query))


def _show_blocks(args: argparse.Namespace, shown: dict[str, Any]) -> int:
    if args.json:
        out_json(shown)
    else:
        rows = [(str(block["number"]), str(len(block["keys"])), ", ".join(block["keys"])) for block in shown["blocks"]]
        out_table(("BLOCK", "KEYS", "SHA-256 OF THE KONNEKTORS' PUBLIC KEYS"), rows)
        out(f"{shown['free']} free")
    return ExitCode.OK


def _announce(http: httpx.Client, args: argparse.Namespace) -> int:
    host, colon, port = args.to.partition(":")
    if colon and not (port.isascii() and port.isdigit()):
        raise InvalidInput("--to is HOST or HOST:PORT")
    body = {"host": host, "port": int(port) if colon else _ANNOUNCEMENT_PORT}
    sent = ask(http, "POST", _path(args, "announce"), body)
    return _tell(args, sent, f"{args.ct_id} announced to {sent['host']}:{sent['port']}")


def _contactless(http: httpx.Client, args: argparse.Namespace) -> int:
    done = ask(http, "PUT", _path(args, "contactless"), {"on": args.state == "on"})
    return _tell(args, done, f"the contactless slot of {args.ct_id} is {args.state}")


def _exchange(http: httpx.Client, args: argparse.Namespace) -> int:
    done = ask(http, "POST", _path(args, "smkt"))
    return _tell(args, done, f"{args.ct_id} has gSMC-KT {done['iccsn']}; it has to be paired again")


def _expire(http: httpx.Client, args: argparse.Namespace) -> int:
    done = ask(http, "PUT", _path(args, "smkt"), {"days": args.days})
    when = f"in {args.days} days" if args.days >= 0 else f"{-args.days} days ago"
    return _tell(args, done, f"the certificate of {args.ct_id} is a new one; its validity ends {when}")


def _firmware(args: argparse.Namespace) -> int:
    if not 1 <= args.kib <= 15 * _KIBIBYTE:
        raise InvalidInput(f"--kib is from 1 to {15 * _KIBIBYTE}")
    payload = bytes(range(256)) * (args.kib * 4)
    image = FirmwareImage(args.model, _version(args.version), args.group, payload)
    write(args.file, image.encode(), force=True)
    out(f"{args.file}: firmware {args.version} for {args.model}, group {args.group}")
    return ExitCode.OK


def _version(text: str) -> Version:
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        raise InvalidInput("--version is three numbers with dots")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _tell(args: argparse.Namespace, done: dict[str, Any], text: str) -> int:
    if args.json:
        out_json(done)
    else:
        out(text)
    return ExitCode.OK


def _path(args: argparse.Namespace, what: str) -> str:
    return f"/terminals/{quote(args.ct_id, safe='')}/{what}"
