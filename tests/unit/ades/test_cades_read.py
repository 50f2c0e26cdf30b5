"""Reading CMS signatures that are damaged, re-ordered, wrapped, or made by others."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha1, sha256

import pytest
from asn1crypto import cms, core
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.adesbench import NOW, Holder, Key, holder
from tiaas.ades import cadesread, cmsattributes
from tiaas.ades.cades import CadesOptions, prepare, prepare_counter
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.cmsalgorithm import public_key
from tiaas.ades.cmssigner import cms_signer
from tiaas.ades.found import BadSignatureFile, Integrity, SignatureFormat
from tiaas.cms import algorithms, oids, signing
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.der import NULL, algorithm, integer, octet_string, oid, sequence, set_of
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.cms.signing import SignedDataParts
from tiaas.pki.certificate import comparable_name_untrusted
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.tlv import encode

DOCUMENT = b"content of the document"
OPTIONS = CadesOptions(NOW, enveloping=True, short_text="Text")


def made(signer: Holder, attributes: list[bytes] | None = None, **changes: object) -> bytes:
    """A signature with exactly these attributes; `changes` are fields of `SignedDataParts`."""
    cms_one = cms_signer(signer.by)
    listed = usual(signer) if attributes is None else attributes
    signed = signing.signed_attributes(listed)
    info = cms_one.info(signed, signer.sign(signed.digest))
    parts = SignedDataParts(signers=(info,), certificates=(signer.certificate,), content=DOCUMENT)
    return replace(parts, **changes).encode()  # type: ignore[arg-type]  # names of fields


def forms(signature: bytes) -> list[bytes]:
    return list(decode_signed_data_untrusted(signature).signers[0].signed_forms())


def usual(signer: Holder) -> list[bytes]:
    return [
        signing.content_type(oids.DATA),
        signing.message_digest(sha256(DOCUMENT).digest()),
        cms_signer(signer.by).signing_certificate,
    ]


def integrity(signature: bytes, document: bytes | None = None) -> Integrity:
    return read_cades_untrusted(signature, document)[0].integrity


def test_the_ground() -> None:
    assert integrity(made(holder(Key.P256))) is Integrity.INTACT


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [b"", b"text", b"\x30\x80", b"%PDF-1.7", sequence(oid(oids.SIGNED_DATA))])
def test_no_signature(octets: bytes) -> None:
    with pytest.raises(BadSignatureFile) as refused:
        read_cades_untrusted(octets, DOCUMENT)
    assert refused.value.code == 4253


def test_a_structure_without_signers() -> None:
    with pytest.raises(BadSignatureFile) as refused:
        read_cades_untrusted(SignedDataParts(signers=(), certificates=(), content=DOCUMENT).encode())
    assert refused.value.code == 4253


def test_a_detached_signature_without_document() -> None:
    with pytest.raises(BadSignatureFile) as refused:
        read_cades_untrusted(made(holder(Key.P256), content=None))
    assert refused.value.code == 4000


def test_more_counter_signatures_than_supported() -> None:
    signer = holder(Key.P256)
    signed = signing.signed_attributes(usual(signer))
    info = cms_signer(signer.by).info(signed, signer.sign(signed.digest))
    for _ in range(6):
        info = cms_signer(signer.by).info(signed, b"", (signing.attribute(Attribute.COUNTERSIGNATURE, info),))
    with pytest.raises(BadSignatureFile) as refused:
        read_cades_untrusted(SignedDataParts(signers=(info,), certificates=(), content=DOCUMENT).encode())
    assert refused.value.code == 4280


# ---- damaged ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", Key, ids=lambda key: key.value)
def test_every_octet_counts(key: Key) -> None:
    """No changed octet of content, attributes, signature value or certificate leaves the result intact."""
    signer = holder(key)
    whole = signer.finish(prepare(DOCUMENT, signer.by, OPTIONS))
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x15
        try:
            found = read_cades_untrusted(bytes(damaged))
        except BadSignatureFile:
            continue
        if found[0].integrity is Integrity.INTACT:
            # What is not signed: the frame, and the signer's name where the certificate is found all the same.
            assert found[0].certificate == signer.certificate
            read = decode_signed_data_untrusted(bytes(damaged))
            assert read.content() == DOCUMENT
            assert forms(bytes(damaged)) == forms(whole)


def test_another_document() -> None:
    signer = holder(Key.P256)
    assert integrity(made(signer, content=None), b"another") is Integrity.DIGEST_WRONG
    assert integrity(made(signer, content=b"another")) is Integrity.DIGEST_WRONG
    assert integrity(made(signer), b"another") is Integrity.DIGEST_WRONG
    assert integrity(made(signer), DOCUMENT) is Integrity.INTACT


def test_another_signature_value() -> None:
    signer, other = holder(Key.P256), holder(Key.P256, "other")
    signed = signing.signed_attributes(usual(signer))
    info = cms_signer(signer.by).info(signed, other.sign(signed.digest))
    parts = SignedDataParts(signers=(info,), certificates=(signer.certificate,), content=DOCUMENT)
    assert integrity(parts.encode()) is Integrity.SIGNATURE_WRONG


def test_another_certificate() -> None:
    signer, other = holder(Key.P256), holder(Key.P256, "other")
    foreign = [*usual(signer)[:2], cms_signer(other.by).signing_certificate]
    assert integrity(made(signer, foreign)) is Integrity.CERTIFICATE_NOT_BOUND
    (unbound,) = read_cades_untrusted(made(signer, usual(signer)[:2]))
    assert (unbound.integrity, unbound.is_bound) == (Integrity.INTACT, False)
    assert integrity(made(signer, certificates=(other.certificate,))) is Integrity.CERTIFICATE_MISSING
    missing = made(signer, certificates=())
    assert integrity(missing) is Integrity.CERTIFICATE_MISSING
    assert read_cades_untrusted(missing, None, [signer.certificate])[0].integrity is Integrity.INTACT


def test_of_two_certificates_with_the_same_names_the_bound_one_counts() -> None:
    """Somebody else's certificate with copied issuer and serial number, first in the set."""
    signer = holder(Key.P256)
    twin = bytearray(signer.certificate)
    twin[-3] ^= 1
    for order in ((bytes(twin), signer.certificate), (signer.certificate, bytes(twin))):
        found = read_cades_untrusted(made(signer, certificates=order))[0]
        assert (found.integrity, found.certificate) == (Integrity.INTACT, signer.certificate)


def test_the_older_attribute_binds_too() -> None:
    """signing-certificate with SHA-1 (RFC 2634); with both the newer one counts."""
    signer, other = holder(Key.P256), holder(Key.P256, "other")
    older = {
        item: signing.attribute(
            Attribute.SIGNING_CERTIFICATE, sequence(sequence(sequence(octet_string(sha1(item).digest()))))
        )
        for item in (signer.certificate, other.certificate)
    }
    kind, digest, bound = usual(signer)
    assert integrity(made(signer, [kind, digest, older[signer.certificate]])) is Integrity.INTACT
    assert integrity(made(signer, [kind, digest, older[other.certificate]])) is Integrity.CERTIFICATE_NOT_BOUND
    assert integrity(made(signer, [kind, digest, older[other.certificate], bound])) is Integrity.INTACT


def test_hints_without_description_and_an_implied_policy() -> None:
    signer = holder(Key.P256)
    hints = signing.attribute(Attribute.CONTENT_HINTS, sequence(oid(oids.DATA)))
    implied = signing.attribute(Attribute.SIGNATURE_POLICY, NULL)
    found = read_cades_untrusted(made(signer, [*usual(signer), hints, implied]))[0]
    assert (found.integrity, found.short_text, found.policy) == (Integrity.INTACT, None, None)


def test_attributes_that_must_be_there() -> None:
    signer = holder(Key.P256)
    kind, digest, bound = usual(signer)
    assert integrity(made(signer, [kind, bound])) is Integrity.MALFORMED
    assert integrity(made(signer, [digest, bound])) is Integrity.MALFORMED
    assert integrity(made(signer, [kind, digest, digest, bound])) is Integrity.MALFORMED
    wrong = signing.content_type(oids.SIGNED_DATA)
    assert integrity(made(signer, [wrong, digest, bound])) is Integrity.MALFORMED


def test_a_time_that_is_none_is_malformed() -> None:
    signer = holder(Key.P256)
    nonsense = signing.attribute(Attribute.SIGNING_TIME, encode(0x17, b"yesterday"))
    assert integrity(made(signer, [*usual(signer), nonsense])) is Integrity.MALFORMED


def test_protected_algorithms_must_match() -> None:
    signer = holder(Key.P256)
    wrong = signing.algorithm_protection(algorithms.RSA_SHA256)
    assert integrity(made(signer, [*usual(signer), wrong])) is Integrity.MALFORMED


def test_a_counter_signature_is_no_signature_of_the_document() -> None:
    signer = holder(Key.P256)
    whole = signer.finish(prepare_counter(made(signer), signer.by, OPTIONS))
    counter = decode_signed_data_untrusted(whole).signers[0].unsigned[0].values[0]
    value = decode_signed_data_untrusted(whole).signers[0].value
    lifted = SignedDataParts(signers=(counter,), certificates=(signer.certificate,), content=value)
    assert integrity(lifted.encode()) is Integrity.MALFORMED


def test_a_signature_over_the_content_alone_binds_no_certificate() -> None:
    signer = holder(Key.P256)
    value = signer.sign(sha256(DOCUMENT).digest())
    names = cms_signer(signer.by).names.encode()
    parts = [integer(1), names, algorithms.DIGEST_SHA256, algorithms.ECDSA_SHA256, octet_string(value)]
    info = sequence(*parts)
    whole = SignedDataParts(signers=(info,), certificates=(signer.certificate,), content=DOCUMENT)
    assert integrity(whole.encode()) is Integrity.CERTIFICATE_NOT_BOUND
    # The attributes of somebody's signature passed off as a document (attribute stripping).
    attributes = signing.signed_attributes(usual(signer))
    stripped = [*parts[:4], octet_string(signer.sign(attributes.digest))]
    whole = SignedDataParts((sequence(*stripped),), (signer.certificate,), attributes.encoded)
    assert integrity(whole.encode()) is not Integrity.INTACT


# ---- re-ordered, wrapped ---------------------------------------------------------------------------------------------


def test_attributes_in_another_order_are_the_same_set() -> None:
    signer = holder(Key.P256)
    whole = made(signer)
    info = decode_signed_data_untrusted(whole).signers[0]
    attributes = [attribute.encoded for attribute in info.signed or ()]
    reordered = whole.replace(b"".join(attributes), b"".join(reversed(attributes)))
    assert reordered != whole
    assert integrity(reordered) is Integrity.INTACT


def test_attributes_signed_in_the_order_they_are_written() -> None:
    """What signers do that do not sort: OpenSSL verifies it, so do we."""
    signer = holder(Key.P256)
    written = b"".join(sorted(usual(signer), reverse=True))
    signed = signing.SignedAttributes(encode(0x31, written))
    info = cms_signer(signer.by).info(signed, signer.sign(signed.digest))
    parts = SignedDataParts(signers=(info,), certificates=(signer.certificate,), content=DOCUMENT)
    assert integrity(parts.encode()) is Integrity.INTACT


def indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(parts) + b"\x00\x00"


def ber(whole: bytes, segment: int) -> bytes:
    """The structure with indefinite lengths, content in segments, signed attributes of indefinite length, too."""
    read = decode_signed_data_untrusted(whole)
    content = read.content() or b""
    pieces = [octet_string(content[start : start + segment]) for start in range(0, len(content), segment)]
    octets = indefinite(0x24, *pieces)
    info = read.signers[0]
    attributes = [attribute.encoded for attribute in info.signed or ()]
    signer = indefinite(
        0x30,
        integer(1),
        names_untrusted(read.certificates()[0]).issuer_and_serial.encode(),
        algorithms.DIGEST_SHA256,
        indefinite(0xA0, *attributes),
        sequence(oid(info.signature_algorithm.oid), info.signature_algorithm.parameters or b""),
        octet_string(info.value),
    )
    return indefinite(
        0x30,
        oid(oids.SIGNED_DATA),
        indefinite(
            0xA0,
            indefinite(
                0x30,
                integer(1),
                set_of([algorithm(oids.SHA256, NULL)]),
                indefinite(0x30, oid(oids.DATA), indefinite(0xA0, octets)),
                indefinite(0xA0, *read.certificates()),
                indefinite(0x31, signer),
            ),
        ),
    )


@pytest.mark.pitfall(52)
@pytest.mark.parametrize("key", Key, ids=lambda key: key.value)
def test_indefinite_lengths(key: Key) -> None:
    signer = holder(key)
    whole = ber(made(signer), 5)
    assert cms.ContentInfo.load(whole)["content"]["encap_content_info"]["content"].native == DOCUMENT
    assert integrity(whole) is Integrity.INTACT
    # A counter signature makes DER of the frame and keeps what was signed.
    countered = signer.finish(prepare_counter(whole, signer.by, OPTIONS))
    assert [item.integrity for item in read_cades_untrusted(countered)] == [Integrity.INTACT] * 2


def test_a_signature_in_a_signature_is_one_of_another_content() -> None:
    """Wrapped: the outer signature has no signer but content that looks like a signature."""
    inner = made(holder(Key.P256))
    outer = SignedDataParts(signers=(), certificates=(), content=inner, content_type=oids.SIGNED_DATA)
    with pytest.raises(BadSignatureFile):
        read_cades_untrusted(outer.encode())
    moved = decode_signed_data_untrusted(inner).signers[0].encoded
    wrapped = SignedDataParts((moved,), (holder(Key.P256).certificate,), DOCUMENT, oids.SIGNED_DATA)
    assert integrity(wrapped.encode()) is Integrity.MALFORMED


# ---- other algorithms ------------------------------------------------------------------------------------------------


def with_algorithm(signer: Holder, named: bytes, digest: bytes, sign: Callable[[bytes], bytes], hashed: bytes) -> bytes:
    attributes = [signing.content_type(oids.DATA), signing.message_digest(hashed), usual(signer)[2]]
    signed = signing.signed_attributes(attributes)
    info = sequence(
        integer(1),
        cms_signer(signer.by).names.encode(),
        digest,
        b"\xa0" + signed.encoded[1:],
        named,
        octet_string(sign(signed.encoded)),
    )
    return SignedDataParts((info,), (signer.certificate,), DOCUMENT).encode()


@pytest.mark.parametrize("named", [oids.RSA_ENCRYPTION, oids.RSA_SHA256])
def test_rsa_v1_5_is_read(named: str) -> None:
    signer = holder(Key.RSA)
    assert isinstance(signer.key, rsa.RSAPrivateKey)
    key = signer.key
    whole = with_algorithm(
        signer,
        algorithm(named, NULL),
        algorithms.DIGEST_SHA256,
        lambda octets: key.sign(octets, padding.PKCS1v15(), hashes.SHA256()),
        sha256(DOCUMENT).digest(),
    )
    found = read_cades_untrusted(whole)[0]
    assert found.integrity is Integrity.INTACT
    assert found.algorithm == (SigningScheme.RSASSA_PKCS1_V1_5, Digest.SHA256)
    assert found.algorithm_name == named


def pss(hash_oid: str, mask_oid: str, salt: int) -> bytes:
    return algorithm(
        oids.RSASSA_PSS,
        sequence(
            encode(0xA0, algorithm(hash_oid)),
            encode(0xA1, algorithm(oids.MGF1, algorithm(mask_oid))),
            encode(0xA2, integer(salt)),
        ),
    )


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (pss(oids.SHA256, oids.SHA256, 20), Integrity.INTACT),
        (pss(oids.SHA256, oids.SHA256, 32), Integrity.SIGNATURE_WRONG),
        (pss(oids.SHA256, oids.SHA512, 20), Integrity.ALGORITHM_UNKNOWN),
        (pss(oids.SHA512, oids.SHA512, 20), Integrity.ALGORITHM_UNKNOWN),
        (pss(oids.SHA256, oids.SHA256, 5000), Integrity.MALFORMED),
        (algorithm(oids.RSASSA_PSS, sequence()), Integrity.ALGORITHM_UNKNOWN),
        (algorithm(oids.RSASSA_PSS), Integrity.ALGORITHM_UNKNOWN),
        (algorithm("1.2.3.4"), Integrity.ALGORITHM_UNKNOWN),
        (algorithms.ECDSA_SHA256, Integrity.SIGNATURE_WRONG),
    ],
)
def test_parameters_of_pss(named: bytes, expected: Integrity) -> None:
    signer = holder(Key.RSA)
    assert isinstance(signer.key, rsa.RSAPrivateKey)
    key, scheme = signer.key, padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    whole = with_algorithm(
        signer,
        named,
        algorithms.DIGEST_SHA256,
        lambda octets: key.sign(octets, scheme, hashes.SHA256()),
        sha256(DOCUMENT).digest(),
    )
    found = read_cades_untrusted(whole)[0]
    assert found.integrity is expected
    assert (found.algorithm is None) is (expected in (Integrity.ALGORITHM_UNKNOWN, Integrity.MALFORMED))


def test_sha1_is_no_known_algorithm() -> None:
    signer = holder(Key.BRAINPOOL)
    assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
    key = signer.key
    whole = with_algorithm(
        signer,
        algorithms.ECDSA_SHA256,
        algorithm(oids.SHA1),
        lambda octets: key.sign(octets, ec.ECDSA(hashes.SHA256())),
        bytes(20),
    )
    assert integrity(whole) is Integrity.ALGORITHM_UNKNOWN


def test_the_format_is_only_named() -> None:
    found = read_cades_untrusted(made(holder(Key.P256)), None, (), SignatureFormat.SMIME)
    assert found[0].format is SignatureFormat.SMIME


def test_the_signature_of_a_document_is_no_counter_signature() -> None:
    """Somebody signed octets that happen to be a signature value (RFC 5652, 11.4: no content-type in a counter)."""
    signer = holder(Key.P256)
    whole = made(signer)
    value = decode_signed_data_untrusted(whole).signers[0].value
    attributes = [
        signing.content_type(oids.DATA),
        signing.message_digest(sha256(value).digest()),
        cms_signer(signer.by).signing_certificate,
    ]
    for listed, expected in ((attributes, Integrity.MALFORMED), (attributes[1:], Integrity.INTACT)):
        info = decode_signed_data_untrusted(made(signer, listed)).signers[0].encoded
        attribute = signing.attribute(Attribute.COUNTERSIGNATURE, info)
        signers = (decode_signed_data_untrusted(whole).signers[0].with_unsigned(attribute),)
        found = read_cades_untrusted(SignedDataParts(signers, (signer.certificate,), content=DOCUMENT).encode())
        assert [item.integrity for item in found] == [Integrity.INTACT, expected]


def test_issuers_are_compared_once_however_many_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 signatures that name an issuer in another way, and certificates of the same number."""
    compared: list[bytes] = []

    def comparable(name: bytes) -> str:
        compared.append(name)
        return comparable_name_untrusted(name)

    monkeypatch.setattr(cadesread, "comparable_name_untrusted", comparable)
    signer = holder(Key.P256)
    names = cms_signer(signer.by).names
    other = sequence(set_of([sequence(oid("2.5.4.3"), encode(0x0C, b"Another"))]))
    rest = [algorithms.DIGEST_SHA256, algorithms.ECDSA_SHA256, octet_string(b"1")]
    info = sequence(integer(1), names._replace(issuer=other).encode(), *rest)
    whole = SignedDataParts((info,) * 100, (signer.certificate,) * 20, content=DOCUMENT).encode()
    assert {item.integrity for item in read_cades_untrusted(whole)} == {Integrity.CERTIFICATE_MISSING}
    assert len(compared) == 2


def _unlike(number: int, issuer: bytes) -> bytes:
    """A certificate without sense but for its names; all have the serial number 7."""
    return sequence(sequence(integer(7), sequence(), issuer, *[sequence()] * 2, sequence(octet_string(b"%d" % number))))


def _named(number: int, issuer: bytes, certificate: bytes) -> bytes:
    """A SignerInfo that names a certificate by its hash value, too."""
    hashed = sequence(sequence(sequence(octet_string(sha256(certificate).digest()))))
    attribute = sequence(oid(Attribute.SIGNING_CERTIFICATE_V2), encode(0x31, hashed))
    rest = [algorithms.DIGEST_SHA256, encode(0xA0, attribute), algorithms.ECDSA_SHA256, octet_string(b"%d" % number)]
    return sequence(integer(1), sequence(issuer, integer(7)), *rest)


def test_many_signatures_and_many_certificates_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate is hashed once, not for each signature, and each signature finds its own."""
    hashed: list[bytes] = []
    hash_of = cmsattributes.hash_of

    def counted(certificate: bytes, function: str) -> bytes:
        hashed.append(certificate)
        return hash_of(certificate, function)

    monkeypatch.setattr(cmsattributes, "hash_of", counted)
    certificates = [_unlike(number, sequence()) for number in range(900)]
    infos = [_named(number, sequence(), certificates[9 * number]) for number in range(100)]
    found = read_cades_untrusted(SignedDataParts(tuple(infos), tuple(certificates), content=DOCUMENT).encode())
    # In the order of a SET.
    wanted = {b"%d" % number: certificates[9 * number] for number in range(100)}
    assert {item.value: item.certificate for item in found} == wanted
    assert sorted(hashed) == sorted(certificates)


def test_of_many_names_only_some_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def comparable(name: bytes) -> str:
        compared.append(name)
        return comparable_name_untrusted(name)

    def name(number: int, tag: int) -> bytes:
        return sequence(set_of([sequence(oid("2.5.4.3"), encode(tag, b"%d" % number))]))

    monkeypatch.setattr(cadesread, "comparable_name_untrusted", comparable)
    certificates = tuple(_unlike(number, name(number, 0x0C)) for number in range(900))
    infos = tuple(_named(number, name(number, 0x13), certificates[number]) for number in range(100))
    read_cades_untrusted(SignedDataParts(infos, certificates, content=DOCUMENT).encode())
    assert len(compared) == 100


def test_an_rsa_key_that_nobody_makes_is_none() -> None:
    """To check one signature with an exponent as long as the modulus takes 30 times as long as to make it."""
    modulus, exponent = (integer(1 << bits | 1) for bits in (3071, 3070))
    key = encode(0x03, b"\0" + sequence(modulus, exponent))
    assert public_key(sequence(algorithm(oids.RSA_ENCRYPTION, NULL), key)) is None


def test_a_counter_signature_that_is_unreadable_is_one_that_is_malformed() -> None:
    """Anybody can put one beside a good signature, so it must not take the good one away."""
    whole = cms.ContentInfo.load(made(holder(Key.P256)))
    (info,) = whole["content"]["signer_infos"]
    # With the type of a counter signature the library would not take such a value.
    stranger = cms.CMSAttribute({"type": "1.2.840.113549.1.9.99", "values": [core.OctetString(b"a")]})
    info["unsigned_attrs"] = cms.CMSAttributes([stranger])
    octets = whole.dump(force=True).replace(oid("1.2.840.113549.1.9.99"), oid(Attribute.COUNTERSIGNATURE))
    good, unreadable = read_cades_untrusted(octets, None)
    assert (good.integrity, good.countersigns) == (Integrity.INTACT, None)
    assert (unreadable.integrity, unreadable.countersigns) == (Integrity.MALFORMED, 0)
