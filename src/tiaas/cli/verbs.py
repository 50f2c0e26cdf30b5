"""The verbs and the modules that do them.

A verb module offers `register(subparsers)`, which adds the parsers of its verbs, and `run(args)`, which does the work
and returns the exit code; `args.verb` tells which of its verbs was called. `run` raises `TiaasError` for what can go
wrong in operation; the entry point makes the message.
"""

import argparse
import importlib
from typing import Protocol, cast

# In the order of the help text.
HOMES = {
    "up": "tiaas.cli.up",
    "get": "tiaas.cli.get",
    "pin": "tiaas.cli.pin",
    "slot": "tiaas.cli.slot",
    "certificate": "tiaas.cli.certificate",
    "vsd": "tiaas.cli.vsd",
    "kvk": "tiaas.cli.kvk",
    "directory": "tiaas.cli.directory",
    "popp": "tiaas.cli.popp",
    "sign": "tiaas.cli.sign",
    "comfort": "tiaas.cli.comfort",
    "verify": "tiaas.cli.verify",
    "encrypt": "tiaas.cli.encrypt",
    "decrypt": "tiaas.cli.decrypt",
    "authenticate": "tiaas.cli.authenticate",
    "events": "tiaas.cli.events",
    "log": "tiaas.cli.logs",
    "state": "tiaas.cli.logs",
    "admin": "tiaas.cli.admin",
    "card": "tiaas.cli.labverbs",
    "terminal": "tiaas.cli.terminalverbs",
    "lab": "tiaas.cli.labfaults",
    "explain": "tiaas.cli.explain",
    "record": "tiaas.cli.record",
    "check": "tiaas.cli.checkpvs",
    "selftest": "tiaas.cli.selftest",
}


class VerbModule(Protocol):
    """What each of these modules offers."""

    def register(self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        """Adds the parsers of its verbs."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Does what was asked; returns the exit code."""
        ...


def load(verb: str) -> VerbModule:
    """The module that does `verb`, imported now: a call pays for its own verb only."""
    return cast(VerbModule, importlib.import_module(HOMES[verb]))


def load_all() -> list[VerbModule]:
    """All modules, in the order of the help text."""
    return [cast(VerbModule, importlib.import_module(home)) for home in dict.fromkeys(HOMES.values())]
