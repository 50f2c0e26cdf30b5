"""Small programs that can be packed, started and looked at as the real one is: `tiaas` of a few lines."""

from datetime import date

from tiaas.interfaces.programwheel import wheel_name, write_wheel
from tiaas.interfaces.updatepackage import FirmwareGroup, Manifest, digests_of, write_package
from tiaas.lab.hersteller import Hersteller


def small_program(version: str, main: str = "") -> dict[str, bytes]:
    """A program that says its version when it is looked at, and does `main` when it is started."""
    text = f"""
import sys
if "selftest" in sys.argv:
    print("tiaas {version}, small")
else:
    pass
{main}
"""
    return {"tiaas/__init__.py": f'__version__ = "{version}"\n'.encode(), "tiaas/__main__.py": text.encode()}


def package_of(
    program: dict[str, bytes],
    version: str,
    hersteller: Hersteller,
    group: FirmwareGroup | None = None,
    product: tuple[str, str, str] = ("TIAAS", "TIAAS", "1.0.0"),
) -> bytes:
    """A package with it."""
    files = {wheel_name(version): write_wheel(program, version)}
    held = group or FirmwareGroup("00001", ("0.1.0", version))
    signed = Manifest(*product, version, date(2026, 6, 1), "", held, digests_of(files)).encode()
    return write_package(signed, hersteller.sign(signed), files)
