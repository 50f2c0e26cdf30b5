"""PAdES signatures: a PDF document gets a signature field in an incremental update (TS 102 778-3 V1.1.2, PAdES-BES).

Profile (gemSpec_Kon V5.18 TAB_KON_779, TUC_KON_155): SubFilter ETSI.CAdES.detached; time of signing in `M` and nowhere
else (TS 102 778-3, 4.5.3); `Reason` is the ShortText; certificate and its attribute in the CMS, no OCSP response;
`ByteRange` covers everything but the value of `Contents`. A PDF/A document stays one: the invisible field is an
annotation that prints, has no area and an empty appearance (ISO 19005-1, 6.5.3 and 6.9; ISO 19005-2, 6.3).

    << /Type /Sig … /ByteRange [0 a b c] /Contents <3082…0000> /M (D:…) >>
       0 … a: all octets before `<`;  b … b + c: all octets behind `>`
"""

from binascii import hexlify
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from tiaas.ades.padescms import PdfSigner, pdf_signer
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdftext import date_string, text, text_string
from tiaas.ades.pdfupdate import MAX_NUMBER, Update
from tiaas.ades.pdfvalues import BadPdf, Dictionary, Name, Reference, Value, Written, written
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.base.dataclass import dataclass
from tiaas.base.slices import joined
from tiaas.cms.signing import SignedAttributes

_MAX_STRING = 32_767
"""Octets of a string in a PDF/A document (ISO 19005-2, 6.1.13)."""
_MAX_FIELDS = 5_000
_NAME_OCTETS = 64
"""More than the name of any field made here has, however it is encoded."""
_SIGNATURE_FLAGS = 1 | 2
"""SignaturesExist and AppendOnly."""
_NO_CHANGES = 1
_APPEARANCE = b"<< /Type /XObject /Subtype /Form /BBox [0 0 0 0] /Length 0 >>\nstream\n\nendstream"
# Flags: Print and Locked.
_FIELD = (
    b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (%b) /V %d %d R /F 132 /Rect [0 0 0 0] /P %d %d R "
    b"/AP << /N %d %d R >> >>"
)
_FORM = b"<< /Fields [%%d %%d R] /SigFlags %d >>" % _SIGNATURE_FLAGS
_EXTENSION: Dictionary = {b"ESIC": {b"BaseVersion": Name(b"1.7"), b"ExtensionLevel": 1}}
_EXTENSION_ALONE = Written(written(_EXTENSION))
_RANGE = b"[0 %-10d %-10d %-10d]"
_OPENING = (
    b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange "
    + _RANGE % (0, 0, 0)
    + b" /Contents "
)
_RANGE_AT = _OPENING.index(b"[")


@dataclass(frozen=True, slots=True)
class PadesOptions:
    """`time` is the Konnektor's system time (aware), `reason` the ShortText."""

    time: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PreparedPdf:
    """A document with an open signature: `before` and `behind` are the octets of the update around the CMS's digits."""

    document: bytes
    before: bytes
    behind: bytes
    signer: PdfSigner
    attributes: SignedAttributes

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The hash value to be signed."""
        return (self.attributes.digest,)

    def finish(self, values: Sequence[bytes], ocsp: bytes | None = None) -> bytes:
        """The signed document; raises `CannotSign` (4205) for a value longer than the certificate's key makes."""
        (value,) = values
        room = 2 * self.signer.room
        digits = hexlify(self.signer.cms(self.attributes, value)).ljust(room, b"0")
        if len(digits) > room:
            raise CannotSign(4205, "a signature that is longer than its place")
        return joined((self.document, self.before, digits, self.behind))


def prepare(document: bytes | PdfFile, by: SignedBy, options: PadesOptions) -> PreparedPdf:
    """A PDF document, its octets or opened already, that waits for its signature value.

    Raises `CannotSign`: 4110 for what is no readable PDF, is encrypted or forbids changes; 4205 where a signature
    finds no room within the limits of PDF/A (object numbers used up, CMS longer than a string may be).
    """
    signer = pdf_signer(by)
    room = signer.room
    if room > _MAX_STRING:
        raise CannotSign(4205, "the CMS is longer than a string may be")
    try:
        pdf = document if isinstance(document, PdfFile) else PdfFile(document)
        document = pdf.octets
        _check_changeable(pdf)
        if pdf.references.size + 4 > MAX_NUMBER:
            raise CannotSign(4205, "no object numbers left")
        update = Update(pdf)
        signature = _add_field(pdf, update)
        dictionary = _signature(room, options)
        update.put_encoded(signature, dictionary)
        state = sha256(document)
        identifier = state.copy()
        identifier.update(dictionary[len(_OPENING) + 2 * room :] + by.certificate)
        octets, places = update.encode(identifier.digest()[:16])
    except BadPdf as error:
        raise CannotSign(4110, str(error)) from None
    first = places[signature] + len(_OPENING)
    second = first + 2 * room + 2
    octets = _ranged(octets, places[signature] - len(document), (first, second, len(document) + len(octets) - second))
    before, behind = octets[: first - len(document)], octets[second - len(document) :]
    state.update(before)
    state.update(behind)
    return PreparedPdf(document, before + b"<", b">" + behind, signer, signer.attributes(state.digest()))


def _signature(room: int, options: PadesOptions) -> bytes:
    reason = b" /Reason " + written(text_string(options.reason)) if options.reason else b""
    return b"%b<%b> /M (%b)%b >>" % (_OPENING, b"0" * (2 * room), date_string(options.time), reason)


def _ranged(octets: bytes, at: int, numbers: tuple[int, int, int]) -> bytes:
    """The update with its ByteRange; the signature dictionary begins at `at`."""
    start, written_range = at + _RANGE_AT, _RANGE % numbers
    return octets[:start] + written_range + octets[start + len(written_range) :]


def _check_changeable(pdf: PdfFile) -> None:
    if pdf.encrypted:
        raise CannotSign(4110, "an encrypted document")
    permissions = pdf.resolved(pdf.catalog()[1].get(b"Perms"))
    certification = permissions.get(b"DocMDP") if isinstance(permissions, dict) else None
    if certification is None:
        return
    for item in pdf.array(pdf.dictionary(certification).get(b"Reference")):
        parameters = pdf.resolved(pdf.dictionary(item).get(b"TransformParams"))
        if isinstance(parameters, dict) and parameters.get(b"P") == _NO_CHANGES:
            raise CannotSign(4110, "a certified document that allows no changes")


def _add_field(pdf: PdfFile, update: Update) -> Reference:
    """Adds field, appearance, and what refers to them; the number that the signature dictionary is going to have."""
    root, catalog = pdf.catalog()
    page, page_dictionary = pdf.first_page()
    signature, field, appearance = update.new(), update.new(), update.new()
    place = catalog.get(b"AcroForm")
    form: Dictionary = {} if place is None else pdf.dictionary(place)
    update.put_encoded(appearance, _APPEARANCE)
    update.put_encoded(field, _FIELD % (_field_name(pdf, form), *signature, *page, *appearance))
    changes: Dictionary = {}
    if place is None:
        changes[b"AcroForm"] = Written(_FORM % field)
    else:
        in_form = _in_form(pdf, update, form, field)
        if isinstance(place, Reference):
            update.put_encoded(place, pdf.extended(place, in_form))
        else:
            changes[b"AcroForm"] = form | in_form
    annotations = _appended(pdf, update, page_dictionary, b"Annots", field)
    if annotations:
        update.put_encoded(page, pdf.extended(page, annotations))
    extensions = catalog.get(b"Extensions", {})
    if isinstance(extensions, dict) and b"ESIC" not in extensions:
        # TS 102 778-3, 4.7: says that the document uses this standard.
        changes[b"Extensions"] = extensions | _EXTENSION if extensions else _EXTENSION_ALONE
    if changes:
        update.put_encoded(root, pdf.extended(root, changes))
    return signature


def _in_form(pdf: PdfFile, update: Update, form: Dictionary, field: Reference) -> Dictionary:
    """What changes in a form that gets the field."""
    flags = form.get(b"SigFlags", 0)
    changes = _appended(pdf, update, form, b"Fields", field)
    changes[b"SigFlags"] = (flags if isinstance(flags, int) else 0) | _SIGNATURE_FLAGS
    return changes


def _appended(pdf: PdfFile, update: Update, holder: Dictionary, key: bytes, reference: Reference) -> Dictionary:
    """Appends to an array of `holder`: its changed entry, or none if the array is an object of its own."""
    value = holder.get(key)
    if value is None:
        return {key: Written(b"[%d %d R]" % reference)}
    longer: list[Value] = [*pdf.array(value), reference]
    if isinstance(value, Reference):
        update.put(value, longer)
        return {}
    return {key: longer}


def _field_name(pdf: PdfFile, form: Dictionary) -> bytes:
    """A name that no other field at the top has."""
    fields = pdf.array(form.get(b"Fields"))
    if len(fields) > _MAX_FIELDS:
        raise BadPdf("too many fields")
    values = [pdf.resolved(pdf.dictionary(item).get(b"T")) for item in fields]
    # All may be one long string.
    names = {text(value) for value in values if isinstance(value, bytes) and len(value) <= _NAME_OCTETS}
    number = 1
    while f"Signature{number}" in names:
        number += 1
    return b"Signature%d" % number
