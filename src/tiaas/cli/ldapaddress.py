"""Where the LDAP proxy of a Konnektor is: `--ldap URL`, or what the ready file of a running lab says."""

import argparse
import ssl
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.cli.konnektorargs import choose_kon
from tiaas.cli.whichlab import find_lab
from tiaas.client.tls import build_context
from tiaas.lab.ready import read_ready


def add_ldap_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--ldap`."""
    parser.add_argument("--ldap", metavar="URL", help="the LDAP proxy, ldaps://HOST:PORT; needed with --kon")


def choose_ldap(args: argparse.Namespace) -> tuple[str, ssl.SSLContext | None]:
    """URL and TLS context of the proxy. Raises `InvalidInput`, `LabNotFound`, `BadKon`."""
    url, kon = _address(args), choose_kon(args)
    return url, build_context(kon) if url.startswith("ldaps:") else None


def _address(args: argparse.Namespace) -> str:
    if args.ldap is not None:
        return str(args.ldap)
    if args.kon is not None:
        raise InvalidInput("a .kon file does not say where the LDAP proxy is; give --ldap ldaps://HOST:PORT")
    instances: list[Any] = read_ready(find_lab(args.dir))["instances"]
    if not 1 <= args.practice <= len(instances):
        raise InvalidInput("--practice counts from 1")
    entry = instances[args.practice - 1]["ldap"]
    if entry is None:
        raise InvalidInput("this lab has no directory: `tiaas up` needs slapd (Debian: apt-get install slapd)")
    return str(entry["url"])
