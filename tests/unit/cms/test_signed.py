"""What is read of the parts of a SignedData: times, bounds."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tiaas.cms import oids, signing
from tiaas.cms.algorithms import DIGEST_SHA256
from tiaas.cms.ber import read_untrusted
from tiaas.cms.der import oid, sequence, set_of, time
from tiaas.cms.errors import BadCms
from tiaas.cms.signed import (
    MAX_ATTRIBUTES,
    MAX_SIGNERS,
    ReadAttribute,
    _content_of_info,
    _read_attribute,
    _short_attribute,
    _usual_content,
    decode_attribute_untrusted,
    decode_signed_data_untrusted,
    time_untrusted,
)
from tiaas.tlv import encode


@pytest.mark.parametrize("year", [1900, 1949, 1950, 1999, 2026, 2049, 2050, 9999])
def test_times_are_read_as_they_are_written(year: int) -> None:
    moment = datetime(year, 2, 28, 23, 59, 58, tzinfo=UTC)
    assert time_untrusted(time(moment)) == moment


@pytest.mark.parametrize(
    "octets",
    [
        encode(0x17, b"2606011200Z"),
        encode(0x17, b"260601120000+0200"),
        encode(0x17, b"260231120000Z"),
        encode(0x17, b"260601120060Z"),
        encode(0x18, b"00000101000000Z"),
        encode(0x18, b"20260601120000.5Z"),
        encode(0x18, "२०२६0601120000Z".encode()),
        encode(0x04, b"260601120000Z"),
    ],
)
def test_no_times(octets: bytes) -> None:
    with pytest.raises(BadCms):
        time_untrusted(octets)


def test_more_than_may_be_in_a_set() -> None:
    values = sequence(oid("1.2.3"), set_of([b"\x05\x00"] * (MAX_ATTRIBUTES + 1)))
    with pytest.raises(BadCms):
        decode_attribute_untrusted(values)
    signers = signing.SignedDataParts((b"\x30\x00",) * (MAX_SIGNERS + 1), ())
    with pytest.raises(BadCms):
        decode_signed_data_untrusted(signers.encode())


@pytest.mark.parametrize(
    ("certificates", "content_type", "by_key", "version"),
    [
        ((b"\x30\x00",), oids.DATA, False, 1),
        ((b"\x30\x00",), oids.SIGNED_DATA, False, 3),
        ((b"\x30\x00",), oids.DATA, True, 3),
        ((b"\xa1\x00",), oids.DATA, False, 3),
        ((b"\xa2\x00", b"\xa1\x00"), oids.DATA, False, 4),
        ((b"\xa3\x00", b"\xa2\x00"), oids.DATA, False, 5),
    ],
)
def test_the_version(certificates: tuple[bytes, ...], content_type: str, by_key: bool, version: int) -> None:
    """RFC 5652, 5.1, by what is in the structure."""
    parts = signing.SignedDataParts((), certificates, content_type=content_type, names_by_key=by_key)
    assert encode(0x02, bytes([version])) + set_of([DIGEST_SHA256]) in parts.encode()
    with_ocsp = signing.SignedDataParts((), certificates, revocation=(signing.ocsp_revocation(b"\x30\x00"),))
    assert encode(0x02, b"\x05") + set_of([DIGEST_SHA256]) in with_ocsp.encode()


def _read_shortly(octets: bytes) -> ReadAttribute | None:
    return _short_attribute(read_untrusted(octets))


def _read_wholly(octets: bytes) -> ReadAttribute:
    return _read_attribute(read_untrusted(octets))


def _told(read: Callable[[bytes], object], octets: bytes) -> object:
    try:
        return read(octets)
    except BadCms:
        return BadCms


@pytest.mark.parametrize(
    ("octets", "quick", "slow"),
    [
        (signing.SignedDataParts((sequence(bytes(300)),), ()).encode(), _usual_content, _content_of_info),
        (sequence(oid("1.2.3"), set_of([encode(0x04, bytes(20))])), _read_shortly, _read_wholly),
    ],
    ids=["ContentInfo", "attribute"],
)
def test_what_is_read_quickly_is_read_as_all_else(
    octets: bytes, quick: Callable[[bytes], object], slow: Callable[[bytes], object]
) -> None:
    """A quick reader gives what the other gives, or nothing, whatever an octet is changed to."""
    assert quick(octets) == slow(octets)
    for place in range(min(len(octets), 40)):
        for value in (0, 1, 2, 4, 6, 0x1F, 0x30, 0x31, 0x7F, 0x80, 0x81, 0x82, 0xA0, 0xFF, octets[place] ^ 1):
            changed = octets[:place] + bytes([value]) + octets[place + 1 :]
            assert _told(quick, changed) in (None, _told(slow, changed))
