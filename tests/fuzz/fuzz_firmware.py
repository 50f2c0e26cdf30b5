"""Fuzz target: firmware images as a virtual terminal gets them."""

import hashlib

from tiaas.terminal.virtual.firmware import BadImage, FirmwareImage, decode_image_untrusted

_IMAGE = FirmwareImage("TIAASVKT", (1, 2, 3), "00001", b"payload")

SEEDS: list[bytes] = [_IMAGE.encode(), b"TIAASKTF", FirmwareImage("", (0, 0, 0), "", b"").encode()]


def target(data: bytes) -> None:
    """The decoder raises only `BadImage`; an image with the digest made right is read as well or refused as well."""
    for octets in (data, _mended(data)):
        try:
            decode_image_untrusted(octets)
        except BadImage:
            continue


def _mended(data: bytes) -> bytes:
    head, payload = data[8:30], data[62:]
    return b"TIAASKTF" + head + hashlib.sha256(head + payload).digest() + payload
