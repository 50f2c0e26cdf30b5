"""`tiaas up`: a lab TI, a demo practice and its Highspeed-Konnektor in one process, until SIGINT or SIGTERM.

The first signal stops in order: `ready.json` goes, calls under way finish, terminals and files are closed, exit code
0. A second one ends the process at once; nothing is lost then either, only connections break.

This module loads little, so that the RSA keys of a new lab are made while `tiaas.cli.upserving` is loaded.
"""

import argparse
import sys
from pathlib import Path

from tiaas.base import collector, log
from tiaas.cli.programs import AGAIN, is_kept, keep_program, programs_in, start_anew
from tiaas.cli.upchoices import DEFAULT_FOLDER, LOG_FILE, HsmKind, folder_of
from tiaas.lab.keys import RsaAhead
from tiaas.lab.population import PATIENTS, PATIENTS_MAX, PATIENTS_MIN, TERMINALS_MAX
from tiaas.lab.registry import DIR_VARIABLE
from tiaas.lab.store import DATABASE_FILE

_RSA_KEYS = 7
"""A new lab needs as many before it is up: its CAs and their OCSP signer."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `up`."""
    parser = subparsers.add_parser("up", description="Everything in it is TEST-ONLY.")
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help=f"the lab's folder (default: {DIR_VARIABLE}, else {DEFAULT_FOLDER})"
    )
    parser.add_argument("--practices", type=int, metavar="N", help="how many demo practices (default: as before, or 1)")
    parser.add_argument(
        "--terminals",
        type=int,
        metavar="N",
        help=f"terminals of each practice, each with a workplace, up to {TERMINALS_MAX} (default: as before, or 1)",
    )
    parser.add_argument(
        "--patients",
        type=int,
        metavar="N",
        help=f"health cards of each practice, {PATIENTS_MIN} to {PATIENTS_MAX} (default: as before, or {PATIENTS})",
    )
    parser.add_argument(
        "--listen",
        default="127.0.0.1",
        metavar="ADDR[:PORT]",
        help="address of the Konnektors; with PORT practice N gets PORT+N-1 (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--host",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="further names or addresses in the server certificates",
    )
    parser.add_argument("--locked", action="store_true", help="leave PIN.SMC unverified (ReadVSD then gives 3041)")
    parser.add_argument(
        "--hsm",
        nargs="?",
        const=HsmKind.SOFTHSM.value,
        choices=[kind.value for kind in HsmKind],
        help="a virtual SMC-B (HSM-B) for each practice: its keys in a SoftHSM2 token, or in a folder",
    )
    parser.add_argument("--ecc-only", action="store_true", help="cards without RSA keys (a new folder only)")
    parser.add_argument("--seed", type=Path, metavar="FILE", help="other people (a new folder only)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of the Konnektors (TOML)")
    parser.add_argument("--scenario", metavar="FILE|NAME", help="play a scenario once everything is up")
    parser.add_argument("--log-level", default="info", choices=log.LEVELS, help=f"of DIR/{LOG_FILE} (default: info)")


def run(args: argparse.Namespace) -> int:
    """Serves until a signal comes, with the program that an Update-Paket brought, if there is one."""
    if not is_kept():
        code = keep_program(programs_in(folder_of(args)), sys.argv[1:])
        if code is not None:
            return code
    is_new = not args.ecc_only and not (folder_of(args) / DATABASE_FILE).exists()
    ahead = RsaAhead(_RSA_KEYS if is_new else 0)
    with collector.resting():
        from tiaas.cli.upserving import read_options, serve
    code = serve(read_options(args, ahead.take))
    if code == AGAIN and not is_kept():
        start_anew()
    return code
