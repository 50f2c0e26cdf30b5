"""`tiaas admin parameters` and `receipt-secret`: the parameters of an instance, shown and set."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_origin

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.cli.adminaccess import read_secret, with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.writer import note, out, out_fields
from tiaas.client.admin import Admin
from tiaas.interfaces.management.documents import members, optional, plain, read
from tiaas.interfaces.management.parameters import (
    SECRET_OCTETS,
    ParameterInForce,
    Parameters,
    ParametersInForce,
    ReceiptSecret,
)
from tiaas.interfaces.management.system import SystemState

_PATH, _IN_FORCE, _SECRET_PATH = "/parameters", "/parameters/in-force", "/parameters/receipt-secret"
_SECRET = "receipt_secret"
_EMPTY = "none"
_NUMBER = re.compile("-?[0-9]+")
_ADMINISTRATOR = "administrator"


def register_parameters(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `parameters`, `receipt-secret`."""
    parameters = action(
        "parameters",
        "show the parameters, or set some: NAME=VALUE, NAME= for what the operator configured",
        _parameters,
    )
    parameters.add_argument(
        "settings", nargs="*", metavar="NAME=VALUE", help=f"a list as A,B, an empty one as {_EMPTY}"
    )
    secret = action(
        "receipt-secret", "what keys of VSDM receipts come from: whose counts; set it, or take it back", _secret
    )
    secret.add_argument("what", nargs="?", choices=("show", "set", "remove"), default="show")
    secret.add_argument("--file", type=Path, metavar="FILE", help="with set: its octets; default: a text is asked for")


# ---- parameters -----------------------------------------------------------------------------------------------------


def _parameters(args: argparse.Namespace) -> int:
    counting: dict[str, ParameterInForce] = {}

    async def work(admin: Admin) -> Parameters:
        held: dict[str, Any] = plain(await admin.read(_PATH, Parameters))
        lists = {member.name for member in members(Parameters) if get_origin(optional(member.kind)) is tuple}
        for setting in args.settings:
            name, is_given, value = setting.partition("=")
            if name == _SECRET:
                raise InvalidInput("a secret is no argument: tiaas admin receipt-secret set")
            if not is_given or name not in held:
                raise InvalidInput(f"{setting}: write NAME=VALUE; names are {', '.join(held)}")
            held[name] = _list(value) if name in lists else _value(value)
        if args.settings:
            await admin.change("PUT", _PATH, read(Parameters, held))
            await _say_when(admin)
            held = plain(await admin.read(_PATH, Parameters))
        counting.update(await _in_force(admin))
        return read(Parameters, held)

    def text(shown: Parameters) -> None:
        set_here = {**plain(shown), _SECRET: _ADMINISTRATOR if counting[_SECRET].is_set else None}
        out_fields({name: _told_value(value, counting[name]) for name, value in set_here.items()})

    return shown(args, with_admin(args, work), text)


async def _in_force(admin: Admin) -> dict[str, ParameterInForce]:
    return {each.name: each for each in (await admin.read(_IN_FORCE, ParametersInForce)).parameters}


async def _say_when(admin: Admin) -> None:
    if (await admin.read("/system", SystemState)).restart_needed:
        note("tiaas: not all of them count yet; the rest from the next start on: tiaas admin restart")
    else:
        note("tiaas: they count from now on")


def _told_value(value: object, counting: ParameterInForce) -> str:
    """What is set or else configured, and what counts now if that is another value."""
    text = counting.configured if value is None else str(value)
    if isinstance(value, bool):
        text = text.lower()
    elif isinstance(value, list):
        text = ", ".join(value) or _EMPTY
    remarks = ["as configured"] if value is None else []
    if text != counting.value:
        remarks.append(f"now {counting.value}")
    return f"{text} ({'; '.join(remarks)})" if remarks else text


def _value(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    return text or None


def _list(text: str) -> list[str] | None:
    if text == _EMPTY:
        return []
    return [entry.strip() for entry in text.split(",")] if text else None


# ---- the secret of receipts -----------------------------------------------------------------------------------------


def _secret(args: argparse.Namespace) -> int:
    if args.file is not None and args.what != "set":
        raise InvalidInput("--file goes with set")
    secret = None if args.what != "set" else _given_secret(args.file)

    async def work(admin: Admin) -> ParameterInForce:
        if secret is not None:
            await admin.change("PUT", _SECRET_PATH, secret)
        elif args.what == "remove":
            await admin.change("DELETE", _SECRET_PATH)
        is_program = args.what == "show" and args.json
        if not is_program and (await admin.read("/system", SystemState)).restart_needed:
            note("tiaas: what was changed counts from the next start on: tiaas admin restart")
        return (await _in_force(admin))[_SECRET]

    told = {
        _EMPTY: "none counts now: each Mandant has a random key",
        "configuration": "that of the operator's configuration counts now",
        _ADMINISTRATOR: "one that an administrator has set counts now",
    }
    return shown(args, with_admin(args, work), lambda found: out(told[found.value]))


def _given_secret(file: Path | None) -> ReceiptSecret:
    """Raises `InvalidInput`."""
    octets = read_secret("secret: ").reveal() if file is None else read_input(file)
    if len(octets) not in SECRET_OCTETS:
        raise InvalidInput(f"the secret has {SECRET_OCTETS[0]} to {SECRET_OCTETS[-1]} octets")
    return ReceiptSecret(octets)
