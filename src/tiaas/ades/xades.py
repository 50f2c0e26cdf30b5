"""Signs XML: XAdES-BES and -EPES with Canonical XML 1.1 (gemSpec_Kon V5.18 TUC_KON_155, TAB_KON_778, TAB_KON_779).

The document's octets stay as they are; a signature is put between them (`xmlsplice`). References are `URI=""` for the
whole document, which needs no Id, and "#" with an Id for everything else.

Parallel signatures and what holds them apart: `enveloped-signature` takes out only the signature that refers, so a
second one beside the first would be covered by it and break it, and XPath, the usual way out, is forbidden in what
Konnektors verify (A_22673). Therefore a further signature of the whole document goes into an Object of the last one,
where those around it do not see it; every verifier finds all of them good. For the same reason counter signatures stand
in the innermost of such signatures; which one a counter signature means, its reference says.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.ades.xadescounter import plan_counters
from tiaas.ades.xadesdocument import XmlDocument, parse_to_sign
from tiaas.ades.xadesids import id_attributes
from tiaas.ades.xadespath import path_to
from tiaas.ades.xadesplaces import Spot, Target, end_spot, find_target, parallel_spot
from tiaas.ades.xadesvariants import Placement, Update, Use, Variant, check_variant
from tiaas.ades.xmlsplice import NotLocated, Place, inserted, locate
from tiaas.base.dataclass import dataclass
from tiaas.base.slices import joined, slices
from tiaas.pki.keys import SigningScheme
from tiaas.soap.markup import document_encoding
from tiaas.xmlsec.canonical import canonical, canonical_document
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.markup import NOWHERE, Scope, octets, scope_inside
from tiaas.xmlsec.names import COUNTERSIGNED_TYPE, DS, SignatureMethod, Transform, ds
from tiaas.xmlsec.references import index_ids
from tiaas.xmlsec.writer import Draft, Part, Plan, draft, raw_ecdsa

_METHODS = {
    SigningScheme.ECDSA: SignatureMethod.ECDSA_SHA256,
    SigningScheme.RSASSA_PSS: SignatureMethod.RSA_PSS_SHA256,
    SigningScheme.RSASSA_PKCS1_V1_5: SignatureMethod.RSA_SHA256,
}
_C14N = (Transform.C14N_11,)
_ENVELOPED = (Transform.ENVELOPED, Transform.C14N_11)
_CERTIFICATES_KEPT = 1024
_OBJECT_ID = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,255}")
"""An xs:ID of ASCII: any other would have to be written in the document's encoding."""


@dataclass(frozen=True, slots=True)
class Schema:
    """An XML schema (or style sheet) that the signature of a QES names with its hash: `uri` and octets."""

    uri: str
    document: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class XadesOptions:
    """What a SignRequest says about an XML signature, and what is not in it: the time, and a random `name` for Ids.

    `include_object` asks for an enveloping signature, whose Object has the Id `object_id` if one is given; `reference`
    is SIG:Document/@RefURI; `ocsp` an OCSPResponse (DER) that was fetched before. `schemas` are dss:Schemas or those of
    the policy: they say which attributes are Ids, and with a QES they become references of a Manifest.
    """

    moment: datetime
    name: str
    use: Use = Use.NONQES
    include_object: bool = False
    object_id: str | None = None
    reference: str | None = None
    placement: Placement | None = None
    update: Update | None = None
    policy: str | None = None
    short_text: str | None = None
    schemas: tuple[Schema, ...] = ()
    ocsp: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PreparedXades:
    """A document and the signatures that wait for their values.

    `digests`: the SHA-256 of what is signed, per signature.
    """

    digests: tuple[bytes, ...]
    _document: bytes
    _drafts: tuple[tuple[Place, Draft], ...]
    _curve_bits: int | None
    _options: XadesOptions
    _xpath: str | None = None
    _outside: tuple[int, int] | None = None
    """Octets before and behind the document element, where that is a signature."""

    def finish(self, values: Sequence[bytes], ocsp: bytes | None = None) -> bytes:
        """The document with its signatures; an enveloping signature is the document."""
        additions = []
        for (place, unsigned), value in zip(self._drafts, values, strict=True):
            written = value if self._curve_bits is None else raw_ecdsa(value, self._curve_bits)
            additions.append((place, unsigned.element(written, ocsp or self._options.ocsp)))
        return inserted(self._document, additions)

    def enveloping(self, finished: bytes) -> bytes | None:
        """The document element of the finished document in UTF-8, if it is a signature."""
        if self._outside is None:
            return None
        before, behind = self._outside
        element = memoryview(finished)[before : len(finished) - behind]
        encoding = document_encoding(finished)
        if encoding in ("utf-8", "utf8"):
            return joined((element,))
        return b"".join(str(part, encoding).encode() for part in slices(element))

    def xpath(self, finished: bytes) -> str:
        """An XPath without prefixes to the first of the signatures in the finished document."""
        if self._xpath is not None:
            return self._xpath
        wanted = f"signature-{self._options.name}"
        signatures = parse_to_sign(finished).root.iter(ds("Signature"))
        return path_to(next(signature for signature in signatures if signature.get("Id") == wanted))


def prepare(document: bytes | XmlDocument, by: SignedBy, options: XadesOptions) -> PreparedXades:
    """Makes a document, its octets or parsed already, ready to be signed.

    Raises `CannotSign`: 4111 for a variant that is not allowed (`xadesvariants`), 4022 not well-formed, 4024 another
    encoding than UTF-8 and ISO-8859-15, 4110 what has no canonical form, 4280 too large, 4281 forbidden
    content, 4115 a RefURI whose Id is missing, occurs twice, or is none by the schema; of an `object_id` 4000 if it is
    none, 4111 if the document has it.
    """
    try:
        parsed = document if isinstance(document, XmlDocument) else parse_to_sign(document)
        return _prepare(parsed, by, options)
    except NotLocated as error:
        raise CannotSign(error.code, error.reason) from None
    except BadXmlSignature as error:
        raise CannotSign(4110, str(error)) from None


def _prepare(parsed: XmlDocument, by: SignedBy, options: XadesOptions) -> PreparedXades:
    if options.update is Update.COUNTER:
        check_variant(Variant.ENVELOPED, options.use, options.policy, options.update)
        return _prepare_counters(parsed, by, options)
    if options.include_object:
        check_variant(Variant.ENVELOPING, options.use, options.policy, options.update)
        return _prepare_enveloping(parsed, by, options)
    if options.update is Update.PARALLEL:
        _require_signature(parsed)
    target = find_target(parsed, options.reference, options.placement, _id_attributes(options))
    check_variant(target.variant, options.use, options.policy, options.update)
    if options.policy is not None:
        target.check_policy(options.policy)
    if target.variant is Variant.ENVELOPED:
        return _prepare_enveloped(parsed, target, by, options)
    return _prepare_part(parsed, target, by, options)


def _require_signature(document: XmlDocument) -> None:
    """There is a signature in the document that another one can stand beside."""
    first = next(document.root.iter(ds("Signature")), None)
    if first is None:
        raise CannotSign(4111, "no signature for a parallel one")
    if first is document.root:
        raise CannotSign(4111, "no parallel signatures around a document")


def _prepare_enveloped(document: XmlDocument, target: Target, by: SignedBy, options: XadesOptions) -> PreparedXades:
    is_parallel = options.update is Update.PARALLEL
    spot = parallel_spot(document) if is_parallel else target.spot(document) or end_spot(document)
    part = Part("", _ENVELOPED, document.digest(canonical_document(document.root, Transform.C14N_11)))
    return _prepared(document.octets, spot, by, options, part)


def _prepare_part(document: XmlDocument, target: Target, by: SignedBy, options: XadesOptions) -> PreparedXades:
    spot = target.spot(document)
    if target.part is None or spot is None:
        raise CannotSign(4111, "no place for the signature")
    part = Part(f"#{target.identifier}", _C14N, document.digest(canonical(target.part, Transform.C14N_11)))
    return _prepared(document.octets, spot, by, options, part)


def _prepare_enveloping(document: XmlDocument, by: SignedBy, options: XadesOptions) -> PreparedXades:
    """The document element goes into an Object; the XML declaration stays in front, what else was outside goes."""
    if options.reference is not None:
        find_target(document, options.reference, None, _id_attributes(options)).check_whole()
    span = locate(document.octets, document.encoding, (document.root,))[0]
    name = f"object-{options.name}" if options.object_id is None else _object_id(document, options.object_id)
    element = memoryview(document.octets)[span.start : span.end]
    content = joined((octets(f'<ds:Object Id="{name}">'), element, b"</ds:Object>"))
    prolog = document.declaration()
    start = octets(f'<ds:Object xmlns:ds="{DS}" Id="{name}">')
    enclosing = parse_to_sign(joined((prolog, start, element, b"</ds:Object>")))
    part = Part(f"#{name}", _C14N, enclosing.digest(canonical(enclosing.root, Transform.C14N_11)))
    unsigned = _draft(NOWHERE, by, options, options.name, (part,), content)
    place = Place(len(prolog), len(prolog))
    return PreparedXades(
        (sha256(unsigned.octets).digest(),),
        prolog,
        ((place, unsigned),),
        _curve_bits(by),
        options,
        _outside=(len(prolog), 0),
    )


def _object_id(document: XmlDocument, wanted: str) -> str:
    """Raises `CannotSign`: 4000 for what is no Id, 4111 for one that the document has itself."""
    if _OBJECT_ID.fullmatch(wanted) is None:
        raise CannotSign(4000, "ObjId is no Id")
    if wanted in index_ids(document.root, (wanted,)):
        raise CannotSign(4111, "ObjId: the document has such an Id")
    return wanted


def _prepare_counters(document: XmlDocument, by: SignedBy, options: XadesOptions) -> PreparedXades:
    octets_now, counters = plan_counters(document, options.name)
    drafts = []
    for number, counter in enumerate(counters):
        part = Part(f"#{counter.identifier}", _C14N, counter.digest, COUNTERSIGNED_TYPE)
        name = f"{options.name}-{number}" if number else options.name
        drafts.append((counter.place, _draft(counter.scope, by, options, name, (part,), b"")))
    outside = None
    if document.root.tag == ds("Signature"):
        (span,) = locate(document.octets, document.encoding, (document.root,))
        outside = span.start, len(document.octets) - span.end
    digests = tuple(sha256(unsigned.octets).digest() for _, unsigned in drafts)
    return PreparedXades(digests, octets_now, tuple(drafts), _curve_bits(by), options, _outside=outside)


def _prepared(document: bytes, spot: Spot, by: SignedBy, options: XadesOptions, part: Part) -> PreparedXades:
    unsigned = _draft(scope_inside(spot.parent), by, options, options.name, (part,), b"")
    return PreparedXades(
        (sha256(unsigned.octets).digest(),), document, ((spot.place, unsigned),), _curve_bits(by), options, spot.xpath
    )


def _draft(
    scope: Scope, by: SignedBy, options: XadesOptions, name: str, parts: tuple[Part, ...], enclosed: bytes
) -> Draft:
    plan = Plan(
        name=name,
        moment=options.moment,
        parts=parts,
        description=options.short_text,
        policy=options.policy,
        manifest=() if options.use is Use.NONQES else tuple(map(_schema_part, options.schemas)),
        enclosed=enclosed,
    )
    return draft(scope, by.certificate, _METHODS[by.scheme], plan)


def _id_attributes(options: XadesOptions) -> frozenset[str] | None:
    return id_attributes(schema.document for schema in options.schemas) if options.schemas else None


def _schema_part(schema: Schema) -> Part:
    document = parse_to_sign(schema.document)
    return Part(schema.uri, _C14N, document.digest(canonical_document(document.root, Transform.C14N_11)))


@lru_cache(maxsize=_CERTIFICATES_KEPT)
def _key_size(certificate: bytes) -> int:
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CannotSign(4111, "the scheme does not fit the key")
    return key.curve.key_size


def _curve_bits(by: SignedBy) -> int | None:
    return _key_size(by.certificate) if by.scheme is SigningScheme.ECDSA else None
