"""Reads the signatures of a PDF document (TS 102 778-3, 4.6; ISO 32000-1:2008, 12.8).

A signature counts for the whole document or not at all. What is outside its ByteRange has to be the value of its own
`Contents`, to the octet, and its ByteRange has to end with the document: so an incremental update behind it (ISA), a
second `Contents` or a moved range (SWA), and ranges that are missing, negative or overlapping (USF) are all seen. The
three are the classes of attacks of Mladenov et al., "1 Trillion Dollar Refund", 2019.

Document time stamps (ETSI.RFC3161) are no signatures of a person and are not reported; nor are they evaluated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import BadSignatureFile, FoundSignature, Integrity, SignatureFormat
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdftext import date, text
from tiaas.ades.pdfvalues import BadPdf, Dictionary, Name, Reference, Value

_MAX_FIELDS = 5_000
_MAX_SIGNATURES = 64
_READABLE = frozenset({b"ETSI.CAdES.detached", b"adbe.pkcs7.detached"})
_TIME_STAMP = b"ETSI.RFC3161"


def read_pades_untrusted(document: bytes) -> tuple[FoundSignature, ...]:
    """All signatures, in the order of the form's fields.

    An INTACT one covers the whole document. Raises `BadSignatureFile` only: 4110 for what is no readable PDF, 4253
    where there is no signature, 4280 where there are too many.
    """
    try:
        pdf = PdfFile(document)
        if pdf.encrypted:
            raise BadPdf("encrypted")
        values = list(_signature_values(pdf))
        if len(values) > _MAX_SIGNATURES:
            raise BadSignatureFile(4280, "too many signatures")
        found = _all_read(pdf, values)
    except BadPdf as error:
        raise BadSignatureFile(4110, str(error)) from None
    if not found:
        raise BadSignatureFile(4253, "no signature in the document")
    return found


def _all_read(pdf: PdfFile, values: Sequence[Value]) -> tuple[FoundSignature, ...]:
    found: list[FoundSignature] = []
    for value in values:
        base = len(found)
        for item in _read(pdf, value):
            above = item.countersigns
            found.append(item if above is None else replace(item, countersigns=base + above))
    return tuple(found)


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


def _read(pdf: PdfFile, value: Value) -> list[FoundSignature]:
    """What one signature dictionary holds: one signature, with counter signatures if somebody made some."""
    dictionary = pdf.dictionary(value)
    name = dictionary.get(b"SubFilter")
    moment, reason = date(dictionary.get(b"M")), text(dictionary.get(b"Reason"))
    unread = FoundSignature(SignatureFormat.PADES, Integrity.MALFORMED, b"", None, time=moment, short_text=reason)
    if name not in _READABLE:
        written = text(bytes(name)) if isinstance(name, Name) else ""
        return [replace(unread, integrity=Integrity.ALGORITHM_UNKNOWN, algorithm_name=written or "")]
    contents = dictionary.get(b"Contents")
    covered = _covered(pdf, dictionary, value)
    if covered is None or not isinstance(contents, bytes):
        return [unread]
    whole, (end, start, stop) = covered
    octets = memoryview(pdf.octets)
    try:
        found = read_cades_untrusted(contents, (octets[:end], octets[start:stop]), form=SignatureFormat.PADES)
    except BadSignatureFile:
        return [unread]
    if sum(item.countersigns is None for item in found) > 1:
        # One SignerInfo and no more (ISO 32000-1, 12.8.3.3.1).
        return [replace(unread, value=item.value) for item in found]
    intact = Integrity.INTACT if whole else Integrity.NOT_WHOLE_DOCUMENT
    return [
        item
        if item.countersigns is not None
        else replace(
            item,
            integrity=intact if item.integrity is Integrity.INTACT else item.integrity,
            time=moment or item.time,
            short_text=reason,
            references=(f"ByteRange [0 {end} {start} {stop - start}]",),
        )
        for item in found
    ]


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
