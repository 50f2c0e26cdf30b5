"""The program in an Update-Paket: a wheel of tiaas (PEP 427), read without trust in its names, sizes and places.

It has the modules below `tiaas/` and, in `tiaas-VERSION.dist-info/`, METADATA with the version, WHEEL, and RECORD with
the SHA-256 of every file: what `konnektor/software.py` compares the program with from then on.
"""

import csv
import io
import re
import stat
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from tiaas.interfaces.updatepackage import ZIP_ERRORS, BadPackage, write_archive

PROGRAM = "tiaas"
_MEMBERS_MAX, _FILE_OCTETS_MAX, _PROGRAM_OCTETS_MAX = 4000, 8 * 1024 * 1024, 64 * 1024 * 1024
_PART = re.compile("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_PARTS_MAX = 12
_VERSION_LINE = re.compile(r'^__version__ = "[^"\n]*"$', re.MULTILINE)

Program = Mapping[str, bytes]
"""Content by path, with `/`: what is unpacked into one folder."""


def wheel_name(version: str) -> str:
    """The name of the wheel's file."""
    return f"{PROGRAM}-{version}-py3-none-any.whl"


def program_of(folder: Path, version: str) -> dict[str, bytes]:
    """The modules in `folder`, the one of a running tiaas, as a program of another version. Raises `OSError`."""
    files = {
        f"{PROGRAM}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    first = f"{PROGRAM}/__init__.py"
    files[first] = _VERSION_LINE.sub(f'__version__ = "{version}"', files[first].decode()).encode()
    return files


def write_wheel(program: Program, version: str) -> bytes:
    """A wheel of `program`, its list of hashes made new."""
    info = f"{PROGRAM}-{version}.dist-info"
    members = {
        **program,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PROGRAM}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tiaas\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for path, content in members.items():
        digest = urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode("ascii")
        rows.writerow((path, f"sha256={digest}", len(content)))
    rows.writerow((f"{info}/RECORD", "", ""))
    return write_archive({**members, f"{info}/RECORD": record.getvalue().encode()}, zipfile.ZIP_DEFLATED)


def read_wheel_untrusted(octets: bytes, version: str) -> Program:
    """The files of a wheel of that version. Raises only `BadPackage`."""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            members = archive.infolist()
            _require_sizes(members)
            program: dict[str, bytes] = {}
            for member in members:
                path = _place(member, version)
                if path in program:
                    raise BadPackage("two files have one place")
                program[path] = archive.read(member)
    except (*ZIP_ERRORS, zlib.error) as error:
        raise BadPackage("no wheel that can be read") from error
    needed = (f"{PROGRAM}/__main__.py", f"{PROGRAM}-{version}.dist-info/RECORD")
    if not all(path in program for path in needed):
        raise BadPackage("the wheel has no program, or is of another version")
    return program


def _require_sizes(members: list[zipfile.ZipInfo]) -> None:
    """What the archive announces is the most that is unpacked of it: `zipfile` reads no more."""
    if len(members) > _MEMBERS_MAX:
        raise BadPackage("too many files")
    if any(member.file_size > _FILE_OCTETS_MAX for member in members):
        raise BadPackage("a file is too long")
    if sum(member.file_size for member in members) > _PROGRAM_OCTETS_MAX:
        raise BadPackage("the program is too long")


def _place(member: zipfile.ZipInfo, version: str) -> str:
    """Where a member belongs; below the program's two folders, and nowhere else."""
    parts = member.filename.split("/")
    mode = member.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise BadPackage("a member that is no file")
    if not 2 <= len(parts) <= _PARTS_MAX or not all(map(_PART.fullmatch, parts)):
        raise BadPackage("a file has a place that is none")
    if parts[0] not in (PROGRAM, f"{PROGRAM}-{version}.dist-info"):
        raise BadPackage("a file is not part of the program")
    return member.filename
