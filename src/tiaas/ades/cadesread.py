"""Reads CAdES and plain CMS signatures: structure and mathematics (`tiaas.ades.found`), no trust.

Checked are, in this order: known algorithm, certificate at hand, content-type and message-digest,
CMSAlgorithmProtection, signature value, binding of the certificate (RFC 5652, 5.4, 5.6 and 11; RFC 5035, 4; RFC 6211).
Signed attributes count as they are written and in the order that DER demands: both are encodings of the same set.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import field, replace
from hashlib import new

from tiaas.ades import cmsattributes
from tiaas.ades.cmsalgorithm import KnownAlgorithm, known_algorithm, known_digest, public_key
from tiaas.ades.found import BadSignatureFile, FoundSignature, Integrity, SignatureFormat
from tiaas.base.dataclass import dataclass
from tiaas.cms import oids
from tiaas.cms.certificate import CertificateNames, names_untrusted
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import SignedData, SignerInfo, decode_signed_data_untrusted, decode_signer_info_untrusted
from tiaas.pki.certificate import BadCertificate, comparable_name_untrusted
from tiaas.pki.keys import Digest

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
    """The signatures in a CMS structure, each one followed by its counter signatures.

    `document` is the content of a detached signature, also in pieces, which are not joined; if it is there for an
    enveloping one, too, it must be the same, or the result is DIGEST_WRONG. `given` are certificates (DER) from
    elsewhere. `form` is only put into the result.
    Raises only `BadSignatureFile`: 4253 no signature, 4280 more signatures than supported, 4000 a detached signature
    without its document.
    """
    try:
        read = decode_signed_data_untrusted(signature)
        ocsp = read.ocsp()
    except BadCms as error:
        raise BadSignatureFile(4253, f"no CMS signature: {error}") from None
    if not read.signers:
        raise BadSignatureFile(4253, "a CMS structure without signatures")
    if read.segments is None and document is None:
        raise BadSignatureFile(4000, "a detached signature without its document")
    given_content: Octets = (document,) if isinstance(document, bytes) else document or ()
    enveloped = read.segments
    wrong = enveloped is not None and document is not None and b"".join(enveloped) != b"".join(given_content)
    content: Octets = given_content if enveloped is None else enveloped
    reading = _Reading(
        content=content, content_type=read.content_type, certificates=_named([*read.certificates(), *given])
    )
    template = FoundSignature(form, Integrity.MALFORMED, b"", None, read.certificates(), ocsp)
    found: list[FoundSignature] = []
    for info in read.signers:
        _append(found, info, reading, template, None)
    if wrong:
        found = [replace(item, integrity=_worse(item)) if item.countersigns is None else item for item in found]
    return tuple(found)


def digest_signed_before(read: SignedData) -> bytes | None:
    """The SHA-256 hash value of the content as an intact signature of `read` states it, or None."""
    reading = _Reading((), read.content_type, _named(read.certificates()), stated=True)
    for info in read.signers:
        try:
            digest = cmsattributes.message_digest(info)
            algorithm = known_algorithm(info.signature_algorithm, info.digest_algorithm)
            intact = _integrity(info, reading, reading.certificate_of(info), algorithm) is Integrity.INTACT
        except BadCms:
            continue
        if intact and known_digest(info.digest_algorithm) is Digest.SHA256:
            return digest
    return None


@dataclass(frozen=True, slots=True, repr=False)
class _Reading:
    """What a signature is checked against. With `stated` its message-digest is believed.

    `content_type` is None for counter signatures: they have none.
    """

    content: Octets
    content_type: str | None
    certificates: tuple[_Certificate, ...]
    stated: bool = False
    _hashed: dict[Digest, bytes] = field(default_factory=dict)
    _issuers: dict[bytes, str | None] = field(default_factory=dict)

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
            hashed = new(function.value)
            for octets in self.content:
                hashed.update(octets)
            self._hashed[function] = hashed.digest()
        return self._hashed[function]


def _append(
    found: list[FoundSignature],
    info: SignerInfo,
    reading: _Reading,
    template: FoundSignature,
    countersigned: int | None,
    depth: int = 0,
) -> None:
    if len(found) >= _MAX_SIGNATURES or depth > _MAX_NESTED:
        raise BadSignatureFile(4280, "more signatures than supported")
    own = len(found)
    found.append(_found(info, reading, template, countersigned))
    below = _Reading((info.value,), None, reading.certificates, _issuers=reading._issuers)
    for attribute in info.unsigned:
        for value in attribute.values if attribute.oid == Attribute.COUNTERSIGNATURE else ():
            try:
                counter = decode_signer_info_untrusted(value)
            except BadCms as error:
                raise BadSignatureFile(4253, f"counter signature not readable: {error}") from None
            _append(found, counter, below, template, own, depth + 1)


def _found(info: SignerInfo, reading: _Reading, template: FoundSignature, countersigned: int | None) -> FoundSignature:
    """What is found of one signature; MALFORMED where something in it is not readable."""
    certificate, algorithm, said, is_bound = None, None, cmsattributes.NOTHING_SAID, False
    integrity = Integrity.MALFORMED
    with suppress(BadCms):
        certificate = reading.certificate_of(info)
        algorithm = known_algorithm(info.signature_algorithm, info.digest_algorithm)
        said, is_bound = cmsattributes.said(info), cmsattributes.names_a_certificate(info)
        integrity = _integrity(info, reading, certificate, algorithm)
    return replace(
        template,
        integrity=integrity,
        value=info.value,
        certificate=None if certificate is None else certificate[1],
        algorithm=None if algorithm is None else (algorithm.scheme, algorithm.digest),
        algorithm_name=info.signature_algorithm.oid,
        time=said.time,
        short_text=said.short_text,
        policy=said.policy,
        countersigns=countersigned,
        is_bound=is_bound,
    )


def _integrity(
    info: SignerInfo, reading: _Reading, certificate: _Certificate | None, algorithm: KnownAlgorithm | None
) -> Integrity:
    """Raises `BadCms` where an attribute is not readable."""
    if algorithm is None:
        return Integrity.ALGORITHM_UNKNOWN
    if certificate is None:
        return Integrity.CERTIFICATE_MISSING
    names, encoded = certificate
    forms: Iterable[bytes]
    if info.signed is None:
        # A signature over the content alone binds no certificate; over another type than id-data it must not exist.
        if reading.content_type not in (None, oids.DATA) or reading.stated:
            return Integrity.MALFORMED
        forms = (b"".join(reading.content),)
    else:
        stated = cmsattributes.message_digest(info)
        # A counter signature has no content-type (11.4); so nobody's signature of a document can be made one.
        if stated is None or reading.content_type != cmsattributes.content_type(info):
            return Integrity.MALFORMED
        if not reading.stated and stated != reading.digest(algorithm.digest):
            return Integrity.DIGEST_WRONG
        if not cmsattributes.protected_algorithms_match(info):
            return Integrity.MALFORMED
        forms = info.signed_forms()
    key = public_key(names.public_key)
    if not any(algorithm.fits(key, info.value, form) for form in forms):
        return Integrity.SIGNATURE_WRONG
    # Without any signed attributes the signed attributes of another signature could be passed off as a document.
    named = info.signed is None or cmsattributes.names_a_certificate(info)
    bound = not named or cmsattributes.names_certificate(info, encoded)
    return Integrity.INTACT if bound else Integrity.CERTIFICATE_NOT_BOUND


def _worse(found: FoundSignature) -> Integrity:
    return Integrity.DIGEST_WRONG if found.integrity is Integrity.INTACT else found.integrity


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
