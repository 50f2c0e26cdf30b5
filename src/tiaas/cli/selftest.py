"""`tiaas selftest`: does this installation have what tiaas needs?"""

import argparse
from pathlib import Path

from tiaas.base.clock import SystemClock
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.writer import out


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `selftest`."""
    parser = subparsers.add_parser(
        "selftest",
        description="Does TLS 1.2 handshakes with brainpool and P-256 certificates in memory and says which libraries "
        "are in use. Exit code 0 if all is well.",
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FILE",
        help="can this program serve what is in that konnektor.sqlite? It is read only",
    )


def run(args: argparse.Namespace) -> int:
    """Proves TLS and prints versions. Raises `TlsNotReady`, and `StoreError` for a store of another form."""
    import platform
    import ssl

    import cryptography
    from lxml import etree

    from tiaas import __version__
    from tiaas.pki.tlsready import prove_tls

    out(f"tiaas {__version__}, Python {platform.python_version()}, {ssl.OPENSSL_VERSION}")
    out(f"cryptography {cryptography.__version__}, lxml {etree.__version__}")
    for curve, suite in prove_tls(SystemClock()).items():
        out(f"TLS 1.2 with {curve}: {suite}")
    if args.store is not None:
        # Whether all that a node needs can be loaded is found out here, not when the one that serves has ended.
        from tiaas.cli import upserving
        from tiaas.konnektor.sqlite_store import require_readable

        require_readable(args.store)
        out(f"{args.store}: can be served by {upserving.__name__}")
    return ExitCode.OK
