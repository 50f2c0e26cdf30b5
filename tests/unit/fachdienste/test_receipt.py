"""Prüfungsnachweise: XML, packed, and as they lie on the card."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.fachdienste.vsdm.receipt import (
    EF_RECEIPT_SIZE,
    BadReceipt,
    ForeignReceipt,
    NoReceipt,
    Receipt,
    Result,
    decode_receipt_untrusted,
    encode_receipt,
    open_receipt_untrusted,
    read_receipt_untrusted,
    seal_receipt,
)
from tiaas.interfaces.vsd_gzip import decompress_untrusted

MADE = datetime(2026, 11, 25, 23, 3, 54, tzinfo=UTC)
KEY, ICCSN = Secret(b"k" * 32), "80276001081699900000"
FULL = Receipt(MADE, Result.OFFLINE_TOO_LONG, 12105, bytes(range(190, 255)))


@pytest.mark.parametrize("result", list(Result))
def test_every_result_comes_back(result: Result) -> None:
    for code, proof in ((None, None), (0, None), (99999, None), (None, b""), (None, b"U" * 65), (11101, b"U" * 47)):
        receipt = Receipt(MADE, result, code, proof)
        assert decode_receipt_untrusted(encode_receipt(receipt)) == receipt


def test_the_time_is_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    xml = decompress_untrusted(encode_receipt(Receipt(MADE.astimezone(berlin), Result.UPDATED)))
    assert b"<TS>20261125230354</TS>" in xml


@pytest.mark.parametrize(("code", "proof"), [(100000, None), (-1, None), (None, b"U" * 66)])
def test_what_the_schema_forbids_is_not_written(code: int | None, proof: bytes | None) -> None:
    with pytest.raises(ValueError, match="at most"):
        encode_receipt(Receipt(MADE, Result.UPDATED, code, proof))


@pytest.mark.parametrize(
    "change",
    [
        (b"<E>6</E>", b"<E>7</E>"),
        (b"<E>6</E>", b"<E>x</E>"),
        (b"<E>6</E>", b""),
        (b"<EC>12105</EC>", b"<EC>123456</EC>"),
        (b"<TS>2026", b"<TS>0000"),
        (b"<TS>20261125", b"<TS>20261325"),
        (b'CDM_VERSION="1.0.0"', b""),
        (b"pnw/v1.0", b"pnw/v2.0"),
        (b"<PZ>", b"<PZ>!"),
        (b"</PN>", b"<X/></PN>"),
        (b"</PN>", b""),
    ],
)
def test_other_documents_are_refused(change: tuple[bytes, bytes]) -> None:
    xml = decompress_untrusted(encode_receipt(FULL))
    assert change[0] in xml
    with pytest.raises(BadReceipt):
        read_receipt_untrusted(xml.replace(*change))


def test_the_largest_receipt_fits_the_file_and_opens_with_its_key_only() -> None:
    block = encode_receipt(FULL)
    content = seal_receipt(block, KEY, ICCSN, SeededEntropy(b"a"))
    assert len(content) <= EF_RECEIPT_SIZE
    assert block not in content
    # An older, longer receipt may leave octets behind it.
    assert open_receipt_untrusted(content + b"\xff" * 20, KEY, ICCSN) == block
    for key, iccsn in ((Secret(b"x" * 32), ICCSN), (KEY, "80276001081699900001")):
        with pytest.raises(ForeignReceipt):
            open_receipt_untrusted(content, key, iccsn)
    for at in range(len(content)):
        spoiled = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        with pytest.raises(ForeignReceipt):
            open_receipt_untrusted(spoiled, KEY, ICCSN)


@pytest.mark.parametrize("content", [b"", bytes(300)])
def test_an_empty_file_has_none(content: bytes) -> None:
    with pytest.raises(NoReceipt):
        open_receipt_untrusted(content, KEY, ICCSN)
