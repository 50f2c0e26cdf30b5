"""Fuzz target: Prüfungsnachweise, as XML, packed, and as they lie on the eGK."""

from contextlib import suppress
from datetime import UTC, datetime

from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.fachdienste.vsdm.receipt import (
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

_KEY, _ICCSN = Secret(b"k" * 32), "80276001081699900000"
_RECEIPTS = (
    Receipt(datetime(2026, 6, 1, 12, 30, tzinfo=UTC), Result.UPDATED, None, b"U" * 47),
    Receipt(datetime(2026, 6, 1, 12, 30, tzinfo=UTC), Result.UPDATE_IMPOSSIBLE, 12105),
)
_BLOCKS = [encode_receipt(receipt) for receipt in _RECEIPTS]

SEEDS: list[bytes] = [
    *(decompress_untrusted(block) for block in _BLOCKS),
    *_BLOCKS,
    *(seal_receipt(block, _KEY, _ICCSN, SeededEntropy(b"receipt")) for block in _BLOCKS),
    bytes(300),
]


def target(data: bytes) -> None:
    """One error each; what is read can be written again and means the same."""
    with suppress(BadReceipt):
        receipt = read_receipt_untrusted(data)
        assert decode_receipt_untrusted(encode_receipt(receipt)) == receipt
    with suppress(BadReceipt):
        decode_receipt_untrusted(data)
    with suppress(NoReceipt, ForeignReceipt):
        decode_receipt_untrusted(open_receipt_untrusted(data, _KEY, _ICCSN))
