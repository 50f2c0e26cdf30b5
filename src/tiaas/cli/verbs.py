"""The verbs and the modules that do them.

A verb module offers `register(subparsers)`, which adds the parsers of its verbs, and `run(args)`, which does the work
and returns the exit code; `args.verb` tells which of its verbs was called. `run` raises `TiaasError` for what can go
wrong in operation; the entry point makes the message.
"""

import argparse
import importlib
from typing import Protocol, cast

from tiaas.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """The module that does a verb, and what `tiaas --help` says of it: the help of all must not load them all."""

    home: str
    summary: str


# In the order of the help text.
VERBS = {
    "up": Verb("tiaas.cli.up", "start a lab TI with a Konnektor and a demo practice"),
    "get": Verb("tiaas.cli.get", "show cards, terminals, certificates, the Konnektor's state"),
    "pin": Verb("tiaas.cli.pin", "verify, change, unblock a PIN at the terminal, or show its state"),
    "slot": Verb("tiaas.cli.slot", "ask a person at a terminal for a card, or to take one out (SOAP)"),
    "certificate": Verb("tiaas.cli.certificate", "when certificates end, and whether one is valid"),
    "vsd": Verb("tiaas.cli.vsd", "read the insured person's data from an eGK"),
    "kvk": Verb("tiaas.cli.kvk", "read a Krankenversichertenkarte"),
    "directory": Verb("tiaas.cli.directory", "search the directory of the TI through the LDAP proxy"),
    "popp": Verb("tiaas.cli.popp", "try card sessions for PoPP with scenarios that the lab signs"),
    "sign": Verb("tiaas.cli.sign", "sign files with an SMC-B or, qualified, with an HBA"),
    "comfort": Verb("tiaas.cli.comfort", "begin or end a session of comfort signatures, or show it"),
    "verify": Verb("tiaas.cli.verify", "verify the signatures of files"),
    "encrypt": Verb("tiaas.cli.encrypt", "encrypt files for certificates or a card"),
    "decrypt": Verb("tiaas.cli.decrypt", "decrypt files with the key of an SMC-B or HBA"),
    "authenticate": Verb(
        "tiaas.cli.authenticate", "sign a hash value or an IDP's challenge with a card's authentication key"
    ),
    "events": Verb("tiaas.cli.events", "show the Konnektor's events live"),
    "log": Verb("tiaas.cli.logs", "show a Konnektor's logs"),
    "state": Verb("tiaas.cli.logs", "show the operating state"),
    "admin": Verb("tiaas.cli.admin", "manage a Konnektor instance or the node"),
    "card": Verb("tiaas.cli.labverbs", "make, show, insert and eject the cards of a lab"),
    "terminal": Verb("tiaas.cli.terminalverbs", "see to the virtual terminals of a lab, or make one of a reader"),
    "lab": Verb(
        "tiaas.cli.labfaults", "the lab's services: faults, journal, pending updates, PKI; a day in a practice"
    ),
    "explain": Verb("tiaas.cli.explain", "what an error code means and what to do"),
    "record": Verb("tiaas.cli.record", "record what practice software does; TEST DATA"),
    "check": Verb("tiaas.cli.checkpvs", "judge practice software by a recording"),
    "selftest": Verb("tiaas.cli.selftest", "check that this installation works"),
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
    return cast(VerbModule, importlib.import_module(VERBS[verb].home))
