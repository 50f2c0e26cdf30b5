"""Fuzz target: VerifyDocument as clients send it, with signatures of all formats, keys and schemas, and its report."""

from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import thread_time

from lxml import etree

from tests.fuzz.mutation import stretched
from tests.unit.verification.keyuses import is_yes, request_of
from tests.unit.verification.signatures import OSIG, SMCB, XML, signer
from tiaas.ades.found import BadSignatureFile, Claim, FoundSignature, SignatureFormat
from tiaas.ades.xadesread import xades_claims_untrusted
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.dss_core_v1_0 import (
    AdditionalKeyInfo,
    Base64Data,
    Base64Signature,
    Schema,
    Schemas,
    SignatureObject,
)
from tiaas.interfaces.signature_service_v7_5 import Document, VerifyDocument, VerifyInputs
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.services.signature.verifyrequest import check_arguments, material_of, user_time
from tiaas.konnektor.verdict import CertificateCheck, Result, Verdict
from tiaas.konnektor.verification.judging import judge
from tiaas.konnektor.verification.moments import reference_time, youngest
from tiaas.konnektor.verification.reading import Material, claims_untrusted, document_fault
from tiaas.konnektor.verification.reporting import DIALECT_7_4, DIALECT_7_5, Reports
from tiaas.konnektor.verification.reportwords import ReportWish
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.keyworker import Worker
from tiaas.pki.path import examine_path
from tiaas.soap.bulk import Bulk
from tiaas.soap.envelope import Limits, places_in_body, write_envelope
from tiaas.soap.errors import SoapError, TooLarge
from tiaas.soap.mapping import decode
from tiaas.soap.markup import parse_document_untrusted
from tiaas.soap.received import received_untrusted
from tiaas.soap.standalone import standing_untrusted
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import Transform

_BY = signer(OSIG)
_WORKER = Worker()
_LONG = 2000
_PLACES = places_in_body((VerifyDocument,))
_DEPTH = Limits().depth
_LIMITS = Limits(octets=1 << 20, nodes=30_000, depth=1000)
_INLINE = etree.ETXPath("/".join(("", *next(iter(_PLACES.ways)))))
_QUICK_SECONDS = 2
"""Of the processor, a hundred times what is meant to be the most: a fuzzer's coverage makes all of it slower."""
_NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_CONTEXT = Context(mandant_id="M", client_system_id="C", workplace_id="W")
_KEY = f"<X509Data><X509Certificate>{b64encode(_BY.holder.certificate).decode()}</X509Certificate></X509Data>"
_INPUTS = VerifyInputs(
    additional_key_info=AdditionalKeyInfo(
        key_info=f'<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">{_KEY}</KeyInfo>'
    ),
    schemas=Schemas(schema=(Schema(ref_uri="urn:x", base64_xml=b"<schema/>"),)),
)


def _message(document: Document | None, signature: SignatureObject | None) -> bytes:
    return write_envelope(
        VerifyDocument(
            context=_CONTEXT,
            optional_inputs=_INPUTS,
            document=document,
            signature_object=signature,
            include_revocation_info=False,
        )
    )


def _outside(octets: bytes, kind: SignatureFormat) -> SignatureObject:
    return SignatureObject(base64_signature=Base64Signature(value=octets, type=kind.value))


def _around(document: bytes) -> bytes:
    return etree.tostring(etree.fromstring(_BY.xades(document, enveloping=True)))


_PAIRS = b'<a xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>%b</SignedInfo><Object Id="x">%b</Object></a>' % (
    b"<Reference/>" * 1000,
    b"<Signature/>" * 60,
)
"""Each of these signatures may be one in the Object that each of these references means."""

SEEDS: list[bytes] = [
    _message(Document(base64_xml=_PAIRS), None),
    _message(None, _outside(_BY.cades(), SignatureFormat.CADES)),
    _message(Document(base64_data=Base64Data(data=XML)), _outside(_BY.bare(), SignatureFormat.ECDSA)),
    _message(Document(base64_xml=_BY.xades()), None),
    _message(None, SignatureObject(signature=_around(XML))),
    _message(None, SignatureObject(signature=_around(b"<a b='%b'>%b<?p i?></a>" % (b" " * 20, b"x" * 20)))),
    _message(None, SignatureObject(signature=_around(b"<a>%b<b/>%b</a>" % (b"y" * 2000, b"z " * 2000)))),
    _message(Document(base64_data=Base64Data(data=_BY.smime(), mime_type="message/rfc822")), None),
]


def _checked(found: FoundSignature) -> CertificateCheck | None:
    """The check of whatever certificate is there, by lists that name one CA."""
    try:
        certificate = decode_certificate_untrusted(found.certificate or b"")
    except BadCertificate:
        return None
    examination = examine_path(certificate, (SMCB.ca,), _NOW)
    return CertificateCheck(Verdict(Result.INVALID), _NOW, certificate.is_qualified, examination)


def _check_alike(claim: Claim, checked: FoundSignature) -> None:
    """Who has nothing but the public key says the same as the signature's own check."""
    use = claim.ecdsa
    if use is not None and is_yes(_WORKER.answer(request_of(use))) and checked.integrity is not claim.found.integrity:
        raise AssertionError("a public key alone says otherwise")


def _check_same(data: bytes, signature: bytes) -> None:
    """A signature out of a message is what it is in there, with what it uses of its surroundings."""
    whole, alone = (parse_document_untrusted(octets, _LIMITS) for octets in (data, signature))
    (element,) = _INLINE(whole)
    inside, outside = (canonical(one, Transform.EXCLUSIVE_C14N) for one in (element, alone))
    if inside != outside:
        raise AssertionError("a signature has changed by being taken out of its message")


def _check_thin(material: Material, claims: list[Claim]) -> None:
    """Long texts that are digested without being read change nothing."""
    given = material.certificates
    with suppress(BadSignatureFile):
        thin = xades_claims_untrusted(material.document, material.signature, certificates=given, long=_LONG)
        if not material.schemas and [claim.checked() for claim in thin] != [claim.checked() for claim in claims]:
            raise AssertionError("a long text is read in another way than digested")


def target(data: bytes) -> None:
    """Only the errors that become faults may escape; whatever was read can be judged and reported."""
    for message in {data, stretched(data)}:
        places = standing_untrusted(message, _PLACES, _DEPTH)
        if standing_untrusted(memoryview(message), _PLACES, _DEPTH) != places:
            raise AssertionError("what is found in a package is not what is found in a message")
        with suppress(TooLarge):
            if (Bulk().take_out_untrusted(message, _PLACES, Limits()) == message) is bool(places):
                raise AssertionError("what is found is not what is taken out")
        _verify(message)


def _verify(data: bytes) -> None:
    with suppress(SoapError, KonnektorError, BadSignatureFile):
        with received_untrusted(data, None, Limits(), None, _PLACES) as (_, element):
            message = decode(VerifyDocument, element)
        given = message.signature_object
        if given is not None and given.signature_octets is not None:
            with suppress(BadXmlSignature):
                _check_same(data, given.signature_octets)
        check_arguments(message)
        material, time = material_of(message), user_time(message, _NOW)
        begun = thread_time()
        document_fault(material)
        try:
            claims = claims_untrusted(material)
        finally:
            if material.is_quick and thread_time() - begun > _QUICK_SECONDS:
                raise AssertionError("a document that is read in the event loop takes long")
        if material.format is SignatureFormat.XADES:
            _check_thin(material, claims)
        found = [claim.checked() for claim in claims]
        for claim, one in zip(claims, found, strict=True):
            _check_alike(claim, one)
        times = [reference_time(one, time, _NOW) for one in found]
        judged = [judge(one, at, _checked(one), None, _NOW) for one, at in zip(found, times, strict=True)]
        for dialect in (DIALECT_7_4, DIALECT_7_5):
            Reports().write(judged, youngest(times, _NOW + timedelta()), ReportWish(True, True), dialect)
