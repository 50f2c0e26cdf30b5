"""Reads the signatures of a PDF document (TS 102 778-3, 4.6; ISO 32000-1:2008, 12.8).

A signature counts for the whole document or not at all. What is outside its ByteRange has to be the value of its own
`Contents`, to the octet, and its ByteRange has to end with the document: so an incremental update behind it (ISA), a
second `Contents` or a moved range (SWA), and ranges that are missing, negative or overlapping (USF) are all seen. The
three are the classes of attacks of Mladenov et al., "1 Trillion Dollar Refund", 2019.

Document time stamps (ETSI.RFC3161) are no signatures of a person and are not reported; nor are they evaluated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from tiaas.ades.cadesread import cades_claims_untrusted
from tiaas.ades.found import BadSignatureFile, Claim, FoundSignature, Integrity, SignatureFormat
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdftext import date, text
from tiaas.ades.pdfvalues import BadPdf, Budget, Dictionary, Name, Reference, Value

_MAX_FIELDS = 5_000
_MAX_SIGNATURES = 64
_SIGNATURE_COST = 400
"""A CMS takes as much time to be read as so many values."""
_READABLE = frozenset({b"ETSI.CAdES.detached", b"adbe.pkcs7.detached"})
_TIME_STAMP = b"ETSI.RFC3161"


def read_pades_untrusted(document: bytes) -> tuple[FoundSignature, ...]:
    """All signatures, in the order of the form's fields; see `pades_claims_untrusted`."""
    return tuple([claim.checked() for claim in pades_claims_untrusted(document)])


def pades_claims_untrusted(document: bytes, budget: type[Budget] = Budget) -> list[Claim]:
    """All signatures, in the order of the form's fields, their values not yet checked.

    An INTACT one covers the whole document. Raises `BadSignatureFile` only: 4110 for what is no readable PDF, 4253
    where there is no signature, 4280 where there are too many; with a `SmallBudget` also `TakesLong`.
    """
    try:
        pdf = PdfFile(document, budget())
        if pdf.encrypted:
            raise BadPdf("encrypted")
        values = list(_signature_values(pdf))
        if len(values) > _MAX_SIGNATURES:
            raise BadSignatureFile(4280, "too many signatures")
        pdf.charge(_SIGNATURE_COST * len(values))
        claims = _all_read(pdf, values)
    except BadPdf as error:
        raise BadSignatureFile(4110, str(error)) from None
    if not claims:
        raise BadSignatureFile(4253, "no signature in the document")
    return claims


def _all_read(pdf: PdfFile, values: Sequence[Value]) -> list[Claim]:
    claims: list[Claim] = []
    for value in values:
        base = len(claims)
        for claim in _read(pdf, value):
            found, above = claim.found, claim.found.countersigns
            moved = found if above is None else replace(found, countersigns=base + above)
            claims.append(claim._replace(found=moved))
    return claims


def _signature_values(pdf: PdfFile) -> Iterator[Value]:
    """The values of all signature fields that are signed, each once."""
    form = pdf.resolved(pdf.catalog()[1].get(b"AcroForm"))
    if not isinstance(form, dict):
        return
    pending: list[tuple[Value, Value]] = [(item, None) for item in reversed(pdf.array(form.get(b"Fields")))]
    seen = set[Value]()
    budget = _MAX_FIELDS
    while pending:
        node, inherited = pending.pop()
        budget -= 1
        if budget < 0 or len(pending) > _MAX_FIELDS:
            raise BadPdf("too many fields")
        # It may be its own kid.
        pdf.charge(1)
        field = pdf.dictionary(node)
        kind = pdf.resolved(field.get(b"FT", inherited))
        pending += [(item, kind) for item in reversed(pdf.array(field.get(b"Kids")))]
        value = field.get(b"V")
        if kind != b"Sig" or value is None or (isinstance(value, Reference) and value in seen):
            continue
        if pdf.dictionary(value).get(b"SubFilter") == _TIME_STAMP:
            continue
        if isinstance(value, Reference):
            seen.add(value)
        yield value


def _read(pdf: PdfFile, value: Value) -> list[Claim]:
    """What one signature dictionary holds: one signature, with counter signatures if somebody made some."""
    dictionary = pdf.dictionary(value)
    name = dictionary.get(b"SubFilter")
    moment, reason = date(dictionary.get(b"M")), text(dictionary.get(b"Reason"))
    unread = FoundSignature(SignatureFormat.PADES, Integrity.MALFORMED, b"", None, time=moment, short_text=reason)
    if name not in _READABLE:
        written = text(bytes(name)) if isinstance(name, Name) else ""
        return [Claim(replace(unread, integrity=Integrity.ALGORITHM_UNKNOWN, algorithm_name=written or ""))]
    contents = dictionary.get(b"Contents")
    covered = _covered(pdf, dictionary, value)
    if covered is None or not isinstance(contents, bytes):
        return [Claim(unread)]
    whole, (end, start, stop) = covered
    octets = memoryview(pdf.octets)
    try:
        claims = cades_claims_untrusted(contents, (octets[:end], octets[start:stop]), form=SignatureFormat.PADES)
    except BadSignatureFile:
        return [Claim(unread)]
    if sum(claim.found.countersigns is None for claim in claims) > 1:
        # One SignerInfo and no more (ISO 32000-1, 12.8.3.3.1).
        return [Claim(replace(unread, value=claim.found.value)) for claim in claims]
    ranges = (f"ByteRange [0 {end} {start} {stop - start}]",)
    return [_of_document(claim, moment, reason, ranges, whole=whole) for claim in claims]


def _of_document(
    claim: Claim, moment: datetime | None, reason: str | None, ranges: tuple[str, ...], *, whole: bool
) -> Claim:
    """The same, with what the signature dictionary says; counter signatures are not the document's."""
    found = claim.found
    if found.countersigns is not None:
        return claim
    told = replace(found, time=moment or found.time, short_text=reason, references=ranges)
    claim = claim._replace(found=told)
    return claim if whole else claim.judged(_in_part)


def _in_part(integrity: Integrity) -> Integrity:
    return Integrity.NOT_WHOLE_DOCUMENT if integrity is Integrity.INTACT else integrity


def _covered(pdf: PdfFile, dictionary: Dictionary, value: Value) -> tuple[bool, tuple[int, int, int]] | None:
    """Where the two ranges end and begin, and whether they are everything but `Contents`; None: they are no ranges."""
    numbers = pdf.array(dictionary.get(b"ByteRange"))
    spans = pdf.found(value).spans if isinstance(value, Reference) else None
    if spans is None or b"Contents" not in spans or len(numbers) != 4:
        return None
    first, end, start, size = (item if isinstance(item, int) else -1 for item in numbers)
    if first != 0 or not 0 < end < start <= start + size <= len(pdf.octets):
        return None
    whole = (end, start) == spans[b"Contents"] and start + size == len(pdf.octets)
    return whole, (end, start, start + size)
