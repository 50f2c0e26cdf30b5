"""Reads CAdES and plain CMS signatures: structure and mathematics (`tiaas.ades.found`), no trust.

Checked are, in this order: known algorithm, certificate at hand, content-type and message-digest,
CMSAlgorithmProtection, signature value, binding of the certificate (RFC 5652, 5.4, 5.6 and 11; RFC 5035, 4; RFC 6211).
Signed attributes count as they are written and in the order that DER demands: both are encodings of the same set.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256, sha384, sha512

from tiaas.ades import cmsattributes
from tiaas.ades.cmsalgorithm import KnownAlgorithm, known_algorithm, known_digest, public_key
from tiaas.ades.found import BadSignatureFile, Check, Claim, FoundSignature, Integrity, SignatureFormat
from tiaas.cms import oids
from tiaas.cms.certificate import CertificateNames, names_untrusted
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import SignedData, SignerInfo, decode_signed_data_untrusted, decode_signer_info_untrusted
from tiaas.pki.certificate import BadCertificate, comparable_name_untrusted
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keys import Digest, SigningScheme

_HASHES = {Digest.SHA256: sha256, Digest.SHA384: sha384, Digest.SHA512: sha512}
_MAX_SIGNATURES = 100
_MAX_NESTED = 4

Octets = Sequence[bytes | memoryview]
_Certificate = tuple[CertificateNames, bytes]


def read_cades_untrusted(
    signature: bytes,
    document: bytes | Octets | None = None,
    given: Sequence[bytes] = (),
    form: SignatureFormat = SignatureFormat.CADES,
) -> tuple[FoundSignature, ...]:
    """The signatures in a CMS structure, each one followed by its counter signatures; see `cades_claims_untrusted`."""
    return tuple([claim.checked() for claim in cades_claims_untrusted(signature, document, given, form)])


def cades_claims_untrusted(
    signature: bytes,
    document: bytes | Octets | None = None,
    given: Sequence[bytes] = (),
    form: SignatureFormat = SignatureFormat.CADES,
) -> list[Claim]:
    """The signatures in a CMS structure, each one followed by its counter signatures, their values not yet checked.

    `document` is the content of a detached signature, also in pieces, which are not joined; if it is there for an
    enveloping one, too, it must be the same, or the result is DIGEST_WRONG. `given` are certificates (DER) from
    elsewhere. `form` is only put into the result.
    Raises only `BadSignatureFile`: 4253 no signature, 4280 more signatures than supported, 4000 a detached signature
    without its document.
    """
    try:
        read = decode_signed_data_untrusted(signature)
        ocsp = read.ocsp() if read.revocation else ()
    except BadCms as error:
        raise BadSignatureFile(4253, f"no CMS signature: {error}") from None
    if not read.signers:
        raise BadSignatureFile(4253, "a CMS structure without signatures")
    if read.segments is None and document is None:
        raise BadSignatureFile(4000, "a detached signature without its document")
    given_content: Octets = (document,) if isinstance(document, bytes) else document or ()
    enveloped = read.segments
    content: Octets = given_content if enveloped is None else enveloped
    embedded = read.certificates()
    reading = _Reading(content, read.content_type, _named([*embedded, *given]), form, embedded, ocsp)
    claims: list[Claim] = []
    for info in read.signers:
        _append(claims, info, reading, None)
    if enveloped is not None and document is not None and b"".join(enveloped) != b"".join(given_content):
        return [claim.judged(_worse) if claim.found.countersigns is None else claim for claim in claims]
    return claims


def digest_signed_before(read: SignedData) -> bytes | None:
    """The SHA-256 hash value of the content as an intact signature of `read` states it, or None."""
    reading = _Reading((), read.content_type, _named(read.certificates()), stated=True)
    for info in read.signers:
        try:
            digest = cmsattributes.message_digest(info)
            algorithm = known_algorithm(info.signature_algorithm, info.digest_algorithm)
            names_one = cmsattributes.names_a_certificate(info)
            claimed, check = _weighed(info, reading, reading.certificate_of(info), algorithm, names_one=names_one)
        except BadCms:
            continue
        intact = (claimed if check is None else check()) is Integrity.INTACT
        if intact and known_digest(info.digest_algorithm) is Digest.SHA256:
            return digest
    return None


class _Reading:
    """What a signature is checked against. With `stated` its message-digest is believed.

    `content_type` is None for counter signatures: they have none. `form`, `embedded` (certificates) and `ocsp` go into
    what is found.
    """

    __slots__ = ("_hashed", "_issuers", "certificates", "content", "content_type", "embedded", "form", "ocsp", "stated")

    def __init__(
        self,
        content: Octets,
        content_type: str | None,
        certificates: tuple[_Certificate, ...],
        form: SignatureFormat = SignatureFormat.CADES,
        embedded: tuple[bytes, ...] = (),
        ocsp: tuple[bytes, ...] = (),
        *,
        stated: bool = False,
    ) -> None:
        self.content = content
        self.content_type = content_type
        self.certificates = certificates
        self.form = form
        self.embedded = embedded
        self.ocsp = ocsp
        self.stated = stated
        self._hashed: dict[Digest, bytes] = {}
        self._issuers: dict[bytes, str | None] = {}

    def below(self, value: bytes) -> "_Reading":
        """What the counter signatures of a signature with that value are checked against."""
        below = _Reading((value,), None, self.certificates, self.form, self.embedded, self.ocsp)
        below._issuers = self._issuers
        return below

    def certificate_of(self, info: SignerInfo) -> _Certificate | None:
        """The signer's certificate; of several with the same names the one that the attribute binds."""
        found = [item for item in self.certificates if _is_named(item[0], info)] or [
            item for item in self.certificates if self._has_same_names(item, info)
        ]
        for item in found:
            if len(found) == 1 or cmsattributes.names_certificate(info, item[1]):
                return item
        return found[0] if found else None

    def _has_same_names(self, item: _Certificate, info: SignerInfo) -> bool:
        """Whether the issuer is the same but for the way it is written (RFC 5280, 7.1), as some signers do it."""
        names, _ = item
        wanted = info.issuer_and_serial
        if wanted is None or names.issuer_and_serial.serial != wanted.serial:
            return False
        issuer = self._comparable(wanted.issuer)
        return issuer is not None and issuer == self._comparable(names.issuer_and_serial.issuer)

    def _comparable(self, name: bytes) -> str | None:
        """A Name so that equal ones are equal, read once for however many signatures; None for one that is none."""
        if name not in self._issuers:
            try:
                self._issuers[name] = comparable_name_untrusted(name)
            except BadCertificate:
                self._issuers[name] = None
        return self._issuers[name]

    def digest(self, function: Digest) -> bytes:
        """The hash value of the content, made once for however many signatures."""
        if function not in self._hashed:
            hashed = _HASHES[function]()
            for octets in self.content:
                hashed.update(octets)
            self._hashed[function] = hashed.digest()
        return self._hashed[function]


def _append(
    claims: list[Claim], info: SignerInfo, reading: _Reading, countersigned: int | None, depth: int = 0
) -> None:
    if len(claims) >= _MAX_SIGNATURES or depth > _MAX_NESTED:
        raise BadSignatureFile(4280, "more signatures than supported")
    own = len(claims)
    claims.append(_claim(info, reading, countersigned))
    for attribute in info.unsigned:
        for value in attribute.values if attribute.oid == Attribute.COUNTERSIGNATURE else ():
            try:
                counter = decode_signer_info_untrusted(value)
            except BadCms as error:
                raise BadSignatureFile(4253, f"counter signature not readable: {error}") from None
            _append(claims, counter, reading.below(info.value), own, depth + 1)


def _claim(info: SignerInfo, reading: _Reading, countersigned: int | None) -> Claim:
    """What is found of one signature; MALFORMED where something in it is not readable."""
    certificate, algorithm, said, is_bound = None, None, cmsattributes.NOTHING_SAID, False
    claimed: Integrity = Integrity.MALFORMED
    check: Check | None = None
    ecdsa: EcdsaUse | None = None
    with suppress(BadCms):
        certificate = reading.certificate_of(info)
        algorithm = known_algorithm(info.signature_algorithm, info.digest_algorithm)
        said, is_bound = cmsattributes.said(info), cmsattributes.names_a_certificate(info)
        claimed, check = _weighed(info, reading, certificate, algorithm, names_one=is_bound)
        if check is not None and certificate is not None and algorithm is not None:
            ecdsa = _ecdsa_use(info, certificate, algorithm)
    found = FoundSignature(
        reading.form,
        claimed,
        info.value,
        None if certificate is None else certificate[1],
        reading.embedded,
        reading.ocsp,
        None if algorithm is None else (algorithm.scheme, algorithm.digest),
        info.signature_algorithm.oid,
        said.time,
        said.short_text,
        said.policy,
        countersigned,
        is_bound=is_bound,
    )
    return Claim(found, check, ecdsa)


def _ecdsa_use(info: SignerInfo, certificate: _Certificate, algorithm: KnownAlgorithm) -> EcdsaUse | None:
    """Whether the value fits the signed attributes as they are written, which is nearly always all there is to ask."""
    if algorithm.scheme is not SigningScheme.ECDSA or info.signed is None:
        return None
    for form in info.signed_forms():
        return EcdsaUse(certificate[0].public_key, info.value, form, algorithm.digest)
    return None


def _weighed(
    info: SignerInfo,
    reading: _Reading,
    certificate: _Certificate | None,
    algorithm: KnownAlgorithm | None,
    *,
    names_one: bool,
) -> tuple[Integrity, Check | None]:
    """The integrity, and what may still change it: whether the value fits. `names_one`: an attribute names a
    certificate. Raises `BadCms` where an attribute is not readable."""
    if algorithm is None:
        return Integrity.ALGORITHM_UNKNOWN, None
    if certificate is None:
        return Integrity.CERTIFICATE_MISSING, None
    if info.signed is None:
        # A signature over the content alone binds no certificate; over another type than id-data it must not exist.
        if reading.content_type not in (None, oids.DATA) or reading.stated:
            return Integrity.MALFORMED, None
    else:
        stated = cmsattributes.message_digest(info)
        # A counter signature has no content-type (11.4); so nobody's signature of a document can be made one.
        if stated is None or reading.content_type != cmsattributes.content_type(info):
            return Integrity.MALFORMED, None
        if not reading.stated and stated != reading.digest(algorithm.digest):
            return Integrity.DIGEST_WRONG, None
        if not cmsattributes.protected_algorithms_match(info):
            return Integrity.MALFORMED, None
    claimed = _binding(info, certificate[1], names_one=names_one)
    return claimed, partial(_checked, info, reading, certificate, algorithm, claimed)


def _binding(info: SignerInfo, certificate: bytes, *, names_one: bool) -> Integrity:
    """What a signature is whose value fits, by the attribute that names its certificate."""
    # Without any signed attributes the signed attributes of another signature could be passed off as a document.
    if info.signed is None:
        return Integrity.CERTIFICATE_NOT_BOUND
    try:
        bound = not names_one or cmsattributes.names_certificate(info, certificate)
    except BadCms:
        return Integrity.MALFORMED
    return Integrity.INTACT if bound else Integrity.CERTIFICATE_NOT_BOUND


def _checked(
    info: SignerInfo, reading: _Reading, certificate: _Certificate, algorithm: KnownAlgorithm, claimed: Integrity
) -> Integrity:
    """The integrity by the signature value: `claimed` if it fits."""
    key = public_key(certificate[0].public_key)
    forms = iter((b"".join(reading.content),)) if info.signed is None else info.signed_forms()
    try:
        for form in forms:
            if algorithm.fits(key, info.value, form):
                return claimed
    except BadCms:
        return Integrity.MALFORMED
    return Integrity.SIGNATURE_WRONG


def _worse(integrity: Integrity) -> Integrity:
    return Integrity.DIGEST_WRONG if integrity is Integrity.INTACT else integrity


def _named(certificates: Sequence[bytes]) -> tuple[_Certificate, ...]:
    """The readable ones with their names."""
    found = []
    for certificate in certificates:
        try:
            found.append((names_untrusted(certificate), certificate))
        except BadCms:
            continue
    return tuple(found)


def _is_named(names: CertificateNames, info: SignerInfo) -> bool:
    if info.key_identifier is not None:
        return names.key_identifier == info.key_identifier
    return names.issuer_and_serial == info.issuer_and_serial
