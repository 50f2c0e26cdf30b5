"""Makes an Update-Paket out of the program that runs: the same modules, as another version, signed by the Hersteller.

A package that `fails` is signed and whole, and its program passes a look at it, but ends when it is to serve.
"""

from datetime import date
from pathlib import Path

import tiaas
from tiaas.interfaces.programwheel import program_of, wheel_name, write_wheel
from tiaas.interfaces.updatepackage import FirmwareGroup, Manifest, digests_of, write_package
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.ksr.packages import Product

_SERVING = "tiaas/cli/up.py"
_FAILING = b'\n\ndef run(args: argparse.Namespace) -> int:\n    """TEST-ONLY: ends instead."""\n    return 1\n'


def running_version() -> str:
    """The version of the program that runs."""
    return tiaas.__version__


def program_package(
    product: Product,
    version: str,
    created: date,
    notes: str,
    group: FirmwareGroup,
    hersteller: Hersteller,
    *,
    fails: bool = False,
) -> bytes:
    """The package: a quarter of a second's work. Raises `OSError` if the program's files cannot be read."""
    program = program_of(Path(tiaas.__file__).parent, version)
    if fails:
        program[_SERVING] += _FAILING
    files = {wheel_name(version): write_wheel(program, version)}
    manifest = Manifest(
        product.vendor_id, product.code, product.hardware, version, created, notes, group, digests_of(files)
    )
    signed = manifest.encode()
    return write_package(signed, hersteller.sign(signed), files)
