"""Makes CAdES signatures (gemSpec_Kon V5.18 TUC_KON_155, TAB_KON_779; ETSI TS 101 733 V2.2.1, RFC 5652).

    prepared = prepare(document, by, CadesOptions(time=…, enveloping=True, short_text="…"))

Signed attributes: content-type, message-digest, signing-time, signing-certificate-v2, CMSAlgorithmProtection; if given,
content-hints with the ShortText, mime-type, signature policy and the caller's own. A parallel signature is one more
SignerInfo, a counter signature an unsigned attribute of every SignerInfo. What is already there stays octet for octet,
but for the frame around it, which becomes DER.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from tiaas.ades.cadesread import are_intact, digest_signed_before, has_room
from tiaas.ades.cmssigner import CmsSigner, cms_signer
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.base.dataclass import dataclass
from tiaas.cms import oids, signing
from tiaas.cms.algorithms import DIGEST_SHA256
from tiaas.cms.der import oid
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import SignedData, decode_attribute_untrusted, decode_signed_data_untrusted
from tiaas.cms.signing import AttributesAround, SignedAttributes, SignedDataParts

_KEPT, _MIME_TYPE_KEPT_LENGTH = 64, 256
_DETACHED = SignedDataParts(signers=(), certificates=())
_ALWAYS_OURS = frozenset(
    {
        Attribute.CONTENT_TYPE,
        Attribute.MESSAGE_DIGEST,
        Attribute.SIGNING_TIME,
        Attribute.SIGNING_CERTIFICATE,
        Attribute.SIGNING_CERTIFICATE_V2,
        Attribute.ALGORITHM_PROTECTION,
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class CadesOptions:
    """How to sign. `time` is the claimed signing time, `short_text` goes into content-hints.

    `enveloping` says whether the document is in the signature; None: it is not, or as it is where one is added to.
    `signed_attributes` and `unsigned_attributes` are the caller's CMSAttributes (each a whole Attribute, DER), put in
    unchanged; those that tiaas sets itself are ignored, see `PreparedCades.ignored`. `policy` is an OID. `ocsp` is an
    OCSPResponse (DER) fetched before signing (SignatureService 7.4, 7.5.5).
    """

    time: datetime
    enveloping: bool | None = None
    short_text: str | None = None
    mime_type: str | None = None
    signed_attributes: tuple[bytes, ...] = ()
    unsigned_attributes: tuple[bytes, ...] = ()
    policy: str | None = None
    ocsp: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PreparedCades:
    """A CMS signature that waits for its values (`tiaas.ades.signing.Prepared`).

    `ignored` are the OIDs of the caller's attributes that were left out (Warning 4273).
    """

    digests: tuple[bytes, ...]
    ignored: tuple[str, ...]
    _job: "_Added | _Countersigned"

    def finish(self, values: Sequence[bytes], ocsp: bytes | None = None) -> bytes:
        """The CMS signature (ContentInfo, DER); see `Prepared.finish`."""
        if len(values) != len(self.digests):
            raise ValueError("one signature value for each digest")
        return self._job.finish(values, ocsp)


def prepare(document: bytes, by: SignedBy, options: CadesOptions) -> PreparedCades:
    """A new signature over `document`; raises `CannotSign` (4000: an attribute of the caller is none)."""
    frame = _DETACHED if not options.enveloping else SignedDataParts(signers=(), certificates=(), content=document)
    return _add(frame, sha256(document).digest(), by, options)


def prepare_parallel(signature: bytes, document: bytes | None, by: SignedBy, options: CadesOptions) -> PreparedCades:
    """A further signature over the content that `signature` signs, beside those it holds.

    The content is the enveloped one, else `document`. Without either its hash value is taken from an intact signature
    in it. Enveloping stays enveloping, detached detached. Raises `CannotSign`: 4110 `signature` holds no CMS signature,
    or the content is unknown; 4111 it is not as `options.enveloping` says; 4280 one more is not verified any more; 4000
    see `prepare`.
    """
    read = _read_for(options, signature)
    _require_room(read, 1)
    content = read.content()
    if content is None and document is not None:
        digest: bytes | None = sha256(document).digest()
    elif content is None:
        digest = digest_signed_before(read)
    else:
        digest = sha256(content).digest()
    if digest is None:
        raise CannotSign(4110, "the signed content is neither in the signature nor known by an intact signature")
    return _add(_frame(read, content), digest, by, options)


def prepare_counter(signature: bytes, by: SignedBy, options: CadesOptions) -> PreparedCades:
    """A counter signature on every SignerInfo of `signature`, not on counter signatures (TAB_KON_779).

    Content type and mime type belong to no counter signature (RFC 5652, 11.4). Raises `CannotSign`, see
    `prepare_parallel`.
    """
    read = _read_for(options, signature)
    _require_room(read, len(read.signers))
    signer = cms_signer(by)
    signed, unsigned, ignored = _callers(options, frozenset())
    prepared = []
    for info in read.signers:
        own = [signing.message_digest(sha256(info.value).digest()), *_about(signer, options)]
        prepared.append(signing.signed_attributes([*own, *signed]))
    job = _Countersigned(_frame(read, read.content()), signer, read, tuple(prepared), unsigned, options.ocsp)
    return PreparedCades(tuple(attributes.digest for attributes in prepared), ignored, job)


def enveloped_document(signature: bytes) -> bytes:
    """The document that a parallel signature signs, for who has to look at it before.

    Raises `CannotSign` 4110: `signature` holds no CMS signature, is detached, or signs no document (id-data).
    """
    document = _document(_read(signature))
    if document is None:
        raise CannotSign(4110, "the signature does not contain the document")
    return document


def countersigned_document(signature: bytes) -> bytes | None:
    """The document whose signatures a counter signature signs, None if they are detached.

    Raises `CannotSign`, see `enveloped_document`; and 4110 if one of the signatures is not intact.
    """
    read = _read(signature)
    if not are_intact(read):
        raise CannotSign(4110, "a signature to be countersigned is not intact")
    return _document(read)


def with_ocsp(signature: bytes, responses: Sequence[bytes]) -> bytes:
    """The CMS structure with OCSPResponses (DER) more among its revocation infos; the signatures stay as they are.

    Raises `CannotSign` 4110 for what holds no CMS signature.
    """
    read = _read(signature)
    frame = _frame(read, read.content())
    added = tuple(signing.ocsp_revocation(response) for response in responses)
    return replace(frame, revocation=(*frame.revocation, *added)).encode()


@dataclass(frozen=True, slots=True, repr=False)
class _Added:
    """A SignerInfo more in a frame."""

    frame: SignedDataParts
    signer: CmsSigner
    attributes: SignedAttributes
    unsigned: tuple[bytes, ...]
    ocsp: bytes | None

    def finish(self, values: Sequence[bytes], ocsp: bytes | None) -> bytes:
        info = self.signer.info(self.attributes, values[0], self.unsigned)
        if self.frame is _DETACHED and ocsp is None and self.ocsp is None:
            return self.signer.detached.with_signers((info,))
        return _completed(self.frame, (*self.frame.signers, info), self.signer, ocsp or self.ocsp)


@dataclass(frozen=True, slots=True, repr=False)
class _Countersigned:
    """Counter signatures, one for each SignerInfo."""

    frame: SignedDataParts
    signer: CmsSigner
    read: SignedData
    attributes: tuple[SignedAttributes, ...]
    unsigned: tuple[bytes, ...]
    ocsp: bytes | None

    def finish(self, values: Sequence[bytes], ocsp: bytes | None) -> bytes:
        signers = []
        for info, attributes, value in zip(self.read.signers, self.attributes, values, strict=True):
            counter = self.signer.info(attributes, value, self.unsigned)
            signers.append(info.with_unsigned(signing.attribute(Attribute.COUNTERSIGNATURE, counter)))
        return _completed(self.frame, signers, self.signer, ocsp or self.ocsp)


def _add(frame: SignedDataParts, digest: bytes, by: SignedBy, options: CadesOptions) -> PreparedCades:
    signer = cms_signer(by)
    mime_type = options.mime_type
    has_words = options.short_text or options.signed_attributes or options.unsigned_attributes
    if has_words or (mime_type is not None and len(mime_type) > _MIME_TYPE_KEPT_LENGTH):
        stated = _stated(signer, frame.content_type, options)
    else:
        second = options.time.replace(microsecond=0)
        stated = _stated_plainly(signer, frame.content_type, second, mime_type, options.policy)
    attributes = stated.around.with_digest(digest)
    job = _Added(frame, signer, attributes, stated.unsigned, options.ocsp)
    return PreparedCades((attributes.digest,), stated.ignored, job)


@dataclass(frozen=True, slots=True, repr=False)
class _Stated:
    """What a signature states beside the hash value of its content."""

    around: AttributesAround
    unsigned: tuple[bytes, ...] = ()
    ignored: tuple[str, ...] = ()


@lru_cache(maxsize=_KEPT)
def _stated_plainly(
    signer: CmsSigner, content_type: str, second: datetime, mime_type: str | None, policy: str | None
) -> _Stated:
    """Made once for all that is signed in the same second without the caller's words, which may be about people."""
    return _stated(signer, content_type, CadesOptions(second, mime_type=mime_type, policy=policy))


def _stated(signer: CmsSigner, content_type: str, options: CadesOptions) -> _Stated:
    own = [signing.content_type(content_type), *_about(signer, options)]
    ours = set()
    if options.mime_type is not None:
        own.append(signing.mime_type(options.mime_type))
        ours.add(Attribute.MIME_TYPE)
    signed, unsigned, ignored = _callers(options, ours)
    return _Stated(signing.attributes_around([*own, *signed]), unsigned, ignored)


def _about(signer: CmsSigner, options: CadesOptions) -> list[bytes]:
    """The attributes that every signature has, but for those about the content."""
    found = [signing.signing_time(options.time), signer.signing_certificate, signer.algorithm_protection]
    if options.short_text:
        found.append(signing.content_hints(options.short_text))
    if options.policy is not None:
        found.append(signing.signature_policy(options.policy))
    return found


def _callers(
    options: CadesOptions, ours: Iterable[str]
) -> tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[str, ...]]:
    """The caller's attributes, signed and unsigned, and the OIDs of those that are ours to set."""
    if not options.signed_attributes and not options.unsigned_attributes:
        return (), (), ()
    reserved = _ALWAYS_OURS.union(ours)
    if options.short_text:
        reserved |= {Attribute.CONTENT_HINTS}
    if options.policy is not None:
        reserved |= {Attribute.SIGNATURE_POLICY}
    kept: tuple[list[bytes], list[bytes]] = ([], [])
    ignored = []
    for group, given in zip(kept, (options.signed_attributes, options.unsigned_attributes), strict=True):
        for attribute in given:
            name = _attribute_name(attribute)
            if name in reserved:
                ignored.append(name)
            else:
                group.append(attribute)
    return tuple(kept[0]), tuple(kept[1]), tuple(ignored)


def _attribute_name(attribute: bytes) -> str:
    try:
        return decode_attribute_untrusted(attribute).oid
    except BadCms as error:
        raise CannotSign(4000, f"CMSAttribute is no ASN.1 attribute: {error}") from None


def _read(signature: bytes) -> SignedData:
    try:
        read = decode_signed_data_untrusted(signature)
    except BadCms as error:
        raise CannotSign(4110, f"no CMS signature: {error}") from None
    if not read.signers:
        raise CannotSign(4110, "a CMS structure without signatures")
    return read


def _read_for(options: CadesOptions, signature: bytes) -> SignedData:
    read = _read(signature)
    if options.enveloping is not None and options.enveloping is (read.segments is None):
        raise CannotSign(4111, "IncludeEContent: the signature that is there is not so")
    return read


def _require_room(read: SignedData, more: int) -> None:
    if not has_room(read, more):
        raise CannotSign(4280, "more signatures than supported")


def _document(read: SignedData) -> bytes | None:
    if read.content_type != oids.DATA:
        raise CannotSign(4110, "the signed content is no document")
    return read.content()


def _frame(read: SignedData, content: bytes | None) -> SignedDataParts:
    return SignedDataParts(
        signers=tuple(info.encoded for info in read.signers),
        certificates=read.certificate_choices,
        content=content,
        content_type=read.content_type,
        revocation=read.revocation,
        digest_algorithms=read.digest_algorithms,
        names_by_key=any(info.key_identifier is not None for info in read.signers),
    )


def _completed(frame: SignedDataParts, signers: Sequence[bytes], signer: CmsSigner, ocsp: bytes | None) -> bytes:
    """The ContentInfo: the frame with these SignerInfos, with the new signer's certificate and the OCSP response."""
    revocation = frame.revocation if ocsp is None else (*frame.revocation, signing.ocsp_revocation(ocsp))
    certificates = (*frame.certificates, signer.certificate)
    digests = frame.digest_algorithms
    if DIGEST_SHA256 not in digests and not any(oid(oids.SHA256) in algorithm for algorithm in digests):
        digests = (*digests, DIGEST_SHA256)
    return SignedDataParts(
        signers, certificates, frame.content, frame.content_type, revocation, digests, frame.names_by_key
    ).encode()
