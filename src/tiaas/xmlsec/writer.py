"""Writes XAdES-BES and -EPES signatures (gemSpec_Kon TUC_KON_155, TAB_KON_779; gemSpec_Krypt GS-A_4371).

A signature is written as canonical markup, so that nothing has to be parsed or canonicalised but the document: that is
many times faster than building a tree. `draft` gives all of it but the value, and the octets to be signed.

    <ds:Signature Id="signature-NAME">
      <ds:SignedInfo> the parts, the signed properties, the manifest if there is one
      <ds:SignatureValue Id="signaturevalue-NAME">
      <ds:KeyInfo> the certificate
      <ds:Object> what is enclosed, if anything
      <ds:Object><ds:Manifest Id="manifest-NAME">
      <ds:Object><xades:QualifyingProperties> <xades:SignedProperties Id="signedproperties-NAME">
"""

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.canonical import XmlElement, canonical_document
from tiaas.xmlsec.markup import NOWHERE, Scope, attribute, base64, octets, scope_inside, text
from tiaas.xmlsec.names import (
    DS,
    MANIFEST_TYPE,
    SHA256_URI,
    SIGNED_PROPERTIES_TYPE,
    XADES,
    SignatureMethod,
    Transform,
)

_CERTIFICATES_KEPT = 1024
_DS_DECLARED = f' xmlns:ds="{DS}"'
_HEAD = (
    f'<ds:Signature{_DS_DECLARED} Id="signature-%s"><ds:SignedInfo>%s<ds:SignatureValue Id="signaturevalue-%s">'
).encode()
_PROPERTIES = (
    f'<ds:Object><xades:QualifyingProperties xmlns:xades="{XADES}" Target="#signature-%s">'
    '<xades:SignedProperties Id="signedproperties-%s">'
).encode()
_END = b"</xades:QualifyingProperties></ds:Object></ds:Signature>"
_IN_SIGNATURE = {"ds": _DS_DECLARED}
_IN_PROPERTIES = {"ds": _DS_DECLARED, "xades": f' xmlns:xades="{XADES}"'}
"""Declarations in force by the signature itself, in the order of their prefixes."""


@dataclass(frozen=True, slots=True, repr=False)
class XmlSigner:
    """Who signs: certificate (DER), method, and `sign`, which gives the signature value over some octets.

    The value of ECDSA is r and s in equal halves: `raw_ecdsa` makes it of the DER form that most keys give.
    """

    certificate: bytes
    method: SignatureMethod
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Part:
    """What a signature refers to: `digest` is the SHA-256 of what the transforms make of it."""

    uri: str
    transforms: tuple[Transform, ...]
    digest: bytes
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a signature says. `name` makes its Ids unique; the first of `parts` is the one that is described.

    `manifest` are references to what is no part of the document (schemas); `enclosed` is an Object, as octets of the
    document that the signature is going to be in; `policy` is the URI of a signature policy.
    """

    name: str
    moment: datetime
    parts: tuple[Part, ...]
    canonicalization: Transform = Transform.C14N_11
    description: str | None = None
    mime_type: str = "text/xml"
    policy: str | None = None
    manifest: tuple[Part, ...] = ()
    enclosed: bytes = b""


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A signature without its value. `octets` is what has to be signed."""

    octets: bytes
    _head: bytes
    _behind_value: tuple[bytes, ...]

    def element(self, value: bytes, ocsp: bytes | None = None) -> bytes:
        """The Signature with its value and, as an unsigned property, an OCSPResponse (DER).

        ASCII, apart from what was enclosed: it fits into a document in any encoding that contains ASCII.
        """
        unsigned = b""
        if ocsp is not None:
            unsigned = octets(
                f"<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{revocation_values(ocsp)}"
                "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
            )
        return b"".join((self._head, b2a_base64(value, newline=False), *self._behind_value, unsigned, _END))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What signatures have in common, as templates with `%s` for what each has of its own.

    `properties` are content and end tag of SignedProperties as they stand in the document, `seen` the same in their
    canonical form, `about` is the reference to them; `start_of_properties` and `start_of_info` are start tags of
    canonical forms where nothing else is in force. `seen` is `properties` itself if they are equal.
    """

    properties: bytes
    seen: bytes
    about: bytes
    methods: bytes
    start_of_properties: bytes
    start_of_info: bytes


def draft(scope: Scope, certificate: bytes, method: SignatureMethod, plan: Plan) -> Draft:
    """The signature of `plan` as it would stand at `scope`."""
    name, description = plan.name.encode(), plan.description
    exclusive = plan.canonicalization is Transform.EXCLUSIVE_C14N
    frame = _frame(certificate, method, plan.canonicalization, plan.policy, plan.mime_type, description is not None)
    moment = plan.moment if plan.moment.tzinfo is UTC else plan.moment.astimezone(UTC)
    own: tuple[bytes, ...] = (moment.isoformat()[:19].encode(), name)
    if description is None:
        content = frame.properties % own
        seen = content if frame.seen is frame.properties else frame.seen % own
    else:
        described = text(description)
        content, seen = frame.properties % (*own, octets(described)), frame.seen % (*own, described.encode())
    if exclusive or not (scope.namespaces or scope.attributes):
        start, start_of_info = frame.start_of_properties % name, frame.start_of_info
    else:
        identifier = f' Id="signedproperties-{plan.name}"'
        start = _apex("xades:SignedProperties", identifier, scope, _IN_PROPERTIES, exclusive).encode()
        start_of_info = _apex("ds:SignedInfo", "", scope, _IN_SIGNATURE, exclusive).encode()
    about = frame.about % (name, b2a_base64(_sha256(start + seen), newline=False))
    references, manifest = _reference(plan.parts[0], f' Id="reference-{plan.name}"'), b""
    if len(plan.parts) > 1:
        references += "".join(map(_reference, plan.parts[1:]))
    if plan.manifest:
        items = f"{''.join(map(_reference, plan.manifest))}</ds:Manifest>"
        apex = _apex("ds:Manifest", f' Id="manifest-{plan.name}"', scope, _IN_SIGNATURE, exclusive)
        steps, digest = (plan.canonicalization,), _sha256(f"{apex}{items}".encode())
        about += _reference(Part(f"#manifest-{plan.name}", steps, digest, MANIFEST_TYPE)).encode()
        manifest = octets(f'<ds:Object><ds:Manifest Id="manifest-{plan.name}">{items}</ds:Object>')
    info = b"%b%b%b</ds:SignedInfo>" % (frame.methods, references.encode(), about)
    # In the document characters beyond ASCII are references, in the canonical form they are themselves.
    stands = info if references.isascii() else b"%b%b%b</ds:SignedInfo>" % (frame.methods, octets(references), about)
    return Draft(
        start_of_info + info,
        _HEAD % (name, stands, name),
        (_key_info(certificate), plan.enclosed, manifest, _PROPERTIES % (name, name), content),
    )


def sign_enveloped(root: XmlElement, signer: XmlSigner, moment: datetime, name: str) -> None:
    """Appends a signature over all of `root`, a document element without signature, as the TI's trust lists have it.

    `name` makes Ids unique. The canonicalisation is the exclusive one.
    """
    part = Part("", (Transform.ENVELOPED, Transform.EXCLUSIVE_C14N), _sha256(canonical_document(root)))
    plan = Plan(name=name, moment=moment, parts=(part,), canonicalization=Transform.EXCLUSIVE_C14N)
    unsigned = draft(scope_inside(root), signer.certificate, signer.method, plan)
    written = unsigned.element(signer.sign(unsigned.octets))
    root.append(etree.fromstring(written))  # noqa: TID251 - all names in it are ours


def raw_ecdsa(signature: bytes, key_size: int) -> bytes:
    """r and s in equal halves (RFC 4050, 3.3) of an ECDSA signature in DER, for a curve of `key_size` bits."""
    size = (key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def revocation_values(ocsp: bytes, declared: str = "") -> str:
    """RevocationValues with an OCSPResponse (DER), TS 101 903, 7.6.2; `declared` stands in the first start tag."""
    return (
        f"<xades:RevocationValues{declared}><xades:OCSPValues><xades:EncapsulatedOCSPValue>"
        f"{base64(ocsp)}</xades:EncapsulatedOCSPValue></xades:OCSPValues></xades:RevocationValues>"
    )


@lru_cache(maxsize=_CERTIFICATES_KEPT)
def _key_info(certificate: bytes) -> bytes:
    """What stands behind the value: the end tag, and KeyInfo."""
    return (
        "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        f"{base64(certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    ).encode()


@lru_cache(maxsize=_CERTIFICATES_KEPT)
def _frame(
    certificate: bytes,
    method: SignatureMethod,
    canonicalization: Transform,
    policy: str | None,
    mime_type: str,
    is_described: bool,
) -> _Frame:
    exclusive = canonicalization is Transform.EXCLUSIVE_C14N
    plain = _signed_properties(certificate, policy, mime_type, is_described, "")
    # In exclusive C14N the prefix is declared where it is first used.
    seen = _signed_properties(certificate, policy, mime_type, is_described, _DS_DECLARED) if exclusive else plain
    properties = octets(plain)
    identifier = ' Id="signedproperties-%s"'
    return _Frame(
        properties=properties,
        seen=properties if seen.encode() == properties else seen.encode(),
        about=(
            f'<ds:Reference Type="{SIGNED_PROPERTIES_TYPE}" URI="#signedproperties-%s">{_steps((canonicalization,))}%s'
            "</ds:DigestValue></ds:Reference>"
        ).encode(),
        methods=_methods(canonicalization, method).encode(),
        start_of_properties=_apex("xades:SignedProperties", identifier, NOWHERE, _IN_PROPERTIES, exclusive).encode(),
        start_of_info=_apex("ds:SignedInfo", "", NOWHERE, _IN_SIGNATURE, exclusive).encode(),
    )


def _signed_properties(
    certificate: bytes, policy: str | None, mime_type: str, is_described: bool, declared: str
) -> str:
    """Content and end tag of SignedProperties as a template: time, name, description.

    `declared` stands on each element of XMLDSig outside of another.
    """
    description = "<xades:Description>%s</xades:Description>" if is_described else ""
    return (
        "<xades:SignedSignatureProperties><xades:SigningTime>%sZ</xades:SigningTime>"
        f"{_fixed(_signer_and_policy(certificate, policy, declared))}"
        "</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
        f'<xades:DataObjectFormat ObjectReference="#reference-%s">{description}'
        f"<xades:MimeType>{_fixed(text(mime_type))}</xades:MimeType></xades:DataObjectFormat>"
        "</xades:SignedDataObjectProperties></xades:SignedProperties>"
    )


def _fixed(markup: str) -> str:
    """Markup in a template."""
    return markup.replace("%", "%%")


def _signer_and_policy(certificate: bytes, policy: str | None, declared: str) -> str:
    """SigningCertificate and SignaturePolicyIdentifier. TAB_KON_779: the hash of the policy is there for the schema's
    sake, and empty."""
    parsed = x509.load_der_x509_certificate(certificate)
    signer = (
        "<xades:SigningCertificate><xades:Cert><xades:CertDigest>"
        f"{_digest(base64(_sha256(certificate)), declared)}</xades:CertDigest><xades:IssuerSerial>"
        f"<ds:X509IssuerName{declared}>{text(parsed.issuer.rfc4514_string())}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber{declared}>{parsed.serial_number}</ds:X509SerialNumber>"
        "</xades:IssuerSerial></xades:Cert></xades:SigningCertificate>"
    )
    if policy is None:
        return signer
    return (
        f"{signer}<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>"
        f"<xades:Identifier>{text(policy)}</xades:Identifier></xades:SigPolicyId><xades:SigPolicyHash>"
        f"{_digest('', declared)}</xades:SigPolicyHash></xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>"
    )


def _reference(part: Part, identifier: str = "") -> str:
    kind = "" if part.type is None else f' Type="{part.type}"'
    return (
        f'<ds:Reference{identifier}{kind} URI="{part.uri and attribute(part.uri)}">{_steps(part.transforms)}'
        f"{b2a_base64(part.digest, newline=False).decode('ascii')}</ds:DigestValue></ds:Reference>"
    )


@lru_cache(maxsize=16)
def _steps(transforms: tuple[Transform, ...]) -> str:
    """From Transforms to where the digest stands."""
    steps = "".join([f'<ds:Transform Algorithm="{transform}"></ds:Transform>' for transform in transforms])
    return f"<ds:Transforms>{steps}</ds:Transforms>{_digest('', '').removesuffix('</ds:DigestValue>')}"


def _methods(canonicalization: Transform, method: SignatureMethod) -> str:
    return (
        f'<ds:CanonicalizationMethod Algorithm="{canonicalization}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>'
    )


def _digest(value: str, declared: str) -> str:
    return (
        f'<ds:DigestMethod{declared} Algorithm="{SHA256_URI}"></ds:DigestMethod>'
        f"<ds:DigestValue{declared}>{value}</ds:DigestValue>"
    )


def _apex(name: str, attributes: str, scope: Scope, own: Mapping[str, str], exclusive: bool) -> str:
    """The start tag of a part whose canonical form is wanted."""
    if exclusive:
        prefix = name.partition(":")[0]
        return f"<{name}{own[prefix]}{attributes}>"
    return f"<{name}{scope.declarations(own)}{attributes}{scope.inherited()}>"


def _sha256(data: bytes) -> bytes:
    return sha256(data).digest()
