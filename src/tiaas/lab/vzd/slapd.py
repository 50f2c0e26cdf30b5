"""OpenLDAP's `slapd` as the lab's directory: generated configuration, filled anew at each start, ended with the lab.

It runs unprivileged in a folder of the lab and listens on a socket there, named relative to the folder: a path of a
UNIX socket has 108 octets at most. `setpriv --pdeathsig` ends it with us even if we are killed. The attributes that
core.schema lacks have OIDs below 2.25 (a UUID of ours, ITU-T X.667): gematik publishes none.
"""

import asyncio
import os
import shutil
from pathlib import Path

from tiaas.base.errors import TiaasError
from tiaas.lab.vzd.entries import BASE

PACKAGE = "slapd"
RESULTS_MAX = 100
"""TIP1-A_5552."""
_SECONDS_MAX = 30
_START_SECONDS = 10.0
_STOP_SECONDS = 2.0
_POLL_SECONDS = 0.02
_SCHEMAS = Path("/etc/ldap/schema")
_MODULES = Path("/usr/lib/ldap")
_SOCKET = "socket"
_PLACES = "/usr/sbin:/usr/libexec:/usr/local/sbin"
_ARC = "2.25.299127134265741528136893716023473124507"
_TEXT = "EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
_CASELESS = "EQUALITY caseIgnoreIA5Match SUBSTR caseIgnoreIA5SubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.26"
_BOOLEAN = "EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE"
_TIME = (
    "EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 "
    "SINGLE-VALUE"
)
_ATTRIBUTES = {
    "telematikID": _TEXT + " SINGLE-VALUE",
    "domainID": _TEXT,
    "organization": _TEXT,
    "otherName": _TEXT,
    "countryCode": _TEXT + " SINGLE-VALUE",
    "professionOID": _CASELESS,
    "specialization": _TEXT,
    "holder": _TEXT,
    "entryType": _TEXT,
    "personalEntry": _BOOLEAN,
    "dataFromAuthority": _BOOLEAN,
    "changeDateTime": _TIME,
    "kimData": _TEXT,
    "komLeData": _TEXT,
}
_KNOWN = (
    "uid", "displayName", "givenName", "title", "street", "postalCode", "l", "st", "mail", "userCertificate",
)  # fmt: skip


class NoSlapd(TiaasError):
    """There is no `slapd`, or it does not start; says why."""


def find_slapd() -> Path | None:
    """Where `slapd` is; administrators' folders are not in everybody's search path."""
    found = shutil.which("slapd") or shutil.which("slapd", path=_PLACES)
    return None if found is None else Path(found)


class Slapd:
    """A running directory; `socket` is where it listens. Build it with `start`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def socket(self) -> Path:
        """The UNIX socket, by a path that is short and good in this process only."""
        return Path(f"/proc/self/fd/{self._descriptor}/{_SOCKET}")

    @classmethod
    async def start(cls, folder: Path, ldif: str) -> "Slapd":
        """Makes a directory with that content in `folder`, which is emptied. Raises `NoSlapd`."""
        program = find_slapd()
        if program is None:
            raise NoSlapd(f"there is no slapd here (Debian: apt-get install {PACKAGE})")
        _empty(folder)
        try:
            return await cls._start(program, folder, ldif)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    async def _start(cls, program: Path, folder: Path, ldif: str) -> "Slapd":
        (folder / "db").mkdir(mode=0o700)
        (folder / "vzd.schema").write_text(_schema(), encoding="ascii")
        configuration = folder / "slapd.conf"
        configuration.write_text(_configuration(folder), encoding="ascii")
        await _fill(program, configuration, ldif)
        arguments = [str(program), "-f", str(configuration), "-h", f"ldapi://{_SOCKET}"]
        mourner = shutil.which("setpriv")
        before = [] if mourner is None else [mourner, "--pdeathsig", "KILL", "--"]
        process = await asyncio.create_subprocess_exec(
            *before, *arguments, "-d", "0", cwd=folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        started = cls(process, folder)
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await started._answers():
                    if process.returncode is not None:
                        raise NoSlapd(f"slapd ended with {process.returncode}; does AppArmor keep it out of {folder}?")
                    await asyncio.sleep(_POLL_SECONDS)
            # slapd lets everybody in; whoever may use the folder may use this.
            started.socket.chmod(0o600)
        except BaseException as error:
            await started.stop()
            if isinstance(error, TimeoutError):
                raise NoSlapd("slapd does not listen") from error
            raise
        return started

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        writer.close()
        return True

    async def stop(self) -> None:
        """Ends it and removes its folder."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        os.close(self._descriptor)
        shutil.rmtree(self._folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


async def _fill(program: Path, configuration: Path, ldif: str) -> None:
    # One program under several names; Debian has a link only.
    loader = await asyncio.create_subprocess_exec(
        str(program), "-Tadd", "-q", "-f", str(configuration),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await loader.communicate(ldif.encode())
    if loader.returncode != 0:
        last = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise NoSlapd(f"slapd does not take the entries: {last}")


def _schema() -> str:
    lines = [
        f"attributetype ( {_ARC}.1.{at} NAME '{name}' {syntax} )"
        for at, (name, syntax) in enumerate(_ATTRIBUTES.items(), 1)
    ]
    may = " $ ".join((*_ATTRIBUTES, *_KNOWN))
    lines.append(f"objectclass ( {_ARC}.2.1 NAME 'vzdEntry' SUP top STRUCTURAL MUST ( cn $ sn ) MAY ( {may} ) )")
    return "\n".join(lines) + "\n"


def _configuration(folder: Path) -> str:
    includes = [f"include {_SCHEMAS / f'{name}.schema'}" for name in ("core", "cosine", "inetorgperson")]
    modules = [f"modulepath {_MODULES}", "moduleload back_mdb"] if _MODULES.is_dir() else []
    return "\n".join(
        [
            *includes,
            f"include {folder / 'vzd.schema'}",
            *modules,
            f"pidfile {folder / 'pid'}",
            f"sizelimit {RESULTS_MAX}",
            f"timelimit {_SECONDS_MAX}",
            "threads 4",
            "database mdb",
            f'suffix "{BASE}"',
            f"directory {folder / 'db'}",
            "maxsize 268435456",
            "dbnosync",
            "readonly on",
            "access to * by * read",
            "index objectClass,mail,telematikID,domainID,entryType,professionOID eq",
            "index displayName,sn eq,sub",
            "",
        ]
    )
