"""What costs most of a certificate check and does not change from one to the next.

Reading a certificate and the mathematics of its signature depend on octets alone. A path without fault holds as long as
the same lists count, for the same demands, at all times at which each of its certificates is valid; the status is asked
for anew in every check. Only what fitted is remembered, as much as is bounded here, the least recently used goes first.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.konnektor.publickeys import PublicKeys, is_yes
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.path import Demands, Examination, Fits, signature_fits, signature_use

PROVEN_MAX = 10_000
"""Pairs of certificate and issuer, some 200 octets each."""
READ_OCTETS_MAX = 1024 * 1024
"""Octets of certificates: a thousand of usual ones. Read they take up to 20 times as much."""
PATHS_MAX = 1_000
"""Paths, whose certificates are mostly those above."""


class ProvenSignatures:
    """`signature_fits` of one instance that remembers; belongs to its event loop.

    A process can be asked beforehand (`begin`): what it says fits is remembered as if it had been computed here.
    """

    def __init__(self, limit: int = PROVEN_MAX, keys: PublicKeys | None = None) -> None:
        self._limit = limit
        self._keys = keys
        self._proven: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        self._begun: dict[tuple[bytes, bytes], asyncio.Future[None]] = {}

    def __call__(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether the issuer's key made the certificate's signature."""
        pair = _pair(certificate, issuer)
        if pair in self._proven:
            self._proven.move_to_end(pair)
            return True
        if not signature_fits(certificate, issuer):
            return False
        self._keep(pair)
        return True

    def begin(self, certificate: Certificate, issuer: Certificate) -> "asyncio.Future[None] | None":
        """Begins to ask a process what `__call__` will be asked; None if there is nothing to wait for.

        Several may wait for the same future: nobody may cancel it.
        """
        pair = _pair(certificate, issuer)
        begun = self._begun.get(pair)
        if begun is not None or pair in self._proven or self._keys is None:
            return begun
        use = signature_use(certificate, issuer)
        asked = None if use is None else self._keys.ask(use)
        if asked is None:
            return None
        begun = self._begun[pair] = asyncio.get_running_loop().create_future()
        asked.add_done_callback(lambda done: self._end(pair, done))
        return begun

    def _end(self, pair: tuple[bytes, bytes], asked: "asyncio.Future[bytes]") -> None:
        if is_yes(asked):
            self._keep(pair)
        self._begun.pop(pair).set_result(None)

    def _keep(self, pair: tuple[bytes, bytes]) -> None:
        self._proven[pair] = None
        if len(self._proven) > self._limit:
            self._proven.popitem(last=False)


def _pair(certificate: Certificate, issuer: Certificate) -> tuple[bytes, bytes]:
    """What the mathematics of a certificate's signature depend on."""
    return sha256(certificate.encoded).digest(), sha256(issuer.public_key).digest()


class ReadCertificates:
    """`decode_certificate_untrusted` of one instance that remembers; belongs to its event loop."""

    def __init__(self, octets: int = READ_OCTETS_MAX) -> None:
        self._left = octets
        self._read: OrderedDict[bytes, Certificate] = OrderedDict()

    def known(self, der: bytes) -> Certificate | None:
        """The certificate if it is remembered."""
        known = self._read.get(der)
        if known is not None:
            self._read.move_to_end(der)
        return known

    def __call__(self, der: bytes) -> Certificate:
        """The certificate. Raises `BadCertificate`."""
        known = self.known(der)
        if known is not None:
            return known
        certificate = self._read[der] = decode_certificate_untrusted(der)
        self._left -= len(der)
        while self._left < 0:
            forgotten, _ = self._read.popitem(last=False)
            self._left += len(forgotten)
        return certificate


@dataclass(frozen=True, slots=True)
class _GoodPath:
    """A path without fault, and the times between which it stays so."""

    found: Examination
    since: datetime
    until: datetime


class GoodPaths:
    """`TrustSpace.examine` of one instance that remembers; belongs to its event loop.

    Another trust space, equal or not, ends what was remembered of the one before.
    """

    def __init__(self, limit: int = PATHS_MAX, *, chain_model: bool = False) -> None:
        """With `chain_model` a path holds as long as its first certificate; see `examine_path`."""
        self._limit = limit
        self._chain_model = chain_model
        self._space: TrustSpace | None = None
        self._forget()

    def _forget(self) -> None:
        # By the objects: `ReadCertificates` gives the same one again, and demands are kept by who has them.
        self._paths: Derived[_GoodPath] = Derived(self._limit)
        self._issuers: Derived[Issuer] = Derived(self._limit)

    def known(self, space: TrustSpace, certificate: Certificate, at: datetime, demands: Demands) -> Examination | None:
        """What `examine` remembers of a certificate at the time `at`; None if it will have to look."""
        if space is not self._space:
            self._space = space
            self._forget()
        known = self._paths.get(certificate, demands)
        return known.found if known is not None and known.since <= at <= known.until else None

    def examine(
        self, space: TrustSpace, certificate: Certificate, at: datetime, demands: Demands, signed_by: Fits
    ) -> Examination:
        """The path of a certificate at the time `at` and all that is wrong with it."""
        known = self.known(space, certificate, at, demands)
        if known is not None:
            return known
        found = space.examine(certificate, at, demands, chain_model=self._chain_model, signed_by=signed_by)
        if not found.faults:
            timed = found.path[:1] if self._chain_model else found.path
            since, until = max(one.not_before for one in timed), min(one.not_after for one in timed)
            self._paths.keep(_GoodPath(found, since, until), certificate, demands)
        return found

    def issuer(self, space: TrustSpace, found: Examination) -> Issuer:
        """The entry of the list that the path ends with which `examine` has just found in that trust space."""
        return self._issuers.get(found) or self._issuers.keep(space.issuer_of(found.path), found)
