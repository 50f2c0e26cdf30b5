"""Is the installed program the one that was installed (EC_Software_Integrity_Check_Failed).

The list of hashes is the one the installer keeps (RECORD, PEP 376 and the wheel format): SHA-256 of every file of the
package, made when the wheel was built. A checkout of the sources has none; there nothing can be checked, and it says
so. The list is no signature: who can write program and list can deceive it.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PACKAGE = "tiaas"
Hashes = Mapping[Path, bytes]
"""Absolute path of a program file → SHA-256."""


def installed_hashes(package: str = PACKAGE) -> Hashes:
    """The hashes of the installed package's own files; empty for a checkout or without installation."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        return {}
    listed = [
        file for file in files if file.hash is not None and file.hash.mode == "sha256" and file.parts[0] == package
    ]
    return {Path(str(file.locate())): _digest(file.hash.value) for file in listed if file.hash is not None}


def changed_files(hashes: Hashes) -> tuple[str, ...]:
    """Names of files that are missing, changed, or modules beside them that are not on the list. Reads all files."""
    wrong = [path for path, digest in hashes.items() if _hash_of(path) != digest]
    folders = {path.parent for path in hashes}
    wrong += [path for folder in folders for path in folder.glob("*.py") if path not in hashes]
    return tuple(sorted(path.name for path in wrong))


def _hash_of(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None


def _digest(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
