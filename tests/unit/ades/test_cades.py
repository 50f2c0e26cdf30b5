"""CAdES: what we sign we read; attributes, parallel and counter signatures, the caller's own attributes."""

from dataclasses import replace
from hashlib import sha256

import pytest
from asn1crypto import cms, tsp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adesbench import NOW, Holder, Key, holder
from tiaas.ades.cades import CadesOptions, _stated_plainly, prepare, prepare_counter, prepare_parallel
from tiaas.ades.cadesread import SIGNATURES_MAX, read_cades_untrusted
from tiaas.ades.found import FoundSignature, Integrity, SignatureFormat
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.cms import oids, signing
from tiaas.cms.der import octet_string, oid, sequence, set_of
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.pki.keys import Digest, SigningScheme

OPTIONS = CadesOptions(NOW)
ENVELOPING = CadesOptions(NOW, enveloping=True)
DOCUMENT = b"Ein Dokument, Zeile 1\r\n"
OCSP = sequence(b"\x0a\x01\x06")
"""An OCSPResponse with the status unauthorized."""

keys = pytest.mark.parametrize("key", Key, ids=lambda key: key.value)


def one(signature: bytes, document: bytes | None = None) -> FoundSignature:
    (found,) = read_cades_untrusted(signature, document)
    return found


def sign(key: Key, options: CadesOptions = ENVELOPING, document: bytes = DOCUMENT) -> bytes:
    signer = holder(key)
    return signer.finish(prepare(document, signer.by, options))


@keys
@pytest.mark.parametrize("options", [OPTIONS, ENVELOPING], ids=["detached", "enveloping"])
def test_signed_and_read(key: Key, options: CadesOptions) -> None:
    options = replace(options, short_text="Rezept für Änne", mime_type="text/plain; charset=utf-8", policy="1.2.3.4")
    found = one(sign(key, options), None if options.enveloping else DOCUMENT)
    assert found.integrity is Integrity.INTACT
    assert found.format is SignatureFormat.CADES
    assert found.certificate == holder(key).certificate
    assert found.certificates == (holder(key).certificate,)
    scheme = SigningScheme.RSASSA_PSS if key is Key.RSA else SigningScheme.ECDSA
    assert found.algorithm == (scheme, Digest.SHA256)
    assert found.time == NOW
    assert found.short_text == "Rezept für Änne"
    assert found.policy == "1.2.3.4"
    assert found.countersigns is None


def test_a_long_mime_type_is_not_kept() -> None:
    before, name = _stated_plainly.cache_info().currsize, "text/" + "x" * 1000
    signature = sign(Key.P256, replace(OPTIONS, short_text=None, mime_type=name))
    assert name.encode() in signature
    assert one(signature, DOCUMENT).integrity is Integrity.INTACT
    assert _stated_plainly.cache_info().currsize == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    document=st.binary(max_size=3000),
    text=st.none() | st.text(max_size=100),
    enveloping=st.booleans(),
    key=st.sampled_from(Key),
)
def test_whatever_is_signed_is_read(document: bytes, text: str | None, enveloping: bool, key: Key) -> None:
    signature = sign(key, CadesOptions(NOW, enveloping=enveloping, short_text=text), document)
    found = one(signature, None if enveloping else document)
    assert found.integrity is Integrity.INTACT
    assert found.short_text == (text or None)
    assert decode_signed_data_untrusted(signature).content() == (document if enveloping else None)
    changed = one(signature, document + b"x")
    assert changed.integrity is Integrity.DIGEST_WRONG


@pytest.mark.requirement("TIP1-A_5402", "TIP1-A_4646-04")
@keys
def test_the_structure(key: Key) -> None:
    """The fields as a foreign ASN.1 library reads them, strictly."""
    info = cms.ContentInfo.load(sign(key, replace(ENVELOPING, short_text="Text")), strict=True)
    assert info.dump(force=True) == sign_again(info, key)
    data = info["content"]
    assert data["version"].native == "v1"
    assert [item["algorithm"].native for item in data["digest_algorithms"]] == ["sha256"]
    assert data["encap_content_info"]["content_type"].native == "data"
    assert data["encap_content_info"]["content"].native == DOCUMENT
    assert data["crls"].native is None
    (signer,) = data["signer_infos"]
    assert signer["version"].native == "v1"
    assert signer["sid"].name == "issuer_and_serial_number"
    assert signer["unsigned_attrs"].native is None
    attributes = {item["type"].dotted: item["values"] for item in signer["signed_attrs"]}
    assert set(attributes) == {
        Attribute.CONTENT_TYPE,
        Attribute.MESSAGE_DIGEST,
        Attribute.SIGNING_TIME,
        Attribute.SIGNING_CERTIFICATE_V2,
        Attribute.CONTENT_HINTS,
        Attribute.ALGORITHM_PROTECTION,
    }
    assert attributes[Attribute.MESSAGE_DIGEST][0].native == sha256(DOCUMENT).digest()
    ess = tsp.SigningCertificateV2.load(attributes[Attribute.SIGNING_CERTIFICATE_V2][0].dump())["certs"][0]
    assert ess["cert_hash"].native == sha256(holder(key).certificate).digest()
    number = data["certificates"][0].chosen.serial_number
    assert ess["issuer_serial"]["serial_number"].native == number
    assert signer["sid"].chosen["serial_number"].native == number


def sign_again(info: cms.ContentInfo, key: Key) -> bytes:
    """The same signature, its value taken from `info`: ECDSA and PSS are randomised."""
    value = info["content"]["signer_infos"][0]["signature"].native
    return prepare(DOCUMENT, holder(key).by, replace(ENVELOPING, short_text="Text")).finish([value])


def test_pss_parameters_are_written_out() -> None:
    signer = decode_signed_data_untrusted(sign(Key.RSA)).signers[0]
    assert signer.signature_algorithm.parameters == bytes.fromhex(
        "3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
    )


# ---- OCSP ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4646-04")
def test_ocsp_before_and_after_signing() -> None:
    signer = holder(Key.P256)
    before = signer.finish(prepare(DOCUMENT, signer.by, replace(ENVELOPING, ocsp=OCSP)))
    after = signer.finish(prepare(DOCUMENT, signer.by, ENVELOPING), OCSP)
    for signature in (before, after):
        assert one(signature).ocsp == (OCSP,)
        assert one(signature).integrity is Integrity.INTACT
        data = cms.ContentInfo.load(signature, strict=True)["content"]
        assert data["version"].native == "v5"
        assert data["crls"][0].name == "other"
        assert data["crls"][0].chosen["other_rev_info_format"].dotted == oids.OCSP_RESPONSE


# ---- the caller's attributes -----------------------------------------------------------------------------------------


def test_the_callers_attributes_are_put_in_unchanged() -> None:
    recipients = signing.attribute("1.2.276.0.76.4.173", octet_string(b"signed"))
    receipt = signing.attribute("1.2.3.4.5", octet_string(b"unsigned"))
    signer = holder(Key.P256)
    options = replace(ENVELOPING, signed_attributes=(recipients,), unsigned_attributes=(receipt,))
    prepared = prepare(DOCUMENT, signer.by, options)
    signature = signer.finish(prepared)
    info = decode_signed_data_untrusted(signature).signers[0]
    assert recipients in [attribute.encoded for attribute in info.signed or ()]
    assert [attribute.encoded for attribute in info.unsigned] == [receipt]
    assert prepared.ignored == ()
    assert one(signature).integrity is Integrity.INTACT


def test_attributes_that_are_ours_are_left_out_and_told() -> None:
    foreign = signing.message_digest(bytes(32))
    hints = signing.content_hints("ihr Text")
    options = replace(
        ENVELOPING, short_text="unser Text", signed_attributes=(foreign, hints), unsigned_attributes=(foreign,)
    )
    signer = holder(Key.P256)
    prepared = prepare(DOCUMENT, signer.by, options)
    assert prepared.ignored == (Attribute.MESSAGE_DIGEST, Attribute.CONTENT_HINTS, Attribute.MESSAGE_DIGEST)
    found = one(signer.finish(prepared))
    assert (found.integrity, found.short_text) == (Integrity.INTACT, "unser Text")


def test_content_hints_of_the_caller_are_kept_without_a_short_text() -> None:
    found = one(sign(Key.P256, replace(ENVELOPING, signed_attributes=(signing.content_hints("ihr Text"),))))
    assert (found.integrity, found.short_text) == (Integrity.INTACT, "ihr Text")


@pytest.mark.parametrize("attribute", [b"", b"\x30\x00", b"\x04\x01a", oid("1.2.3"), sequence(oid("1.2.3"))])
def test_what_is_no_attribute(attribute: bytes) -> None:
    signed, unsigned = (
        replace(OPTIONS, signed_attributes=(attribute,)),
        replace(OPTIONS, unsigned_attributes=(attribute,)),
    )
    for options in (signed, unsigned):
        with pytest.raises(CannotSign) as refused:
            prepare(DOCUMENT, holder(Key.P256).by, options)
        assert refused.value.code == 4000


# ---- parallel --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [OPTIONS, ENVELOPING], ids=["detached", "enveloping"])
@pytest.mark.parametrize("known", [True, False], ids=["document given", "document unknown"])
def test_parallel_signatures(options: CadesOptions, known: bool) -> None:
    signature = sign(Key.RSA, replace(options, ocsp=OCSP))
    for key in (Key.BRAINPOOL, Key.P256):
        signer = holder(key)
        prepared = prepare_parallel(signature, DOCUMENT if known else None, signer.by, replace(options, ocsp=OCSP))
        signature = signer.finish(prepared)
    found = read_cades_untrusted(signature, None if options.enveloping else DOCUMENT)
    assert [item.integrity for item in found] == [Integrity.INTACT] * 3
    assert {item.certificate for item in found} == {holder(key).certificate for key in Key}
    assert len(found[0].certificates) == 3
    assert found[0].ocsp == (OCSP,)
    assert cms.ContentInfo.load(signature, strict=True)["content"]["digest_algorithms"].native == [
        {"algorithm": "sha256", "parameters": None}
    ]


def test_two_signatures_of_one_signer_share_the_certificate() -> None:
    signer = holder(Key.P256)
    signature = signer.finish(prepare_parallel(sign(Key.P256), None, signer.by, ENVELOPING))
    found = read_cades_untrusted(signature)
    assert [item.integrity for item in found] == [Integrity.INTACT] * 2
    assert found[0].certificates == (signer.certificate,)


def signed_often(number: int, *unsigned: bytes) -> bytes:
    """An enveloping signature so many times, with these unsigned attributes."""
    info = decode_signed_data_untrusted(sign(Key.P256)).signers[0]
    signers = [info.with_unsigned(*unsigned) if unsigned else info.encoded] * number
    frame = signing.SignedDataParts(signers, (holder(Key.P256).certificate,), content=DOCUMENT)
    return frame.encode()


def test_no_more_parallel_signatures_than_are_verified() -> None:
    signer = holder(Key.P256)
    signature = signer.finish(prepare_parallel(signed_often(SIGNATURES_MAX - 1), None, signer.by, ENVELOPING))
    assert len(read_cades_untrusted(signature)) == SIGNATURES_MAX
    with pytest.raises(CannotSign) as refused:
        prepare_parallel(signature, None, signer.by, ENVELOPING)
    assert refused.value.code == 4280


def test_no_more_counter_signatures_than_are_verified() -> None:
    """Those that are there count, readable or not."""
    signer = holder(Key.P256)
    signature = signed_often(SIGNATURES_MAX // 3)
    for _ in range(2):
        signature = signer.finish(prepare_counter(signature, signer.by, ENVELOPING))
    assert len(read_cades_untrusted(signature)) == SIGNATURES_MAX // 3 * 3
    unreadable = signing.attribute(Attribute.COUNTERSIGNATURE, sequence())
    for full in (signature, signed_often(SIGNATURES_MAX // 3 + 1, unreadable)):
        with pytest.raises(CannotSign) as refused:
            prepare_counter(full, signer.by, ENVELOPING)
        assert refused.value.code == 4280


def test_an_unknown_document_is_not_taken_from_a_damaged_signature() -> None:
    info = decode_signed_data_untrusted(sign(Key.P256, OPTIONS)).signers[0]
    forged = info.encoded.replace(sha256(DOCUMENT).digest(), sha256(b"other").digest())
    frame = signing.SignedDataParts(signers=(forged,), certificates=(holder(Key.P256).certificate,))
    with pytest.raises(CannotSign) as refused:
        prepare_parallel(frame.encode(), None, holder(Key.RSA).by, OPTIONS)
    assert refused.value.code == 4110


# ---- counter signatures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [OPTIONS, ENVELOPING], ids=["detached", "enveloping"])
def test_a_counter_signature_on_every_signature(options: CadesOptions) -> None:
    signature = sign(Key.RSA, options)
    second = holder(Key.BRAINPOOL)
    signature = second.finish(prepare_parallel(signature, None, second.by, options))
    counter = holder(Key.P256)
    prepared = prepare_counter(signature, counter.by, replace(options, short_text="gesehen"))
    assert len(prepared.digests) == 2
    signature = counter.finish(prepared)
    found = read_cades_untrusted(signature, None if options.enveloping else DOCUMENT)
    assert [item.integrity for item in found] == [Integrity.INTACT] * 4
    assert [item.countersigns for item in found] == [None, 0, None, 2]
    assert {found[1].certificate, found[3].certificate} == {counter.certificate}
    assert found[1].short_text == "gesehen"
    # The countersigned stay valid with a changed document, the others do not.
    changed = read_cades_untrusted(signature, DOCUMENT + b"x")
    assert [item.integrity for item in changed] == [Integrity.DIGEST_WRONG, Integrity.INTACT] * 2


@keys
def test_the_structure_of_a_counter_signature(key: Key) -> None:
    """As a foreign ASN.1 library reads it (RFC 5652, 11.4)."""
    signature = sign(Key.P256)
    signer = holder(key)
    prepared = prepare_counter(signature, signer.by, replace(OPTIONS, mime_type="text/plain"))
    data = cms.ContentInfo.load(signer.finish(prepared), strict=True)["content"]
    (info,) = data["signer_infos"]
    (attribute,) = info["unsigned_attrs"]
    assert attribute["type"].native == "counter_signature"
    (counter,) = attribute["values"]
    signed = {item["type"].dotted: item["values"][0] for item in counter["signed_attrs"]}
    assert signed[Attribute.MESSAGE_DIGEST].native == sha256(info["signature"].native).digest()
    assert Attribute.CONTENT_TYPE not in signed
    assert Attribute.MIME_TYPE not in signed
    assert Attribute.SIGNING_CERTIFICATE_V2 in signed
    assert {item.chosen.dump() for item in data["certificates"]} == {holder(Key.P256).certificate, signer.certificate}


def test_counter_signatures_are_not_countersigned() -> None:
    signature = sign(Key.P256)
    for key in (Key.RSA, Key.BRAINPOOL):
        signer: Holder = holder(key)
        prepared = prepare_counter(signature, signer.by, OPTIONS)
        assert len(prepared.digests) == 1
        signature = signer.finish(prepared)
    found = read_cades_untrusted(signature)
    assert [item.countersigns for item in found] == [None, 0, 0]
    assert [item.integrity for item in found] == [Integrity.INTACT] * 3


@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"%PDF-1.7", sequence(oid(oids.DATA))])
def test_what_cannot_be_added_to(octets: bytes) -> None:
    empty = signing.SignedDataParts(signers=(), certificates=()).encode()
    for signature in (octets, empty):
        with pytest.raises(CannotSign) as refused:
            prepare_parallel(signature, DOCUMENT, holder(Key.P256).by, OPTIONS)
        assert refused.value.code == 4110
        with pytest.raises(CannotSign):
            prepare_counter(signature, holder(Key.P256).by, OPTIONS)


def test_a_certificate_that_is_none() -> None:
    with pytest.raises(CannotSign):
        prepare(DOCUMENT, SignedBy(set_of([b"\x05\x00"]), SigningScheme.ECDSA), OPTIONS)


def test_one_value_for_each_digest() -> None:
    with pytest.raises(ValueError, match="one signature value"):
        prepare(DOCUMENT, holder(Key.P256).by, OPTIONS).finish([])


def test_a_hash_value_goes_into_its_own_attribute_whatever_the_others_hold() -> None:
    """Also where another attribute, sorted before and behind it, contains what message-digest looks like."""
    looks_alike = signing.message_digest(bytes(32))
    before, behind = (signing.attribute(name, looks_alike) for name in ("1.2", "2.5.4.3"))
    digest = sha256(DOCUMENT).digest()
    around = signing.attributes_around([before, behind])
    expected = set_of([before, behind, signing.message_digest(digest)])
    assert around.with_digest(digest).encoded == expected
