"""Fuzz target: CRLs as a Konnektor of profile einbox fetches them."""

from contextlib import suppress
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.entropy import SeededEntropy
from tiaas.pki.crl import BadCrl, decode_crl_untrusted, issue_crl
from tiaas.pki.issue import Validity, issue_authority
from tiaas.pki.names import authority_name

_FROM, _UNTIL = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
_CA = issue_authority(
    authority_name("CA TEST-ONLY", "unit", "NOT-VALID"),
    ec.derive_private_key(0x1A2B3C, ec.BrainpoolP256R1()),
    Validity(_FROM, _UNTIL),
    SeededEntropy(b"crl"),
)
_GOOD = issue_crl(_CA, _FROM, _UNTIL, 7)

SEEDS: list[bytes] = [_GOOD, _GOOD[:-40], _GOOD + b"\x00"]


def target(data: bytes) -> None:
    """Only `BadCrl` may escape the reader."""
    with suppress(BadCrl):
        decode_crl_untrusted(data)
