"""Fuzz target: the Prüfziffer in both versions, with the right seal made over what the input says."""

from contextlib import suppress
from datetime import UTC, datetime
from hmac import digest

from tiaas.base.entropy import SeededEntropy
from tiaas.fachdienste.vsdm.pruefziffer import (
    SIZE,
    BadPruefziffer,
    OperatorKey,
    Reason,
    decode_untrusted,
    encode_v1,
    encode_v2,
)

_KEY = OperatorKey("T", 1, bytes(32))
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_V1 = encode_v1("A123456789", Reason.UFS, _NOW, _KEY)
_V2 = encode_v2("A123456789", bytes(5), _NOW, _KEY, SeededEntropy(b"fuzz"), revoked=True)

SEEDS: list[bytes] = [_V1, _V2, _V1[:23], b""]


def target(data: bytes) -> None:
    """Only `BadPruefziffer` may escape; the fields of version 1 are tried with a valid seal too."""
    with suppress(BadPruefziffer):
        decode_untrusted(data, _KEY)
    content = data[:23].ljust(23, b"0")
    with suppress(BadPruefziffer):
        decode_untrusted(content + _sealed(content), _KEY)


def _sealed(content: bytes) -> bytes:
    return digest(_KEY.secret, content, "sha256")[: SIZE - len(content)]
