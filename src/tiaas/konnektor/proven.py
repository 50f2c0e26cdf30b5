"""What costs most of a certificate check and never changes: reading it, and the mathematics of its signature.

Both depend on octets alone, so remembering them is no statement about trust: dates, usages, lists and status are looked
at anew in every check. Only what fitted is remembered, as much as is bounded here, the least recently used goes first.
"""

from collections import OrderedDict
from hashlib import sha256

from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.path import signature_fits

PROVEN_MAX = 10_000
"""Pairs of certificate and issuer, some 200 octets each."""
READ_MAX = 1_000
"""Certificates, some 10 KiB each."""


class ProvenSignatures:
    """`signature_fits` of one instance that remembers; belongs to its event loop."""

    def __init__(self, limit: int = PROVEN_MAX) -> None:
        self._limit = limit
        self._proven: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()

    def __call__(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether the issuer's key made the certificate's signature."""
        pair = sha256(certificate.encoded).digest(), sha256(issuer.public_key).digest()
        if pair in self._proven:
            self._proven.move_to_end(pair)
            return True
        if not signature_fits(certificate, issuer):
            return False
        self._proven[pair] = None
        if len(self._proven) > self._limit:
            self._proven.popitem(last=False)
        return True


class ReadCertificates:
    """`decode_certificate_untrusted` of one instance that remembers; belongs to its event loop."""

    def __init__(self, limit: int = READ_MAX) -> None:
        self._limit = limit
        self._read: OrderedDict[bytes, Certificate] = OrderedDict()

    def __call__(self, der: bytes) -> Certificate:
        """The certificate. Raises `BadCertificate`."""
        known = self._read.get(der)
        if known is not None:
            self._read.move_to_end(der)
            return known
        certificate = self._read[der] = decode_certificate_untrusted(der)
        if len(self._read) > self._limit:
            self._read.popitem(last=False)
        return certificate
