"""Fuzz target: CMS and bare signatures as they come with VerifyDocument, attributes as they come with SignDocument."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.ades.cades import (
    CadesOptions,
    PreparedCades,
    countersigned_document,
    enveloped_document,
    prepare,
    prepare_counter,
    prepare_parallel,
)
from tiaas.ades.cadesread import cades_claims_untrusted, read_cades_untrusted
from tiaas.ades.found import BadSignatureFile
from tiaas.ades.rawsignature import read_ecdsa_untrusted, read_pkcs1_untrusted
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.base.entropy import SeededEntropy
from tiaas.cms.ber import read_untrusted
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.der import sequence, time
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import (
    decode_attribute_untrusted,
    decode_signed_data_untrusted,
    decode_signer_info_untrusted,
    time_untrusted,
)
from tiaas.cms.signing import mime_type
from tiaas.pki.certificate import BadCertificate, comparable_name_untrusted
from tiaas.pki.issue import Validity, issue_authority
from tiaas.pki.keys import SigningScheme
from tiaas.pki.names import authority_name

_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_KEY = ec.derive_private_key(0x1A2B3C, ec.SECP256R1())
_CERTIFICATE = issue_authority(
    authority_name("CA TEST-ONLY", "unit", "NOT-VALID"),
    _KEY,
    Validity(_NOW, _NOW + timedelta(days=7)),
    SeededEntropy(b"cms"),
).certificate.public_bytes(Encoding.DER)
_BY = SignedBy(_CERTIFICATE, SigningScheme.ECDSA)
_DOCUMENT = b"document"
_OPTIONS = CadesOptions(_NOW, enveloping=True, short_text="Text", policy="1.2.3", ocsp=sequence(b"\x0a\x01\x06"))
_DETACHED = replace(_OPTIONS, enveloping=False)


def _finish(prepared: PreparedCades) -> bytes:
    algorithm = ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)
    return prepared.finish([_KEY.sign(digest, algorithm) for digest in prepared.digests])


_ENVELOPING = _finish(prepare(_DOCUMENT, _BY, _OPTIONS))
_COUNTERED = _finish(prepare_counter(_ENVELOPING, _BY, _OPTIONS))
_INFO = decode_signed_data_untrusted(_COUNTERED).signers[0]

SEEDS: list[bytes] = [
    _ENVELOPING,
    _finish(prepare(_DOCUMENT, _BY, _DETACHED)),
    _COUNTERED,
    _finish(prepare_parallel(_COUNTERED, None, _BY, _OPTIONS)),
    b"\x30\x80" + _ENVELOPING[4:] + b"\x00\x00",
    _INFO.encoded,
    mime_type("text/plain"),
    time(_NOW),
    _CERTIFICATE,
    _INFO.value,
]


def target(data: bytes) -> None:
    """One error for each reader; what is read can be signed once more, or is refused."""
    with suppress(BadCms):
        read_untrusted(data)
        for attribute in decode_signer_info_untrusted(data).signed or ():
            assert attribute.oid != Attribute.COUNTERSIGNATURE or attribute.values
    for decode in (decode_attribute_untrusted, time_untrusted, names_untrusted, decode_signed_data_untrusted):
        with suppress(BadCms):
            decode(data)
    with suppress(BadCertificate):
        comparable_name_untrusted(data)
    with suppress(BadSignatureFile):
        read_cades_untrusted(data, _DOCUMENT, (_CERTIFICATE,))
        assert len(read_cades_untrusted(data)) == len(cades_claims_untrusted(data))
    with suppress(CannotSign):
        prepare_parallel(data, None, _BY, _OPTIONS).finish([b"value"])
        counter = prepare_counter(data, _BY, replace(_OPTIONS, unsigned_attributes=(data,)))
        counter.finish([b"value"] * len(counter.digests))
    for look in (enveloped_document, countersigned_document):
        with suppress(CannotSign):
            look(data)
    read_ecdsa_untrusted(data, _DOCUMENT, _CERTIFICATE)
    read_ecdsa_untrusted(_INFO.value, _DOCUMENT, data)
    read_pkcs1_untrusted(_INFO.value, _DOCUMENT, data)
