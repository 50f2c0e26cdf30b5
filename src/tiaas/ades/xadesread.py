"""Reads the XML signatures of a document: parallel ones, counter signatures, in the document, around it, or beside it.

gemSpec_Kon V5.18 TUC_KON_161, TUC_KON_151 (core validation, signer's certificate), TAB_KON_779, A_19052, A_22673. Each
signature is judged by itself and by what it covers in this very document: an Id must mean one element only, the
properties must be the signature's own and covered by it, and a signature counts as one of the document only if it
covers all of it (enveloped at the document element, or around it) or the part that its signature policy names.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import chain, islice

from lxml import etree

from tiaas.ades.found import (
    SIGNERS_TRIED_MAX,
    BadSignatureFile,
    Claim,
    FoundSignature,
    Integrity,
    ManifestEntry,
    SignatureFormat,
)
from tiaas.ades.xadesdocument import LONG_SIGNED, XmlDocument, code_of, parse_signed_untrusted, reason_of
from tiaas.ades.xadesids import is_id_by_schema
from tiaas.ades.xadeslimits import check_content
from tiaas.ades.xadesmanifest import Given
from tiaas.ades.xadesunsigned import all_signatures
from tiaas.ades.xadesvariants import POLICIES
from tiaas.base.dataclass import dataclass
from tiaas.pki import signature as pki_signature
from tiaas.pki.certificate import (
    BadCertificate,
    SignatureAlgorithm,
    decode_certificate_untrusted,
)
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import XmlElement, local_name
from tiaas.soap.simple import DATE_TIME
from tiaas.soap.simpletype import LexicalError
from tiaas.xmlsec import properties as xades_properties
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.errors import BadXmlSignature, NotResolved, UnknownAlgorithm
from tiaas.xmlsec.names import (
    COUNTERSIGNED_TYPE,
    MANIFEST_TYPE,
    SIGNED_PROPERTIES_TYPE,
    SignatureMethod,
    Transform,
    ds,
    xades,
)
from tiaas.xmlsec.references import Allowance, Document, index_ids
from tiaas.xmlsec.syntax import Reference, SignatureSyntax, binary, child, read_signature, referred_ids
from tiaas.xmlsec.verify import PublicKey, ecdsa_in_der, value_fits

_CERTIFICATES_KEPT, _CERTIFICATE_KEPT_OCTETS = 256, 4 * 1024
_ALWAYS = 2
"""So often what was parsed may be made canonical, whatever it takes."""
_SCHEMES = {
    "ECDSA": SigningScheme.ECDSA,
    "RSA_PSS": SigningScheme.RSASSA_PSS,
    "RSA": SigningScheme.RSASSA_PKCS1_V1_5,
}
_CHILDREN = frozenset({ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo"), ds("Object")})
_PARTS_OF_SIGNATURES = frozenset({xades("QualifyingProperties"), ds("Manifest"), ds("Signature")})
_WORST_FIRST = (
    Integrity.MALFORMED,
    Integrity.ALGORITHM_UNKNOWN,
    Integrity.DIGEST_WRONG,
    Integrity.CERTIFICATE_MISSING,
    Integrity.SIGNATURE_WRONG,
    Integrity.CERTIFICATE_NOT_BOUND,
    Integrity.NOT_WHOLE_DOCUMENT,
)
_NOT_AS_BAD = frozenset({Integrity.CERTIFICATE_NOT_BOUND, Integrity.NOT_WHOLE_DOCUMENT, Integrity.INTACT})
"""As a value that does not fit."""


@dataclass(frozen=True, slots=True)
class _Signer:
    """What is needed of a certificate."""

    key: PublicKey | None
    encoded_key: bytes
    serial: str


def read_xades_untrusted(
    document: bytes | None,
    signature: bytes | None = None,
    *,
    certificates: tuple[bytes, ...] = (),
    schemas: Mapping[str, bytes] | None = None,
    id_attributes: frozenset[str] | None = None,
) -> tuple[FoundSignature, ...]:
    """The signatures of an XML document in its order; see `xades_claims_untrusted`."""
    claims = xades_claims_untrusted(
        document, signature, certificates=certificates, schemas=schemas, id_attributes=id_attributes
    )
    return tuple([claim.checked() for claim in claims])


def xades_claims_untrusted(
    document: bytes | None,
    signature: bytes | None = None,
    *,
    certificates: tuple[bytes, ...] = (),
    schemas: Mapping[str, bytes] | None = None,
    id_attributes: frozenset[str] | None = None,
    long: int = LONG_SIGNED,
) -> list[Claim]:
    """The signatures of an XML document in its order, their values not yet checked.

    `document` holds them, or `signature` is a ds:Signature that encloses its document or refers to `document` without
    URI. `certificates` (DER) has the signer's where none is embedded; `schemas` are octets by the URI that a Manifest
    gives them; `id_attributes` are the names of the attributes that are Ids by the schemas, None without any. Texts of
    `long` octets that are signed are digested without being read.

    Raises only `BadSignatureFile`: 4253 without signature, 4022 not well-formed, 4024 another encoding, 4280 too much
    of anything, 4281 forbidden content (DTD, XInclude, XPath, XSLT, xpointer).
    """
    octets = signature if signature is not None else document
    if octets is None:
        raise BadSignatureFile(4253, "neither document nor signature")
    try:
        parsed = parse_signed_untrusted(octets, long)
    except BadEnvelope as error:
        raise BadSignatureFile(code_of(error), reason_of(error)) from None
    # First, since it bounds how many signatures there are to be looked at together.
    check_content(parsed.root)
    elements = list(all_signatures(parsed.root))
    if not elements:
        raise BadSignatureFile(4253, "no signature")
    detached = document if signature is not None else None
    reading = _Reading(parsed, detached, elements, certificates, schemas or {}, id_attributes)
    return [reading.claim(element) for element in elements]


def _comparing(document: XmlDocument) -> int:
    """What it takes to compare namespaces and attributes, where it counts."""
    if len(list(islice(document.root.iter(ds("Reference")), _ALWAYS + 1))) <= _ALWAYS:
        return 0
    return document.comparisons()


class _Reading:
    """The reading of one document."""

    def __init__(
        self,
        document: XmlDocument,
        detached: bytes | None,
        elements: list[XmlElement],
        certificates: tuple[bytes, ...],
        schemas: Mapping[str, bytes],
        id_attributes: frozenset[str] | None,
    ) -> None:
        allowance = Allowance.of(len(document.octets) + len(detached or b""), _comparing(document))
        ids = index_ids(document.root, chain.from_iterable(map(referred_ids, elements)))
        self._document = Document(document.root, ids, detached, allowance, pieces=document.pieces)
        self._pieces = document.pieces
        self._elements = elements
        self._certificates = certificates
        self._schemas = schemas
        self._given: Given | None = None
        self._id_attributes = id_attributes
        self._entries: dict[XmlElement, tuple[ManifestEntry, ...]] = {}
        self._once: dict[str, bool] = {}

    def claim(self, element: XmlElement) -> Claim:
        """What is to be said about one signature."""
        name = element.get("Id")
        try:
            syntax = read_signature(element)
            return self._judged(syntax)
        except UnknownAlgorithm:
            integrity = Integrity.ALGORITHM_UNKNOWN
        except BadXmlSignature:
            integrity = Integrity.MALFORMED
        found = FoundSignature(
            format=SignatureFormat.XADES,
            integrity=integrity,
            value=_written_value(element),
            certificate=None,
            algorithm_name=_algorithm_name(element),
            identifier=name,
            is_bound=False,
        )
        return Claim(found)

    def _judged(self, syntax: SignatureSyntax) -> Claim:
        element = syntax.element
        problems: set[Integrity] = set()
        findings: set[int] = set()
        fits: Callable[[], bool] | None = None
        ecdsa: EcdsaUse | None = None
        parts = self._check_references(syntax, problems, findings)
        signed = self._signed_properties(syntax)
        named = None if signed is None else xades_properties.signing_certificate(signed)
        candidates, is_named = self._signers(syntax, named)
        method = _method(syntax.method)
        signed_info = b""
        if method is None:
            problems.add(Integrity.ALGORITHM_UNKNOWN)
        else:
            steps = syntax.canonicalization
            signed_info = b"".join(self._pieces(canonical(syntax.info, steps.algorithm, steps.prefixes)))
        certificate = _maker(candidates, method, signed_info, syntax.value)
        readable = None if certificate is None else _decoded(certificate)
        if readable is None:
            problems.add(Integrity.CERTIFICATE_MISSING)
        elif readable.key is None:
            problems.add(Integrity.SIGNATURE_WRONG)
        elif method is not None:
            fits, ecdsa = _value_check(method, signed_info, syntax.value, readable.key, readable.encoded_key)
        if named is not None and readable is not None and not (is_named and _has_serial(named, readable)):
            problems.add(Integrity.CERTIFICATE_NOT_BOUND)
        policy = None if signed is None else xades_properties.policy(signed)
        countersigns = self._countersigned(element, parts)
        is_covered = any(self._covers_all(element, part, policy) for part in parts)
        if countersigns is None and not (is_covered and self._holds_nothing_else(element, parts)):
            problems.add(Integrity.NOT_WHOLE_DOCUMENT)
        claimed = next((problem for problem in _WORST_FIRST if problem in problems), Integrity.INTACT)
        found = FoundSignature(
            format=SignatureFormat.XADES,
            integrity=claimed,
            value=syntax.value,
            certificate=certificate,
            certificates=syntax.certificates,
            ocsp=xades_properties.ocsp_values(element),
            algorithm=None if Integrity.ALGORITHM_UNKNOWN in problems or method is None else _algorithm(method),
            algorithm_name=syntax.method,
            time=None if signed is None else _time(xades_properties.signing_time(signed)),
            short_text=None if signed is None else xades_properties.description(signed),
            policy=policy,
            countersigns=countersigns,
            identifier=element.get("Id"),
            references=tuple(part.uri or "" for part in parts),
            is_bound=named is not None,
            findings=tuple(sorted(findings)),
            manifest=self._manifest(syntax),
        )
        if fits is None or claimed not in _NOT_AS_BAD:
            return Claim(found)
        return Claim(found, partial(_checked, fits, claimed), ecdsa)

    def _check_references(
        self, syntax: SignatureSyntax, problems: set[Integrity], findings: set[int]
    ) -> tuple[Reference, ...]:
        """Compares all digests; gives the references that are neither to the properties nor to a Manifest."""
        for reference in syntax.references:
            try:
                if not self._document.fits(reference, syntax.element):
                    problems.add(Integrity.DIGEST_WRONG)
            except NotResolved:
                # Only same-document references count as ID-based (TAB_KON_779); what they say cannot be proved.
                is_inside = reference.uri is not None and reference.uri.startswith("#")
                findings.add(4115 if is_inside else 4208)
                problems.add(Integrity.DIGEST_WRONG)
            except UnknownAlgorithm:
                problems.add(Integrity.ALGORITHM_UNKNOWN)
        parts = tuple(
            reference
            for reference in syntax.references
            if reference.type not in (SIGNED_PROPERTIES_TYPE, MANIFEST_TYPE)
        )
        for part in parts:
            if not self._is_id(part):
                findings.add(4115)
                problems.add(Integrity.DIGEST_WRONG)
        return parts

    def _is_id(self, part: Reference) -> bool:
        """Whether what a reference to a part of the document calls an Id is one by the schema."""
        element = self._target(part)
        if element is None or element.tag in (ds("Object"), ds("SignatureValue")):
            return True
        return is_id_by_schema(element, (part.uri or "").removeprefix("#"), self._id_attributes)

    def _target(self, reference: Reference) -> XmlElement | None:
        try:
            return self._document.target(reference)
        except NotResolved:
            return None

    def _signed_properties(self, syntax: SignatureSyntax) -> XmlElement | None:
        """The signature's own SignedProperties if one of its references covers them, None without.

        Raises `BadXmlSignature` if there are some that are not covered.
        """
        own = xades_properties.own_properties(syntax.element)
        if own is None:
            return None
        for reference in syntax.references:
            if reference.type == SIGNED_PROPERTIES_TYPE and self._target(reference) is own and reference.uri:
                return own
        raise BadXmlSignature("the signed properties are not signed")

    def _signers(self, syntax: SignatureSyntax, named: XmlElement | None) -> tuple[tuple[bytes, ...], bool]:
        """The certificate that the signed properties name, else the first; those given if none is embedded.

        Also whether they name it.
        """
        candidates = syntax.certificates or self._certificates
        if named is not None:
            for candidate in candidates:
                if xades_properties.names_certificate(named, candidate):
                    return (candidate,), True
        return syntax.certificates[:1] or candidates, False

    def _countersigned(self, element: XmlElement, parts: tuple[Reference, ...]) -> int | None:
        """The index of the signature whose SignatureValue is signed, if that is what this one does."""
        parent = element.getparent()
        is_counter = parent is not None and parent.tag == xades("CounterSignature")
        for part in parts:
            value = self._target(part)
            if value is None or value.tag != ds("SignatureValue"):
                continue
            signature = value.getparent()
            if signature is element or not (is_counter or part.type == COUNTERSIGNED_TYPE):
                continue
            for number, other in enumerate(self._elements):
                if other is signature:
                    return number
        return None

    def _covers_all(self, element: XmlElement, part: Reference, policy: str | None) -> bool:
        root = self._document.root
        if part.uri is None:
            return self._document.detached is not None
        enveloped = any(step.algorithm is Transform.ENVELOPED for step in part.steps)
        if part.uri == "":
            return enveloped and element is not root
        target = self._target(part)
        if target is root:
            # What stands before or behind the document element, a style sheet say, belongs to the document, too.
            is_alone = root.getprevious() is None and root.getnext() is None
            return enveloped and element is not root and is_alone
        if target is None:
            return False
        if element is root:
            return target.tag == ds("Object") and target.getparent() is element
        demands = None if policy is None else POLICIES.get(policy)
        if demands is None or target.getparent() is not root or local_name(target) != demands.part:
            return False
        # Of two parts of that name one is not signed, and might be taken for the one that is.
        if demands.part not in self._once:
            self._once[demands.part] = _occurs_once(root, demands.part)
        return self._once[demands.part]

    def _holds_nothing_else(self, element: XmlElement, parts: tuple[Reference, ...]) -> bool:
        """Whether a signature and its Objects hold what belongs to a signature, or what it refers to.

        Anything else is not signed, and might be taken for the document.
        """
        if any(child.tag not in _CHILDREN for child in element.iterchildren(etree.Element)):
            return False
        targets = [self._target(part) for part in parts]
        unsigned = [holding for holding in element.iterfind(ds("Object")) if holding not in targets]
        return all(child.tag in _PARTS_OF_SIGNATURES for holding in unsigned for child in holding)

    def _manifest(self, syntax: SignatureSyntax) -> tuple[ManifestEntry, ...]:
        """What is found of the manifests that a signature refers to: each once, however many refer to it."""
        manifests = []
        for reference in syntax.references:
            manifest = self._target(reference) if reference.type == MANIFEST_TYPE else None
            if manifest is None or manifest.tag != ds("Manifest") or manifest in manifests:
                continue
            manifests.append(manifest)
            if manifest not in self._entries:
                items = manifest.findall(ds("Reference"))
                given = self._given = self._given or Given(self._schemas)
                self._entries[manifest] = tuple([given.compared(item) for item in items])
        return tuple(entry for manifest in manifests for entry in self._entries[manifest])


def _occurs_once(root: XmlElement, name: str) -> bool:
    return len(list(islice(root.iter(f"{{*}}{name}"), 2))) == 1


def _method(name: str) -> SignatureMethod | None:
    try:
        return SignatureMethod(name)
    except ValueError:
        return None


def _algorithm(method: SignatureMethod) -> tuple[SigningScheme, Digest]:
    family, _, size = method.name.rpartition("_SHA")
    return _SCHEMES[family], Digest(f"sha{size}")


def _algorithm_name(element: XmlElement) -> str:
    method = element.find(f"{ds('SignedInfo')}/{ds('SignatureMethod')}")
    return "" if method is None else method.get("Algorithm", "")


def _written_value(element: XmlElement) -> bytes:
    """The SignatureValue of a signature that is otherwise not understood."""
    try:
        return binary(child(element, ds("SignatureValue")))
    except BadXmlSignature:
        return b""


def _maker(candidates: tuple[bytes, ...], method: SignatureMethod | None, octets: bytes, value: bytes) -> bytes | None:
    """The certificate of several that a signature was made with, the first one if it was made with none."""
    for candidate in candidates[:SIGNERS_TRIED_MAX] if len(candidates) > 1 and method is not None else ():
        signer = _decoded(candidate)
        if method is not None and signer is not None and signer.key is not None:
            fits, _ = _value_check(method, octets, value, signer.key, signer.encoded_key)
            if fits():
                return candidate
    return candidates[0] if candidates else None


def _value_check(
    method: SignatureMethod, octets: bytes, value: bytes, key: PublicKey, encoded_key: bytes
) -> tuple[Callable[[], bool], EcdsaUse | None]:
    """Whether the value fits the key: to be computed, and the same question to somebody else, if it can be asked."""
    scheme, digest = _algorithm(method)
    der = ecdsa_in_der(value, key) if scheme is SigningScheme.ECDSA else None
    if der is None:
        return partial(value_fits, method, octets, value, key), None
    algorithm = SignatureAlgorithm("ecdsa", digest.value)
    return partial(pki_signature.fits, key, algorithm, der, octets), EcdsaUse(encoded_key, der, octets, digest)


def _checked(fits: Callable[[], bool], claimed: Integrity) -> Integrity:
    return claimed if fits() else Integrity.SIGNATURE_WRONG


def _has_serial(named: XmlElement, signer: _Signer) -> bool:
    """Whether the certificate has the serial number that the signed properties name, if any (TS 101 903, G.2.2.5)."""
    serial = xades_properties.named_serial(named)
    return serial is None or serial.strip() == signer.serial


def _decoded(certificate: bytes) -> _Signer | None:
    """Key and serial number of a certificate (DER), None for one that cannot be read."""
    return _signer(certificate) if len(certificate) <= _CERTIFICATE_KEPT_OCTETS else _signer.__wrapped__(certificate)


@lru_cache(maxsize=_CERTIFICATES_KEPT)
def _signer(certificate: bytes) -> _Signer | None:
    try:
        decoded = decode_certificate_untrusted(certificate)
    except BadCertificate:
        return None
    return _Signer(decoded.key(), decoded.public_key, str(decoded.serial_number))


def _time(written: str | None) -> datetime | None:
    """None for what is no time; one without zone is taken as UTC."""
    if written is None:
        return None
    try:
        moment = DATE_TIME.decode(written)
    except LexicalError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
