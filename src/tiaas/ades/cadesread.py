"""Reads CAdES and plain CMS signatures: structure and mathematics (`tiaas.ades.found`), no trust.

Checked are, in this order: known algorithm, certificate at hand, content-type and message-digest,
CMSAlgorithmProtection, signature value, binding of the certificate (RFC 5652, 5.4, 5.6 and 11; RFC 5035, 4; RFC 6211).
Signed attributes count as they are written and in the order that DER demands: both are encodings of the same set.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256, sha384, sha512
from itertools import islice

from tiaas.ades import cmsattributes
from tiaas.ades.cmsalgorithm import KnownAlgorithm, known_algorithm, known_digest, public_key
from tiaas.ades.found import BadSignatureFile, Check, Claim, FoundSignature, Integrity, SignatureFormat
from tiaas.cms import oids
from tiaas.cms.certificate import CertificateNames, IssuerAndSerial, names_untrusted
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import SignedData, SignerInfo, decode_signed_data_untrusted, decode_signer_info_untrusted
from tiaas.pki.certificate import BadCertificate, comparable_name_untrusted
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keys import Digest, SigningScheme

_HASHES = {Digest.SHA256: sha256, Digest.SHA384: sha384, Digest.SHA512: sha512}
SIGNATURES_MAX = 100
_MAX_NESTED = 4
_MAX_NAMES = 100
"""Names of issuers that are read because no certificate has the name as a signature writes it."""

Octets = Sequence[bytes | memoryview]
_Certificate = tuple[CertificateNames, bytes]
_Named = dict[bytes, CertificateNames]


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
    reading = _Reading(content, read.content_type, _Certificates([*embedded, *given]), form, embedded, ocsp)
    claims: list[Claim] = []
    for info in read.signers:
        _append(claims, info, reading, None)
    if enveloped is not None and document is not None and b"".join(enveloped) != b"".join(given_content):
        return [claim.judged(_worse) if claim.found.countersigns is None else claim for claim in claims]
    return claims


def has_room(read: SignedData, more: int) -> bool:
    """Whether so many signatures more are still verified together with those of `read` and their counter signatures."""
    most = SIGNATURES_MAX - more
    return len(list(islice(_all_signatures(read.signers), max(most, 0) + 1))) <= most


def _all_signatures(signers: Iterable[SignerInfo]) -> Iterator[None]:
    """One for each signature, that of a counter signature behind the one it is on."""
    for info in signers:
        yield None
        for attribute in info.unsigned:
            for value in attribute.values if attribute.oid == Attribute.COUNTERSIGNATURE else ():
                try:
                    counter = decode_signer_info_untrusted(value)
                except BadCms:
                    yield None
                else:
                    yield from _all_signatures((counter,))


def digest_signed_before(read: SignedData) -> bytes | None:
    """The SHA-256 hash value of the content as an intact signature of `read` states it, or None."""
    reading = _Reading((), read.content_type, _Certificates(read.certificates()), stated=True)
    for info in read.signers:
        if known_digest(info.digest_algorithm) is Digest.SHA256 and _is_intact(info, reading):
            return cmsattributes.message_digest(info)
    return None


def are_intact(read: SignedData) -> bool:
    """Whether every signature of `read` is intact; if they are detached, of the hash values that they state."""
    certificates, content = _Certificates(read.certificates()), read.segments
    reading = _Reading(content or (), read.content_type, certificates, stated=content is None)
    return all(_is_intact(info, reading) for info in read.signers)


def _is_intact(info: SignerInfo, reading: "_Reading") -> bool:
    try:
        algorithm = known_algorithm(info.signature_algorithm, info.digest_algorithm)
        names_one = cmsattributes.names_a_certificate(info)
        claimed, check = _weighed(info, reading, reading.certificates.of(info), algorithm, names_one=names_one)
    except BadCms:
        return False
    return (claimed if check is None else check()) is Integrity.INTACT


class _Certificates:
    """The readable ones of a message, by what signatures call them by: there may be many of both."""

    __slots__ = ("_alike", "_all", "_by_name", "_hashes", "_issuers")

    def __init__(self, certificates: Sequence[bytes]) -> None:
        self._all: _Named = {}
        self._by_name: dict[IssuerAndSerial | bytes, _Named] = {}
        self._alike: dict[int, dict[str, _Named]] = {}
        self._hashes: dict[str, dict[bytes, bytes]] = {}
        self._issuers: dict[bytes, str | None] = {}
        for certificate in certificates:
            try:
                names = names_untrusted(certificate)
            except BadCms:
                continue
            self._all[certificate] = names
            self._by_name.setdefault(names.issuer_and_serial, {})[certificate] = names
            if names.key_identifier is not None:
                self._by_name.setdefault(names.key_identifier, {})[certificate] = names

    def of(self, info: SignerInfo) -> _Certificate | None:
        """The signer's certificate; of several with the same names the one that the attribute binds."""
        name = info.issuer_and_serial if info.key_identifier is None else info.key_identifier
        found = self._by_name.get(name) if name is not None else None
        if found is None:
            found = self._with_same_names(info)
        if len(found) > 1:
            bound = self._bound(info)
            if bound in found:
                return found[bound], bound
        for certificate, names in found.items():
            return names, certificate
        return None

    def _bound(self, info: SignerInfo) -> bytes:
        """The certificate whose hash value an attribute states; empty if there is none."""
        named = cmsattributes.named_hash(info)
        if named is None:
            return b""
        function, stated = named
        if function not in self._hashes:
            self._hashes[function] = {cmsattributes.hash_of(each, function): each for each in self._all}
        return self._hashes[function].get(stated, b"")

    def _with_same_names(self, info: SignerInfo) -> _Named:
        """Those whose issuer is the same but for the way it is written (RFC 5280, 7.1), as some signers do it."""
        if info.issuer_and_serial is None:
            return {}
        issuer, serial = info.issuer_and_serial
        if serial not in self._alike:
            alike: dict[str, _Named] = {}
            self._alike[serial] = alike
            for certificate, names in self._all.items():
                if names.issuer_and_serial.serial == serial:
                    own = self._comparable(names.issuer_and_serial.issuer)
                    if own is not None:
                        alike.setdefault(own, {})[certificate] = names
        comparable = self._comparable(issuer) if self._alike[serial] else None
        return {} if comparable is None else self._alike[serial].get(comparable, {})

    def _comparable(self, name: bytes) -> str | None:
        """A Name so that equal ones are equal, read once for however many signatures; None for one that is none, and
        for all that are too many."""
        if name not in self._issuers:
            try:
                is_one = len(self._issuers) < _MAX_NAMES
                self._issuers[name] = comparable_name_untrusted(name) if is_one else None
            except BadCertificate:
                self._issuers[name] = None
        return self._issuers[name]


class _Reading:
    """What a signature is checked against. With `stated` its message-digest is believed.

    `content_type` is None for counter signatures: they have none. `form`, `embedded` (certificates) and `ocsp` go into
    what is found.
    """

    __slots__ = ("_hashed", "certificates", "content", "content_type", "embedded", "form", "ocsp", "stated")

    def __init__(
        self,
        content: Octets,
        content_type: str | None,
        certificates: _Certificates,
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

    def below(self, value: bytes) -> "_Reading":
        """What the counter signatures of a signature with that value are checked against."""
        return _Reading((value,), None, self.certificates, self.form, self.embedded, self.ocsp)

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
    _require_room(claims, depth)
    own = len(claims)
    claims.append(_claim(info, reading, countersigned))
    for attribute in info.unsigned:
        for value in attribute.values if attribute.oid == Attribute.COUNTERSIGNATURE else ():
            try:
                counter = decode_signer_info_untrusted(value)
            except BadCms:
                # Anybody can add one to a signature that is good, and the others are told of all the same.
                _require_room(claims)
                claims.append(_unreadable(reading, own))
            else:
                _append(claims, counter, reading.below(info.value), own, depth + 1)


def _require_room(claims: list[Claim], depth: int = 0) -> None:
    if len(claims) >= SIGNATURES_MAX or depth > _MAX_NESTED:
        raise BadSignatureFile(4280, "more signatures than supported")


def _unreadable(reading: _Reading, countersigned: int) -> Claim:
    return Claim(
        FoundSignature(reading.form, Integrity.MALFORMED, b"", None, countersigns=countersigned, is_bound=False)
    )


def _claim(info: SignerInfo, reading: _Reading, countersigned: int | None) -> Claim:
    """What is found of one signature; MALFORMED where something in it is not readable."""
    certificate, algorithm, said, is_bound = None, None, cmsattributes.NOTHING_SAID, False
    claimed: Integrity = Integrity.MALFORMED
    check: Check | None = None
    ecdsa: EcdsaUse | None = None
    with suppress(BadCms):
        certificate = reading.certificates.of(info)
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
