"""The form of an Update-Paket and of the program in it: what is taken, and what is refused before it is unpacked."""

import io
import zipfile
from collections.abc import Callable
from datetime import date

import pytest

from tiaas.interfaces.programwheel import read_wheel_untrusted, wheel_name, write_wheel
from tiaas.interfaces.updatepackage import (
    PACKAGE_OCTETS_MAX,
    BadPackage,
    FirmwareGroup,
    Manifest,
    digests_of,
    is_file_name,
    read_package_untrusted,
    write_archive,
    write_package,
)

PROGRAM = {"tiaas/__init__.py": b'__version__ = "0.2.0"\n', "tiaas/__main__.py": b"", "tiaas/base/openssl.cnf": b"x"}
FILES = {wheel_name("0.2.0"): write_wheel(PROGRAM, "0.2.0")}
GROUP = FirmwareGroup("00001", ("0.1.0", "0.2.0"))


def _manifest(files: dict[str, bytes] = FILES, group: FirmwareGroup = GROUP, version: str = "0.2.0") -> Manifest:
    return Manifest("TIAAS", "TIAAS", "1.0.0", version, date(2026, 6, 1), "ä", group, digests_of(files))


def _stored(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    return write_archive(members, compression)


def test_a_package_is_read_as_it_was_written() -> None:
    manifest = _manifest()
    octets = write_package(manifest.encode(), b"signature", FILES)
    assert octets == write_package(manifest.encode(), b"signature", FILES), "the same for the same"
    read = read_package_untrusted(octets)
    assert (read.manifest, read.signed, read.signature) == (manifest, manifest.encode(), b"signature")
    assert read.files == FILES
    (name,) = FILES
    unpacked = read_wheel_untrusted(read.files[name], "0.2.0")
    assert {path: unpacked[path] for path in PROGRAM} == PROGRAM
    assert (
        b"tiaas/__main__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"
        in unpacked["tiaas-0.2.0.dist-info/RECORD"]
    )


SIGNED = _manifest().encode()
PARTS = {"manifest.json": SIGNED, "manifest.p7s": b"s", **FILES}
BAD_PACKAGES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no archive": lambda: b"PK\x05\x06",
    "too long": lambda: bytes(PACKAGE_OCTETS_MAX + 1),
    "no manifest": lambda: _stored({"manifest.p7s": b"s", **FILES}),
    "no signature": lambda: _stored({"manifest.json": SIGNED, **FILES}),
    "a file is missing": lambda: _stored({"manifest.json": SIGNED, "manifest.p7s": b"s"}),
    "a file more": lambda: _stored({**PARTS, "more": b""}),
    "a changed file": lambda: _stored({**PARTS, wheel_name("0.2.0"): b"other"}),
    "compressed": lambda: _stored(PARTS, zipfile.ZIP_DEFLATED),
    "a path": lambda: _stored({**PARTS, "../evil": b""}),
    "too many": lambda: _stored({**PARTS, **{str(number): b"" for number in range(20)}}),
    "no JSON": lambda: _stored({**PARTS, "manifest.json": b"{"}),
    "no object": lambda: _stored({**PARTS, "manifest.json": b"[]"}),
    "deep": lambda: _stored({**PARTS, "manifest.json": b"[" * 60_000}),
    "another form": lambda: _stored({**PARTS, "manifest.json": SIGNED.replace(b'"format": 1', b'"format": 2')}),
    "no version": lambda: _stored({**PARTS, "manifest.json": _manifest(version="0.2").encode()}),
    "group": lambda: _stored({**PARTS, "manifest.json": _manifest(group=FirmwareGroup("1", ("0.2.0",))).encode()}),
    "no group": lambda: _stored({**PARTS, "manifest.json": _manifest(group=FirmwareGroup("00001", ())).encode()}),
    "cut": lambda: _stored(PARTS)[:-30],
    "an octet": lambda: _stored(PARTS).replace(b"tiaas-0.2.0.dist-info/WHEEL", b"tiaas-0.2.0.dist-info/WHEEK"),
}


def test_a_long_list_of_members_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = _stored(PARTS) + b"PK\x01\x02" * 9000
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(BadPackage, match="too many"):
        read_package_untrusted(many)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\x00", "a" * 101, "a\n"])
def test_what_is_no_name_of_a_file(name: str) -> None:
    assert not is_file_name(name)


@pytest.mark.parametrize("case", BAD_PACKAGES)
def test_what_is_no_package(case: str) -> None:
    with pytest.raises(BadPackage):
        read_package_untrusted(BAD_PACKAGES[case]())


def test_a_bomb_is_not_unpacked() -> None:
    """Announced sizes count: eight files of 9 MiB in a few kilobytes, and one that announces less than it has."""
    bomb = write_wheel({**PROGRAM, **{f"tiaas/{number}.py": bytes(9 * 1024 * 1024) for number in range(2)}}, "0.2.0")
    assert len(bomb) < 100_000
    with pytest.raises(BadPackage, match="too long"):
        read_wheel_untrusted(bomb, "0.2.0")
    length = 1024 * 1024
    liar = bytearray(write_wheel({**PROGRAM, "tiaas/a.py": bytes(length)}, "0.2.0"))
    for place in (at for at in range(len(liar)) if liar[at : at + 4] == length.to_bytes(4, "little")):
        liar[place : place + 4] = (16).to_bytes(4, "little")
    with pytest.raises(BadPackage):
        read_wheel_untrusted(bytes(liar), "0.2.0")


@pytest.mark.parametrize(
    "path",
    [
        "tiaas/../evil.py", "/etc/passwd", "evil.py", "evil/a.py", "tiaas//a.py", "tiaas/./a.py", "tiaas\\a.py",
        "tiaas-0.3.0.dist-info/x", "tiaas/.hidden", "tiaas/a\x00b", "tiaas/" + "a/" * 20 + "b",
    ],
)  # fmt: skip
def test_a_file_has_its_place_in_the_program(path: str) -> None:
    with pytest.raises(BadPackage):
        read_wheel_untrusted(write_archive({**PROGRAM, path: b"evil"}, zipfile.ZIP_DEFLATED), "0.2.0")


def test_links_twins_and_other_versions_are_refused() -> None:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        link = zipfile.ZipInfo("tiaas/link.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadPackage, match="no file"):
        read_wheel_untrusted(into.getvalue(), "0.2.0")
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("tiaas/a.py", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("tiaas/a.py", "2")
    with pytest.raises(BadPackage, match="one place"):
        read_wheel_untrusted(into.getvalue(), "0.2.0")
    with pytest.raises(BadPackage):
        read_wheel_untrusted(FILES[wheel_name("0.2.0")], "0.3.0")
    with pytest.raises(BadPackage):
        read_wheel_untrusted(b"no wheel", "0.2.0")


def test_the_group_with_the_higher_number_counts() -> None:
    older, newer = FirmwareGroup("00009", ("0.9.0",)), FirmwareGroup("00010", ("1.0.0",))
    same = FirmwareGroup("00009", ("0.9.0", "0.9.1"))
    assert (older.newer_of(newer), newer.newer_of(older)) == (newer, newer)
    assert older.newer_of(same) == same
