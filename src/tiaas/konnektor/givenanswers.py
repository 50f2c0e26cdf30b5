"""OCSP responses that came with signatures (TUC_PKI_030, 8b; gemSpec_Kon V5.18 TUC_KON_151 and 161).

What a response says of a certificate follows from octets and from who is trusted: it is read, and its signature
computed, once. Whether it says so of the right time is asked in every check.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.base.heavy import beside
from tiaas.konnektor.ocsp import KeptStatement
from tiaas.konnektor.ocspanswer import TOLERANCE, ClaimedAnswer, OcspRefused, OcspSigners, SignedAnswer, read_answer
from tiaas.konnektor.publickeys import PublicKeys, is_yes
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.verdict import CertificateStatus
from tiaas.pki.certificate import Certificate
from tiaas.pki.ocspmessages import CertId

ANSWERS_MAX = 500
"""Responses, some 3 KiB each."""
ANSWERS_OCTETS_MAX = 2 * 1024 * 1024
"""All of them together: nobody has signed the certificates that one comes with, so anybody can make it longer."""
_LONG = 8 * 1024
GIVEN_MAX = 20
"""Of the responses that came with one signature so many are looked at."""
DOCUMENT_OCTETS_MAX = 512 * 1024
"""Of all different responses that came with a document so many octets are looked at."""
_AT_ONCE_MAX = 4 * 1024
"""Octets. What is not larger is read in the event loop: one usual response."""

_Key = tuple[bytes, bytes]


class _Read(OrderedDict[_Key, SignedAnswer | None]):
    """What came of the last responses; None: refused."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._octets = 0

    def keep(self, key: _Key, answer: SignedAnswer | None) -> None:
        """Forgets the oldest ones instead, if there are too many, or too many octets."""
        self._octets += _octets(answer) - _octets(self.get(key))
        self[key] = answer
        while len(self) > self._limit or self._octets > ANSWERS_OCTETS_MAX:
            _, forgotten = self.popitem(last=False)
            self._octets -= _octets(forgotten)


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """A response that may be used; it may not before the time it was made."""

    kept: KeptStatement
    made_at: datetime

    def is_of(self, at: datetime, now: datetime, slack: timedelta) -> bool:
        """Whether it says something about the time `at`.

        It does if it was made not more than `slack` before (TUC_KON_161, ocspGracePeriod; TUC_PKI_030, 8b): what it
        says of a later time holds for `at`, too, because a revocation comes with its time.
        """
        return self.made_at <= now + TOLERANCE and at <= self.kept.statement.produced_at + slack


class GivenAnswers:
    """Reads the responses for one instance, and remembers what came of it; belongs to its event loop.

    Nobody has signed that a response belongs to a signature: anybody on the way can add some that are long and no good.
    So one that is refused is read only once, too, and long ones are read beside the loop. Another trust space, equal or
    not, ends what was remembered of the one before.
    """

    def __init__(self, limit: int = ANSWERS_MAX, keys: PublicKeys | None = None) -> None:
        """With `keys` processes are asked whether short responses are signed, where there are some."""
        self._limit = limit
        self._keys = keys
        self._space: TrustSpace | None = None
        self._one_at_a_time = asyncio.Lock()
        self._forget()

    def _forget(self) -> None:
        self._answers: Derived[GivenAnswer] = Derived(self._limit)
        # By what was read and, if the issuer names who signs, by the issuer.
        self._read = _Read(self._limit)
        self._reading: dict[_Key, asyncio.Future[SignedAnswer | None]] = {}

    def _suit(self, space: TrustSpace) -> None:
        if space is not self._space:
            self._space = space
            self._forget()

    def begin(self, given: Sequence[bytes], issuer: Certificate, space: TrustSpace) -> None:
        """Begins to read what `read` will be asked for, if it is short."""
        self._suit(space)
        if sum(map(len, given)) <= _AT_ONCE_MAX:
            signers = _signers(issuer, space)
            for key, der in zip(_keys(given, signers), given, strict=True):
                if key not in self._read:
                    self._begin(key, der, signers)

    async def read(
        self, given: Sequence[bytes], certificate: Certificate, issuer: Certificate, space: TrustSpace
    ) -> list[GivenAnswer]:
        """Those of the responses (DER) that say something of the certificate and may be used in that trust space."""
        self._suit(space)
        answers = self._answers
        known = [(der, answers.get(certificate, issuer, der)) for der in given]
        found = [answer for _, answer in known if answer is not None]
        others = [der for der, answer in known if answer is None]
        if others:
            signers = _signers(issuer, space)
            asked = CertId.of(certificate, issuer)
            for signed in await self._signed(others, signers):
                with suppress(OcspRefused):
                    statement, made_at = signed.about(certificate, asked)
                    answer = GivenAnswer(KeptStatement.of(statement), made_at)
                    found.append(answer)
                    if len(signed.encoded) <= _LONG:
                        answers.keep(answer, certificate, issuer, signed.encoded)
        return found

    async def _signed(self, given: Sequence[bytes], signers: OcspSigners) -> list[SignedAnswer]:
        """Those that one of the signers has signed, whatever they are about."""
        keys = _keys(given, signers)
        # Of this trust space, should another one take its place meanwhile.
        read = self._read
        found, new = _known(read, keys, given)
        if sum(map(len, new.values())) > _AT_ONCE_MAX:
            # All signatures of a document have the same ones, and are checked at the same time.
            async with self._one_at_a_time:
                found, new = _known(read, keys, given)
                told = await beside(sum(map(len, new.values())), _read_all, new.values(), signers)
                for key, answer in zip(new, told, strict=True):
                    found[key] = answer
                    read.keep(key, answer)
        else:
            begun = [(key, self._begin(key, der, signers)) for key, der in new.items()]
            for key, reading in begun:
                found[key] = await asyncio.shield(reading)
        answers = [found[key] for key in keys]
        return [one for one in answers if one is not None]

    def _begin(self, key: _Key, der: bytes, signers: OcspSigners) -> "asyncio.Future[SignedAnswer | None]":
        """What comes of a response. Several may wait for the same one: nobody may cancel it."""
        read, reading = self._read, self._reading
        if key in reading:
            return reading[key]
        begun: asyncio.Future[SignedAnswer | None] = asyncio.get_running_loop().create_future()
        claimed = _claimed(der, signers)
        use = None if claimed is None else claimed.use()
        asked = None if use is None or self._keys is None else self._keys.ask(use)

        def end(asked: "asyncio.Future[bytes] | None") -> None:
            reading.pop(key, None)
            try:
                answer = None if claimed is None else _settled(claimed, is_proven=asked is not None and is_yes(asked))
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of a defect, too
                begun.set_exception(error)
                return
            read.keep(key, answer)
            begun.set_result(answer)

        if asked is None:
            end(None)
        else:
            reading[key] = begun
            asked.add_done_callback(end)
        return begun


def _signers(issuer: Certificate, space: TrustSpace) -> OcspSigners:
    return OcspSigners(space.ocsp_signers, issuer if space.delegates else None)


def _keys(given: Iterable[bytes], signers: OcspSigners) -> list[_Key]:
    delegating = b"" if signers.listed or signers.delegating is None else signers.delegating.encoded
    return [(sha256(der).digest(), delegating) for der in given]


def _known(
    read: _Read, keys: Sequence[_Key], given: Sequence[bytes]
) -> tuple[dict[_Key, SignedAnswer | None], dict[_Key, bytes]]:
    """What came of the responses that were read, and the others."""
    known = {key: read[key] for key in keys if key in read}
    return known, {key: der for key, der in zip(keys, given, strict=True) if key not in known}


def _claimed(der: bytes, signers: OcspSigners) -> ClaimedAnswer | None:
    try:
        return read_answer(der, signers)
    except OcspRefused:
        return None


def _octets(answer: SignedAnswer | None) -> int:
    return 0 if answer is None else len(answer.encoded)


def _settled(claimed: ClaimedAnswer, *, is_proven: bool = False) -> SignedAnswer | None:
    try:
        return claimed.settled(is_proven=is_proven)
    except OcspRefused:
        return None


def _read_all(given: Iterable[bytes], signers: OcspSigners) -> list[SignedAnswer | None]:
    claimed = [_claimed(der, signers) for der in given]
    return [None if one is None else _settled(one) for one in claimed]


def within_bounds(given: Iterable[Sequence[bytes]]) -> list[tuple[bytes, ...]]:
    """Of the responses that came with each signature of one document those that are looked at: the first ones."""
    counted: set[bytes] = set()
    left = DOCUMENT_OCTETS_MAX
    kept = []
    for responses in given:
        for der in responses[:GIVEN_MAX]:
            if der not in counted and len(der) <= left:
                counted.add(der)
                left -= len(der)
        kept.append(tuple([der for der in responses[:GIVEN_MAX] if der in counted]))
    return kept


def youngest(
    answers: Sequence[GivenAnswer], at: datetime, now: datetime, slack: timedelta, *, enforce_cert_hash: bool
) -> CertificateStatus | None:
    """What the youngest response says that says something about the time `at`; None if none of them does."""
    of_time = [answer.kept for answer in answers if answer.is_of(at, now, slack)]
    usable = [kept for kept in of_time if kept.statement.hash_fault is None or not enforce_cert_hash]
    if not usable:
        return None
    return max(usable, key=lambda kept: kept.statement.produced_at).plain
