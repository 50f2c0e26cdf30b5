"""Files of the eGK that hold the insured person's data (gemSpec_Karten_Fach_TIP, VSDM; eGK G2.1).

    EF.PD, EF.GVD   length (2) ‖ gzip of the XML document; length 0: empty
    EF.VD           startVD endVD startGVD endGVD (2 octets each, offsets from the file's first octet, ends
                    inclusive, FFFF: block absent) ‖ gzip blocks
    EF.StatusVD     status '0' consistent or '1' transaction open ‖ YYYYMMDDhhmmss (UTC) ‖ version of the XML schema
                    ‖ version of the storage structure (5 octets BCD each: 3 + 3 + 4 digits)

A Konnektor passes the gzip blocks on as they are. It never takes protected data out of EF.VD (VSDM-A_2784).
"""

from datetime import UTC, datetime

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.vsd_gzip import BadContainer

EF_PD_SIZE, EF_VD_SIZE, EF_GVD_SIZE, EF_STATUS_VD_SIZE = 850, 1250, 600, 25

_ABSENT = 0xFFFF
_HEADER_SIZE = 8
_GZIP_MAGIC = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class VersionNumber:
    """A version of a data structure: 3, 3 and 4 decimal digits."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def encode(self) -> bytes:
        """Five octets BCD."""
        return bytes.fromhex(f"{self.major:03d}{self.minor:03d}{self.patch:04d}")


XML_VERSION = VersionNumber(5, 2, 0)
STORAGE_VERSION = VersionNumber(3, 0, 4)


@dataclass(frozen=True, slots=True)
class StatusVd:
    """EF.StatusVD; with an open transaction the other files must not be used (error 3001)."""

    transaction_open: bool
    timestamp: datetime
    xml_version: VersionNumber = XML_VERSION
    storage_version: VersionNumber = STORAGE_VERSION


@dataclass(frozen=True, slots=True)
class VdBlocks:
    """The gzip blocks of EF.VD; a block that is absent is None."""

    vd: bytes | None
    gvd: bytes | None = None


def encode_pd(block: bytes) -> bytes:
    """Content of EF.PD around a gzip block; raises ValueError if the file is too small for it."""
    return _encode_counted(block, EF_PD_SIZE)


def encode_gvd(block: bytes) -> bytes:
    """Content of EF.GVD around a gzip block; raises ValueError if the file is too small for it."""
    return _encode_counted(block, EF_GVD_SIZE)


def encode_vd(blocks: VdBlocks) -> bytes:
    """Content of EF.VD; raises ValueError if the file is too small for the blocks."""
    header = b""
    body = b""
    for block in (blocks.vd, blocks.gvd):
        if block is None:
            header += _ABSENT.to_bytes(2, "big") * 2
            continue
        start = _HEADER_SIZE + len(body)
        body += block
        header += start.to_bytes(2, "big") + (start + len(block) - 1).to_bytes(2, "big")
    return _fit(header + body, EF_VD_SIZE)


def encode_status_vd(status: StatusVd) -> bytes:
    """Content of EF.StatusVD, 25 octets."""
    flag = b"1" if status.transaction_open else b"0"
    stamp = status.timestamp.astimezone(UTC).strftime("%Y%m%d%H%M%S").encode("ascii")
    return flag + stamp + status.xml_version.encode() + status.storage_version.encode()


def decode_pd_untrusted(content: bytes) -> bytes:
    """The gzip block of EF.PD; raises only `BadContainer` (also if there is none: PD is mandatory)."""
    return _decode_counted(content)


def decode_gvd_untrusted(content: bytes) -> bytes:
    """The gzip block of EF.GVD; raises only `BadContainer`, also for an empty file."""
    return _decode_counted(content)


def decode_vd_untrusted(content: bytes) -> VdBlocks:
    """The gzip blocks of EF.VD; raises only `BadContainer`."""
    if len(content) < _HEADER_SIZE:
        raise BadContainer("EF.VD is shorter than its header")
    offsets = [int.from_bytes(content[at : at + 2], "big") for at in range(0, _HEADER_SIZE, 2)]
    blocks = VdBlocks(_cut(content, offsets[0], offsets[1]), _cut(content, offsets[2], offsets[3]))
    if blocks.vd is None:
        raise BadContainer("EF.VD has no insurance data")
    return blocks


def decode_status_vd_untrusted(content: bytes) -> StatusVd:
    """Reads EF.StatusVD; raises only `BadContainer`."""
    if len(content) < EF_STATUS_VD_SIZE:
        raise BadContainer("EF.StatusVD is too short")
    if content[0:1] not in (b"0", b"1"):
        raise BadContainer("the status is neither 0 nor 1")
    digits = content[1:15]
    if not digits.isdigit():
        raise BadContainer("the time stamp holds something else than digits")
    try:
        stamp = datetime.strptime(digits.decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadContainer("the time stamp is no time") from None
    return StatusVd(content[0:1] == b"1", stamp, _version(content[15:20]), _version(content[20:25]))


def _encode_counted(block: bytes, size: int) -> bytes:
    return _fit(len(block).to_bytes(2, "big") + block, size)


def _fit(content: bytes, size: int) -> bytes:
    if len(content) > size:
        raise ValueError(f"{len(content)} octets do not fit into a file of {size}")
    return content


def _decode_counted(content: bytes) -> bytes:
    length = int.from_bytes(content[:2], "big")
    block = content[2 : 2 + length]
    if len(content) < 2 or length == 0:
        raise BadContainer("the file is empty")
    if len(block) != length:
        raise BadContainer(f"the file is shorter than its length {length}")
    return _checked(block)


def _cut(content: bytes, start: int, end: int) -> bytes | None:
    if start == end == _ABSENT:
        return None
    if not _HEADER_SIZE <= start <= end < len(content):
        raise BadContainer(f"offsets {start} to {end} do not lie in {len(content)} octets")
    return _checked(content[start : end + 1])


def _checked(block: bytes) -> bytes:
    if not block.startswith(_GZIP_MAGIC):
        raise BadContainer("not a gzip block")
    return bytes(block)


def _version(octets: bytes) -> VersionNumber:
    digits = octets.hex()
    if not digits.isdigit():
        raise BadContainer("a version holds something else than BCD digits")
    return VersionNumber(int(digits[:3]), int(digits[3:6]), int(digits[6:]))
