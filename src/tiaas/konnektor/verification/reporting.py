"""The verification report (OASIS DSS-X, level "Comprehensive") at the profile of gemSpec_Kon V5.18 Anhang B3.

One IndividualReport per signature, parallel and counter signatures too. Times are those of the judgements; texts are
the official ones of the codes.
"""

import re
from base64 import b64encode
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain

from tiaas.ades.found import FoundSignature, Integrity
from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.base.heavy import beside
from tiaas.interfaces import oasis_verification_report_v1_0 as vr
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.dss_core_v1_0 import InternationalString, Result, VerificationTimeInfo, VerifyManifestResults
from tiaas.konnektor.codes import CODES
from tiaas.konnektor.verification.judging import Judgement
from tiaas.konnektor.verification.moments import ReferenceTime
from tiaas.konnektor.verification.pathreport import MARKED, PathReports
from tiaas.konnektor.verification.reportwords import (
    ALGORITHM_LENGTH_MAX,
    INVALID,
    VALID,
    ReportWish,
    algorithm,
    indetermined,
    invalid,
    invalid_officially,
    official,
    plain,
)
from tiaas.konnektor.verification.suitability import unsafe_since
from tiaas.soap.declare import Namespace
from tiaas.soap.encoder import Written, encode_text
from tiaas.soap.mapping import encode, root_name
from tiaas.soap.simple import DATE_TIME

_NOT_IN_SHORT_TEXT = re.compile(r"[^a-zA-Z 0-9_.\-äöüÄÖÜß]")
_VALUE_MAX = 8000
"""More characters of what a signature says, and more octets of its value, are neither told nor looked at."""
_SHORT = 16 * 1024
"""Octets that signatures bring into a report that is written in the event loop."""
_SIGNATURE_OCTETS, _RESULT_OCTETS = 2 * 1024, 128
"""What a signature and the result of a manifest's reference count for whatever they bring: words of ours."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What SignatureService 7.4 and 7.5 write differently into a report."""

    namespace: Namespace
    short_text_length: int
    marker: type[v7_5.CounterSignatureMarker]
    displayable: type[v7_5.DisplayableAttributes]


DIALECT_7_4 = Dialect(v7_4.SIG74, 1000, v7_4.CounterSignatureMarker, v7_4.DisplayableAttributes)
DIALECT_7_5 = Dialect(v7_5.SIG75, v7_5.SHORT_TEXT_LENGTH, v7_5.CounterSignatureMarker, v7_5.DisplayableAttributes)


_DETAILS_KEPT = 64

Frame = tuple[str, ...]
"""A report without what stands between its parts."""


class Reports:
    """Writes the reports of one instance, and remembers what is in many; belongs to its event loop."""

    def __init__(self) -> None:
        self._paths = PathReports()
        # Some 10 KB of XML each, in which nothing is about the one signature but what tells them apart.
        self._details: Derived[Written] = Derived(_DETAILS_KEPT)
        self._frames: Derived[Frame] = Derived(_DETAILS_KEPT)
        self._kinds: Derived[Frame] = Derived(_DETAILS_KEPT)

    async def written(
        self,
        judgements: Sequence[Judgement],
        time: ReferenceTime,
        wish: ReportWish,
        dialect: Dialect,
        manifests: VerifyManifestResults | None = None,
    ) -> Written:
        """What `write` gives; a long report is written beside the event loop, and nothing of it remembered."""
        octets = _octets(judgements, manifests)
        if octets <= _SHORT:
            return self.write(judgements, time, wish, dialect, manifests)
        return await beside(octets, Reports().write, judgements, time, wish, dialect, manifests)

    def write(
        self,
        judgements: Sequence[Judgement],
        time: ReferenceTime,
        wish: ReportWish,
        dialect: Dialect,
        manifests: VerifyManifestResults | None = None,
    ) -> Written:
        """The report as XML. `time` is the one told in VerificationResult."""
        if len(judgements) == 1 and manifests is None and judgements[0].found.countersigns is None:
            return self._usual(judgements[0], time, wish, dialect)
        reports = []
        for index, one in enumerate(judgements):
            found, detail = one.found, self._detail(one, wish, dialect, manifests)
            identifier = _identifier(index, found.time, _of_gematik(found, dialect), found.value)
            reports.append(_individual(one, one.time.at, identifier, detail))
        return _whole(time.at, reports)

    def _usual(self, one: Judgement, time: ReferenceTime, wish: ReportWish, dialect: Dialect) -> Written:
        """The report on one signature: written once with marks where the signatures of one signer differ."""
        found, check = one.found, one.check
        examination, verdict = (None, None) if check is None else (check.examination, check.verdict)
        said = found.time is None, found.integrity, _algorithm_name(found)
        apart = wish, one.is_qualified, one.outcome, one.codes, one.policy, *said, _unsafe_since(one)
        frame = self._frames.get(examination, verdict, apart)
        if frame is None:
            frame = self._of_kind(one, wish, dialect, apart) or _cut(
                _marked(one, self._detail(one, wish, dialect, None)), _marks(with_time=found.time is not None)
            )
            self._frames.keep(frame, examination, verdict, apart)
        signed_at = () if found.time is None else (DATE_TIME.encode(found.time),)
        others, value = "".join(_of_gematik(found, dialect)), b64encode(found.value[:_VALUE_MAX]).decode()
        holes = (DATE_TIME.encode(time.at), *signed_at, others, value, DATE_TIME.encode(one.time.at), "")
        return Written("".join(chain.from_iterable(zip(frame, holes, strict=True))), _ROOT)

    def _of_kind(self, one: Judgement, wish: ReportWish, dialect: Dialect, apart: Hashable) -> Frame | None:
        """The frame of a signer with a good certificate: written once for all whom his issuer certified, with marks
        where the reports on them differ."""
        told = self._paths.told_by_kind(one.check)
        if told is None or one.check is None:
            return None
        frame = self._kinds.get(told.issuer, beside=(told.beside, apart))
        if frame is None:
            detail = encode(_detailed(one, self._paths.marked(told, one.check, wish), dialect, None))
            marks = _marks(with_time=one.found.time is not None)
            frame = _cut(_marked(one, detail), [*marks, *MARKED.texts(wish)])
            self._kinds.keep(frame, told.issuer, beside=(told.beside, apart))
        texts = told.own.texts(wish)
        first = len(frame) - len(texts) - 1
        return (*frame[:first], "".join(chain.from_iterable(zip(frame[first:], (*texts, ""), strict=True))))

    def _detail(
        self, one: Judgement, wish: ReportWish, dialect: Dialect, manifests: VerifyManifestResults | None
    ) -> Written:
        """The DetailedSignatureReport."""
        path, found = self._paths.validity(one.found.certificate, one.check, wish), one.found
        if found.countersigns is not None or manifests is not None:
            return encode(_detailed(one, path, dialect, manifests))
        apart = one.policy, found.integrity, _algorithm_name(found), _unsafe_since(one)
        return self._details.get(path, beside=apart) or self._details.keep(
            encode(_detailed(one, path, dialect, manifests)), path, beside=apart
        )


def _octets(judgements: Sequence[Judgement], manifests: VerifyManifestResults | None) -> int:
    """How much signatures bring into their report; it is written once more for each of them what manifests came to."""
    each = _SIGNATURE_OCTETS + (0 if manifests is None else _RESULT_OCTETS * len(manifests.manifest_result))
    octets = each * len(judgements)
    for one in judgements:
        found = one.found
        octets += len(found.value) + len(found.certificate or b"") + len(found.algorithm_name)
        octets += len(found.short_text or "") + len(found.policy or "")
        octets += sum(map(len, found.references)) + sum(map(len, found.ocsp))
    return octets


def _algorithm_name(found: FoundSignature) -> str:
    """As it tells reports apart: of one that is too long for a name no more is looked at."""
    return found.algorithm_name[: ALGORITHM_LENGTH_MAX + 1]


_ROOT = root_name(vr.VerificationReport)
_MARKED_TIMES = tuple(datetime(1, 1, 1, 0, 0, 0, 1000 * number, tzinfo=UTC) for number in (1, 2, 3))
_MARKED_VALUE = b"\xff" * 33
_MARKED_TEXT = "\ue000"
_MARK = "\0"
"""Marks are what no report has: XML has no such character, signatures are of the year 1 or of ones alone never."""


def _marks(*, with_time: bool) -> list[str]:
    """The marks in the order of a report; `with_time`: the signer said when he signed."""
    told, signed, judged = map(DATE_TIME.encode, _MARKED_TIMES)
    return [told, *([signed] if with_time else []), _MARK, b64encode(_MARKED_VALUE).decode(), judged]


def _marked(one: Judgement, detail: Written) -> Written:
    """The report on one signature, with marks."""
    signed_at = None if one.found.time is None else _MARKED_TIMES[1]
    identifier = _identifier(0, signed_at, (Written(_MARK, _MARK),), _MARKED_VALUE)
    return _whole(_MARKED_TIMES[0], [_individual(one, _MARKED_TIMES[2], identifier, detail)])


def _cut(text: str, marks: Sequence[str]) -> Frame:
    parts = []
    for mark in marks:
        before, _, text = text.partition(mark)
        parts.append(before)
    return (*parts, text)


def _whole(at: datetime, reports: Sequence[vr.IndividualReport]) -> Written:
    return encode(vr.VerificationReport(verification_time_info=_time(at), individual_report=tuple(reports)))


def _individual(
    one: Judgement, at: datetime, identifier: vr.SignedObjectIdentifier, detail: Written
) -> vr.IndividualReport:
    outcome = one.outcome
    return vr.IndividualReport(
        signed_object_identifier=identifier,
        result=Result(result_major=outcome.major, result_minor=outcome.minor, result_message=_message(one.codes)),
        details=(encode(_time(at)), detail),
    )


def _time(at: datetime) -> VerificationTimeInfo:
    return VerificationTimeInfo(verification_time=at)


def _message(codes: Sequence[int]) -> InternationalString | None:
    texts = [f"{code} {CODES[code].filled('')}" for code in codes]
    return official("; ".join(texts)) if texts else None


# ---- which signature -------------------------------------------------------------------------------------------------


def _name(index: int) -> str:
    """The xml:id of a signature value in the report, for counter signatures to point at."""
    return f"signature-value-{index + 1}"


def _identifier(
    index: int, signed_at: datetime | None, others: Sequence[Written], value: bytes
) -> vr.SignedObjectIdentifier:
    times = vr.SignedSignatureProperties(signing_time=signed_at)
    return vr.SignedObjectIdentifier(
        signed_properties=vr.SignedProperties(signed_signature_properties=times, other=tuple(others)),
        signature_value=vr.SignatureValue(value=value[:_VALUE_MAX], id=_name(index)),
    )


def _of_gematik(found: FoundSignature, dialect: Dialect) -> list[Written]:
    told = []
    if found.short_text:
        text = _NOT_IN_SHORT_TEXT.sub("", found.short_text[:_VALUE_MAX])[: dialect.short_text_length]
        told.append(_simple(dialect.namespace, "ShortText", text))
    told.append(_refers_to_certificate(dialect.namespace, found.is_bound))
    attributes = _displayable(found)
    if attributes:
        frame, name = _displayed(dialect, tuple([key for key, _ in attributes]))
        values = [encode_text(plain(value[:_VALUE_MAX])) for _, value in attributes]
        told.append(Written("".join(chain.from_iterable(zip(frame, (*values, ""), strict=True))), name))
    return told


@cache
def _displayed(dialect: Dialect, keys: tuple[str, ...]) -> tuple[Frame, str]:
    """The attributes of these names, of which there are few, without their values."""
    attributes = tuple([v7_5.DisplayableAttribute(key=key, value=_MARKED_TEXT) for key in keys])
    marked = encode(dialect.displayable(attribute=attributes))
    return _cut(marked, [_MARKED_TEXT] * len(keys)), root_name(dialect.displayable)


@cache
def _refers_to_certificate(namespace: Namespace, is_bound: bool) -> Written:
    return _simple(namespace, "ReferenceToSignerCertificate", str(is_bound).lower())


def _displayable(found: FoundSignature) -> list[tuple[str, str]]:
    """Signed attributes worth showing; which and how is free (digest §31, 54)."""
    told = [] if found.time is None else [("SigningTime", found.time.isoformat())]
    if found.policy is not None:
        told.append(("SignaturePolicy", found.policy))
    if found.references:
        told.append(("References", " ".join([one[:_VALUE_MAX] for one in found.references[:_VALUE_MAX]])))
    return told


def _simple(namespace: Namespace, local: str, text: str) -> Written:
    name = f"{namespace.prefix}:{local}"
    declared = f'xmlns:{namespace.prefix}="{namespace.uri}"'
    return Written(f"<{name} {declared}>{encode_text(text)}</{name}>", namespace(local))


# ---- details ---------------------------------------------------------------------------------------------------------


def _detailed(
    one: Judgement, path: vr.CertificatePathValidity, dialect: Dialect, manifests: VerifyManifestResults | None
) -> vr.DetailedSignatureReport:
    properties = None
    if one.found.countersigns is not None:
        reference = v7_5.SignatureValueReference(id_ref=_name(one.found.countersigns))
        marker = encode(dialect.marker(reference=(reference,)))
        properties = vr.ReportedProperties(unsigned_properties=vr.UnsignedProperties(other=(marker,)))
    return vr.DetailedSignatureReport(
        format_ok=_format(one),
        properties=properties,
        verify_manifest_results=manifests,
        signature_ok=_mathematics(one),
        certificate_path_validity=path,
    )


def _format(one: Judgement) -> vr.Verdict:
    if one.policy is not None:
        return invalid_officially(CODES[one.policy].text)
    return INVALID if one.found.integrity is Integrity.MALFORMED else VALID


_NOT_COMPUTED = frozenset({Integrity.CERTIFICATE_MISSING, Integrity.ALGORITHM_UNKNOWN, Integrity.MALFORMED})


def _mathematics(one: Judgement) -> vr.SignatureValidity:
    found = one.found
    if found.integrity in _NOT_COMPUTED:
        verdict = indetermined(found.integrity.value)
    else:
        verdict = VALID if found.integrity is Integrity.INTACT else invalid(found.integrity.value)
    named = algorithm(found.algorithm_name, _unsafe_since(one)) if found.algorithm_name else None
    return vr.SignatureValidity(sig_math_ok=verdict, signature_algorithm=named)


def _unsafe_since(one: Judgement) -> int | None:
    """TIP1-A_5682 speaks of QES only."""
    if not one.is_qualified or one.found.algorithm is None or one.check is None or one.check.examination is None:
        return None
    scheme, digest = one.found.algorithm
    return unsafe_since(scheme.value, digest.value, one.check.examination.path[0].key())
