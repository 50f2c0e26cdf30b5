"""Firmware images of virtual terminals, and what such a terminal makes of one (lab only; real images are the vendor's).

octets  content
8       `TIAASKTF`
8       model, filled with blanks
9       firmware version, three numbers of three characters
5       firmware group
32      SHA-256 over model, version, group and payload
…       payload
"""

import hashlib
from dataclasses import field
from hmac import compare_digest

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

MAGIC = b"TIAASKTF"
_MODEL, _VERSION, _GROUP, _DIGEST = 8, 9, 5, 32
_HEAD = len(MAGIC) + _MODEL + _VERSION + _GROUP + _DIGEST

Version = tuple[int, int, int]


class BadImage(InvalidInput):
    """Octets that are no intact image."""


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """An image. `group` is the firmware group version, which must not go down (gemSpec_OM, Firmware-Gruppen)."""

    model: str
    version: Version
    group: str
    payload: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The octets as downloaded."""
        head = f"{self.model:<8.8}{''.join(f'{number:>3}' for number in self.version)}{self.group:<5.5}".encode("ascii")
        return MAGIC + head + hashlib.sha256(head + self.payload).digest() + self.payload


def decode_image_untrusted(octets: bytes) -> FirmwareImage:
    """The image in what was downloaded; raises only `BadImage`."""
    if len(octets) < _HEAD or not octets.startswith(MAGIC):
        raise BadImage("no firmware image of a virtual terminal")
    head, digest, payload = octets[8 : _HEAD - _DIGEST], octets[_HEAD - _DIGEST : _HEAD], octets[_HEAD:]
    if not compare_digest(hashlib.sha256(head + payload).digest(), digest):
        raise BadImage("the image is damaged")
    try:
        text = head.decode("ascii")
        numbers = [int(text[at : at + 3]) for at in range(_MODEL, _MODEL + _VERSION, 3)]
    except ValueError as error:
        raise BadImage("the image's head is damaged") from error
    if min(numbers) < 0:
        raise BadImage("the image's head is damaged")
    version = (numbers[0], numbers[1], numbers[2])
    return FirmwareImage(text[:_MODEL].strip(), version, text[-_GROUP:].strip(), payload)
