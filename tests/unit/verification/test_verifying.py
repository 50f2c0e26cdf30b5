"""TUC_KON_151 and 161 over real signatures, with a real responder: every format and key, and every way to be wrong."""

import re
import threading
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from tests.adesbench import SHARED, Key
from tests.unit.konnektor_trust.test_signer_check import answer
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW, SPAN
from tests.unit.verification.signatures import OSIG, PDF, QES, SIGNED, XML, Signer, signer, trusts
from tiaas.ades.found import Integrity, SignatureFormat
from tiaas.ades.xadesvariants import Update
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.publickeys import PublicKeys
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification import verifying
from tiaas.konnektor.verification.moments import TimeSource
from tiaas.konnektor.verification.outcome import Outcome
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.reporting import DIALECT_7_5, Reports
from tiaas.konnektor.verification.reportwords import ReportWish
from tiaas.konnektor.verification.verifying import Rules, Verification, verify
from tiaas.pki.issue import Validity
from tiaas.pki.ocspmessages import CertStatus
from tiaas.pki.oids import CertificateType

HOUR = timedelta(hours=1)


async def verified(bench: Bench, material: Material, rules: Rules | None = None) -> Verification:
    return await verify(material, rules or Rules(), bench.trust, PublicKeys(), bench.clock.now())


def outcomes(found: Verification) -> list[Outcome]:
    return [one.outcome for one in found.judgements]


# ---- VALID -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5034-06", "TIP1-A_4654-04", "TIP1-A_4672-04", "TIP1-A_4623-02", "TIP1-A_4627")
@pytest.mark.parametrize("key", Key)
@pytest.mark.parametrize("kind", [OSIG, QES], ids=["nonQES", "QES"])
async def test_every_format_and_key(bench: Bench, kind: CertificateType, key: Key) -> None:
    by = signer(kind, key)
    trusts(bench, by)
    for name, material in by.materials().items():
        found = await verified(bench, material)
        assert outcomes(found) == [Outcome.ON_ALL_DOCUMENTS], name
        assert found.result is Result.VALID
        assert found.judgements[0].is_qualified is (kind is QES)
        assert found.judgements[0].codes == ()


async def test_rsa_values_of_both_paddings(bench: Bench) -> None:
    by = signer(OSIG, Key.RSA)
    trusts(bench, by)
    for pss in (True, False):
        material = Material(SignatureFormat.PKCS1, XML, by.bare(pss=pss), (by.holder.certificate,))
        assert (await verified(bench, material)).result is Result.VALID


@pytest.mark.requirement("TIP1-A_4672-04")
async def test_parallel_and_counter_signatures(bench: Bench) -> None:
    by = signer()
    trusts(bench, by)
    both = by.counter(by.parallel(by.cades(), SIGNED + HOUR / 2))
    xml = by.xades(by.xades(), time=SIGNED + HOUR / 2, update=Update.PARALLEL)
    countersigned = by.xades(by.xades(), update=Update.COUNTER, time=SIGNED + HOUR / 2)
    for material, marks in (
        (Material(SignatureFormat.CADES, None, both), {None, 0, 2}),
        (Material(SignatureFormat.XADES, xml), {None}),
        (Material(SignatureFormat.XADES, countersigned), {None, 0}),
    ):
        found = await verified(bench, material)
        assert found.result is Result.VALID
        assert {one.found.countersigns for one in found.judgements} == marks
        assert found.time.at == SIGNED + HOUR / 2, "of several signatures the time of the youngest is told"


# ---- INVALID ---------------------------------------------------------------------------------------------------------


def damaged(material: Material) -> Material:
    """With another letter in what is signed."""
    if material.format is SignatureFormat.SMIME:
        head, blank, body = (material.document or b"").partition(b"\r\n\r\n")
        return replace(material, document=head + blank + b64encode(b64decode(body).replace(b"Arznei>M", b"Arznei>X")))
    if material.document is not None:
        old = b"MediaBox [0 0 595" if material.format is SignatureFormat.PADES else b"Arznei>M"
        assert old in material.document
        return replace(material, document=material.document.replace(old, old[:-1] + b"X", 1))
    assert material.signature is not None
    assert b"Arznei>M" in material.signature
    return replace(material, signature=material.signature.replace(b"Arznei>M", b"Arznei>X", 1))


@pytest.mark.code(4115)
@pytest.mark.pitfall(41)
@pytest.mark.parametrize("key", Key)
@pytest.mark.parametrize("kind", [OSIG, QES], ids=["nonQES", "QES"])
async def test_damaged_documents(bench: Bench, kind: CertificateType, key: Key) -> None:
    by = signer(kind, key)
    trusts(bench, by)
    for name, material in by.materials().items():
        found = await verified(bench, damaged(material))
        assert outcomes(found) == [Outcome.INCORRECT_SIGNATURE], name
        assert found.judgements[0].codes == (4115,), name
        assert found.judgements[0].check is not None
        assert found.judgements[0].check.verdict.result is Result.VALID, "the certificate is looked at all the same"


async def test_one_wrong_signature_among_good_ones(bench: Bench) -> None:
    by = signer()
    trusts(bench, by)
    both = by.parallel(by.cades())
    value = (await verified(bench, Material(SignatureFormat.CADES, None, both))).judgements[1].found.value
    found = await verified(bench, Material(SignatureFormat.CADES, None, both.replace(value[-8:], bytes(8))))
    assert outcomes(found) == [Outcome.ON_ALL_DOCUMENTS, Outcome.INCORRECT_SIGNATURE]
    assert found.result is Result.INVALID


@pytest.mark.code(4262)
async def test_what_is_added_behind_a_signature(bench: Bench) -> None:
    by = signer()
    trusts(bench, by)
    signed = by.pades()
    behind = Material(SignatureFormat.PADES, by.pades(signed, time=SIGNED + HOUR / 2))
    found = await verified(bench, behind)
    assert found.judgements[0].found.integrity is Integrity.NOT_WHOLE_DOCUMENT
    assert (found.judgements[0].codes, found.result) == ((4262,), Result.INVALID)


async def test_a_wrapped_signature(bench: Bench) -> None:
    """The signed document moved into a part of another: what is read at the top was never signed."""
    by = signer()
    trusts(bench, by)
    signed = by.xades()
    wrapped = b"<r:Rezept xmlns:r='urn:rezept'><r:Arznei>Gift</r:Arznei>" + signed + b"</r:Rezept>"
    found = await verified(bench, Material(SignatureFormat.XADES, wrapped))
    assert found.result is Result.INVALID


async def test_signed_attributes_in_another_order_are_the_same_set(bench: Bench) -> None:
    """What was signed is the set, encoded as DER demands it (RFC 5652, 5.4), in whatever order it is written."""
    by = signer()
    trusts(bench, by)
    signature = by.cades()
    info = cms.ContentInfo.load(signature)["content"]["signer_infos"][0]
    attributes = [item.dump() for item in info["signed_attrs"]]
    reordered = signature.replace(b"".join(attributes), b"".join(reversed(attributes)))
    assert reordered != signature
    assert (await verified(bench, Material(SignatureFormat.CADES, None, reordered))).result is Result.VALID


@pytest.mark.parametrize("kind", [OSIG, QES], ids=["nonQES", "QES"])
async def test_revoked_before_it_signed(bench: Bench, kind: CertificateType) -> None:
    by = signer(kind)
    trusts(bench, by)
    bench.forwarder.answer = lambda request: bench.forwarder.good(request, CertStatus.REVOKED)
    found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades()))
    assert outcomes(found) == [Outcome.INCORRECT_SIGNATURE]
    assert found.judgements[0].codes == (1047,)


async def test_a_warning_about_a_good_certificate_is_told(bench: Bench) -> None:
    """A response in the signature that cannot be used: somebody else was asked, and all is right."""
    by = signer()
    trusts(bench, by)
    old = answer(by.certificate, SIGNED - 24 * HOUR, world=by.world)
    found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades(ocsp=old)))
    assert (found.result, found.judgements[0].codes) == (Result.VALID, (1050,))
    told = Reports().write(found.judgements, found.time, ReportWish(False, False), DIALECT_7_5)
    assert "1050" in told


@pytest.mark.requirement("TIP1-A_5540-01", "TIP1-A_5545")
@pytest.mark.parametrize("kind", [OSIG, QES], ids=["nonQES", "QES"])
async def test_a_claimed_time_is_believed_and_the_users_own_is_not_fooled(bench: Bench, kind: CertificateType) -> None:
    """A certificate is revoked; who has its key signs with a time and a response of before.

    The specification takes the embedded time; whoever has a reason to doubt says which time counts.
    """
    by = signer(kind)
    trusts(bench, by)
    bench.forwarder.answer = lambda request: bench.forwarder.good(request, CertStatus.REVOKED)
    before = answer(by.certificate, SIGNED, world=by.world)
    backdated = Material(SignatureFormat.CADES, None, by.cades(ocsp=before))
    found = await verified(bench, backdated)
    assert (found.result, found.time.source) == (Result.VALID, TimeSource.EMBEDDED)
    found = await verified(bench, backdated, Rules(user_defined=NOW))
    assert (found.result, found.judgements[0].codes) == (Result.INVALID, (1047, 1050))


async def test_expired_when_it_signed(bench: Bench) -> None:
    span = Validity(SPAN.start, SIGNED - HOUR)
    for kind, outcome in ((OSIG, Outcome.INVALID_TIMESTAMP), (QES, Outcome.INCORRECT_SIGNATURE)):
        by = signer(kind, name="kurz", span=span)
        trusts(bench, by)
        found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades()))
        assert outcomes(found) == [outcome]
        assert found.judgements[0].codes == (1021,)
        good = await verified(bench, Material(SignatureFormat.CADES, None, by.cades(time=SIGNED - 2 * HOUR)))
        assert good.result is Result.VALID, "it was valid then"


async def test_a_time_of_the_future(bench: Bench) -> None:
    for kind, outcome in ((OSIG, Outcome.INVALID_TIMESTAMP), (QES, Outcome.INCORRECT_SIGNATURE)):
        by = signer(kind)
        trusts(bench, by)
        found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades(time=NOW + HOUR)))
        assert outcomes(found) == [outcome]


@pytest.mark.code(4260)
async def test_issued_by_a_ca_that_no_list_names(bench: Bench) -> None:
    for kind, codes in ((OSIG, (1027, 4260)), (QES, (1059,))):
        by = signer(kind, world="fremd TEST-ONLY")
        trusts(bench, by)
        found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades()))
        assert outcomes(found) == [Outcome.CHAIN_NOT_COMPLETE]
        assert found.judgements[0].codes == codes
        assert found.judgements[0].found.integrity is Integrity.INTACT


@pytest.mark.code(4206)
async def test_without_the_signers_certificate(bench: Bench) -> None:
    by = signer(OSIG, Key.RSA)
    trusts(bench, by)
    found = await verified(bench, Material(SignatureFormat.PKCS1, XML, by.bare()))
    assert outcomes(found) == [Outcome.UNPROVEN_SIGNATURE]
    assert found.judgements[0].codes == (4206,)


def naming_nobody(by: Signer) -> bytes:
    """An XML signature without KeyInfo and without properties."""
    dsig, exclusive = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/10/xml-exc-c14n#"
    root = etree.fromstring("<Brief>Guten Tag</Brief>")
    digest = b64encode(sha256(etree.tostring(root, method="c14n", exclusive=True)).digest()).decode()
    info = etree.fromstring(
        f'<SignedInfo xmlns="{dsig}"><CanonicalizationMethod Algorithm="{exclusive}"/>'
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/><Reference URI="">'
        f'<Transforms><Transform Algorithm="{dsig}enveloped-signature"/>'
        f'<Transform Algorithm="{exclusive}"/></Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
    )
    value = decode_dss_signature(by.bare(etree.tostring(info, method="c14n", exclusive=True)))
    signature = etree.SubElement(root, f"{{{dsig}}}Signature", nsmap={None: dsig})
    signature.append(info)
    text = b64encode(b"".join(number.to_bytes(32, "big") for number in value)).decode()
    etree.SubElement(signature, f"{{{dsig}}}SignatureValue").text = text
    return etree.tostring(root)


async def test_the_signers_certificate_is_found_among_those_given(bench: Bench) -> None:
    """In whatever order (XMLDSig, 4.4.4): chains come with the issuer first, too."""
    ecc, rsa = signer(), signer(OSIG, Key.RSA)
    strangers = tuple(signer(OSIG, key, name="Andere").holder.certificate for key in (Key.RSA, Key.BRAINPOOL, Key.P256))
    for by, material in (
        (ecc, Material(SignatureFormat.ECDSA, XML, ecc.bare())),
        (rsa, Material(SignatureFormat.PKCS1, XML, rsa.bare())),
        (rsa, Material(SignatureFormat.PKCS1, XML, rsa.bare(pss=False))),
        (ecc, Material(SignatureFormat.XADES, re.sub(rb"<ds:KeyInfo.*</ds:KeyInfo>", b"", ecc.xades()))),
        (ecc, Material(SignatureFormat.XADES, naming_nobody(ecc))),
    ):
        trusts(bench, by)
        for given in ((*strangers, by.holder.certificate), (by.holder.certificate, *strangers)):
            found = await verified(bench, replace(material, certificates=given))
            assert outcomes(found) == [Outcome.ON_ALL_DOCUMENTS]
            assert found.judgements[0].found.certificate == by.holder.certificate
        found = await verified(bench, replace(material, certificates=strangers))
        assert found.result is Result.INVALID


async def test_a_certificate_that_signs_no_documents(bench: Bench) -> None:
    by = signer(CertificateType.HCI_AUT)
    trusts(bench, by)
    found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades()))
    assert (outcomes(found), found.judgements[0].codes) == ([Outcome.INCORRECT_SIGNATURE], (1018,))


@pytest.mark.code(4124)
async def test_xml_signatures_of_a_doctor_need_a_policy(bench: Bench) -> None:
    by = signer(QES)
    trusts(bench, by)
    found = await verified(bench, Material(SignatureFormat.XADES, by.xades()))
    assert (outcomes(found), found.judgements[0].codes) == ([Outcome.REQUESTER_ERROR], (4124,))
    assert found.judgements[0].found.integrity is Integrity.INTACT


@pytest.mark.code(4208)
async def test_references_that_are_no_ids(bench: Bench) -> None:
    """What is not in the document is never fetched; in a QES that is a fault of its profile, else of the rules."""
    for kind, code in ((QES, 4208), (OSIG, 4112)):
        by = signer(kind)
        trusts(bench, by)
        outward = by.xades().replace(b'URI=""', b'URI="http://example.org/x"', 1)
        found = await verified(bench, Material(SignatureFormat.XADES, outward))
        assert code in found.judgements[0].codes
        assert found.result is Result.INVALID


@pytest.mark.code(4112)
async def test_an_xml_signature_beside_its_document(bench: Bench) -> None:
    by = signer()
    trusts(bench, by)
    detached = re.sub(rb'URI="#object[^"]*"', b'URI=""', by.xades(enveloping=True))
    found = await verified(bench, Material(SignatureFormat.XADES, XML, detached))
    assert 4112 in found.judgements[0].codes
    assert found.result is Result.INVALID


# ---- INCONCLUSIVE ----------------------------------------------------------------------------------------------------


@pytest.mark.pitfall(41)
@pytest.mark.parametrize("kind", [OSIG, QES], ids=["nonQES", "QES"])
async def test_nobody_answers(bench: Bench, kind: CertificateType) -> None:
    by = signer(kind)
    trusts(bench, by)
    await bench.forwarder.stop()
    for name, material in by.materials().items():
        found = await verified(bench, material)
        assert (outcomes(found), found.result) == ([Outcome.OCSP_NOT_AVAILABLE], Result.INCONCLUSIVE), name
        assert found.judgements[0].codes == (1032,)
    broken = await verified(bench, damaged(by.materials()["CMS enveloping"]))
    assert broken.result is Result.INVALID, "what could be checked was wrong"


async def test_offline(bench: Bench) -> None:
    by = signer()
    bench.access = TiAccess(online=False, tsl_url=bench.access.tsl_url)
    await bench.trust.stop()
    await bench.boot()
    trusts(bench, by)
    found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades()))
    assert (found.result, found.judgements[0].codes) == (Result.INCONCLUSIVE, (1039,))
    assert not bench.forwarder.requests


# ---- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5545", "TIP1-A_5540-01")
async def test_which_time_counts(bench: Bench) -> None:
    by = signer(OSIG, Key.RSA)
    trusts(bench, by)
    embedded, bare = by.materials()["CMS enveloping"], by.materials()["bare"]
    chosen = NOW - HOUR / 4
    for material, user, source, at in (
        (embedded, None, TimeSource.EMBEDDED, SIGNED),
        (embedded, chosen, TimeSource.USER, chosen),
        (bare, None, TimeSource.SYSTEM, NOW),
        (bare, chosen, TimeSource.USER, chosen),
    ):
        time = (await verified(bench, material, Rules(user_defined=user))).time
        assert (time.source, time.at) == (source, at)


async def test_the_users_time_is_the_one_that_is_checked(bench: Bench) -> None:
    by = signer()
    trusts(bench, by)
    late = Rules(user_defined=SPAN.end + HOUR)
    found = await verified(bench, Material(SignatureFormat.CADES, None, by.cades()), late)
    assert (outcomes(found), found.judgements[0].codes) == ([Outcome.INCORRECT_SIGNATURE], (1021,))


# ---- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("material", "code"),
    [
        pytest.param(Material(SignatureFormat.XADES, XML), 4253, marks=pytest.mark.code(4253)),
        pytest.param(Material(SignatureFormat.XADES, b"<a>"), 4022, marks=pytest.mark.code(4022)),
        pytest.param(Material(SignatureFormat.CADES, XML, b"0\x80"), 4253),
        pytest.param(Material(SignatureFormat.PADES, b"%PDF-1.4"), 4110),
        (Material(SignatureFormat.SMIME, XML), 4253),
    ],
)
async def test_what_cannot_be_verified(bench: Bench, material: Material, code: int) -> None:
    with pytest.raises(KonnektorError) as raised:
        await verified(bench, material)
    assert raised.value.code == code
    assert (code == 4022) is (raised.value.detail == "line 1, column 4: tag not finished")


async def test_a_document_beside_the_signed_one_is_not_called_signed(bench: Bench) -> None:
    """A signed PDF or message comes in either place; another document in the other place would be taken for it."""
    by = signer()
    trusts(bench, by)
    for form, signed in ((SignatureFormat.PADES, by.pades()), (SignatureFormat.SMIME, by.smime())):
        assert (await verified(bench, Material(form, signed, signed))).result is Result.VALID
        for other in (PDF, by.pades(time=SIGNED - HOUR), XML):
            with pytest.raises(KonnektorError) as raised:
                await verified(bench, Material(form, other, signed))
            assert raised.value.code == 4000


async def test_without_the_sak_no_qualified_signature(bench: Bench) -> None:
    def refuse() -> None:
        raise KonnektorError(4125)

    for kind in (OSIG, QES):
        by = signer(kind)
        trusts(bench, by)
        material = Material(SignatureFormat.CADES, None, by.cades())
        if kind is OSIG:
            assert (await verified(bench, material, Rules(require_sak=refuse))).result is Result.VALID
            continue
        with pytest.raises(KonnektorError) as raised:
            await verified(bench, material, Rules(require_sak=refuse))
        assert raised.value.code == 4125


# ---- signatures of certified devices ---------------------------------------------------------------------------------

RECORDED = SHARED / "vectors" / "erp-qes"


@pytest.mark.pitfall(53)
@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded signatures at {RECORDED}")
async def test_recorded_signatures_of_prescriptions(bench: Bench) -> None:
    """Made by three makers' devices; their CAs are in no list of ours: intact, but the chain is not complete."""
    trusts(bench, signer(QES))
    files = sorted(RECORDED.glob("*.p7"))
    assert len(files) == 12
    for file in files:
        found = await verified(bench, Material(SignatureFormat.CADES, None, file.read_bytes()))
        (one,) = found.judgements
        assert one.found.integrity is Integrity.INTACT, file.name
        assert one.is_qualified
        assert (one.outcome, one.codes) == (Outcome.CHAIN_NOT_COMPLETE, (1059,))


async def test_a_document_with_schemas_is_read_in_a_thread(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few lines of schema can keep libxml2 busy for long; the event loop is everybody's."""
    threads: list[threading.Thread] = []

    def read(material: Material, *_: object) -> None:
        threads.append(threading.current_thread())
        raise KonnektorError(4253)

    monkeypatch.setattr(verifying, "_read", read)
    given: list[dict[str, bytes]] = [{}, {"urn:x": b"<xs:schema/>"}]
    for schemas in given:
        with pytest.raises(KonnektorError):
            await verified(bench, Material(SignatureFormat.XADES, b"<a/>", schemas=schemas))
    assert [thread is threading.main_thread() for thread in threads] == [True, False]
