"""CERT_IMPORTED_CA_LIST: what its CAs are good for, and what they are not."""

from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.foreignca import ForeignCa, Key, rsa_key
from tests.integration.konnektor_core.memorystore import MemoryStore
from tests.unit.pki.ocspmaker import NOW, World
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.admin.rowcheck import READERS
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.recipients import RecipientChecks
from tiaas.konnektor.importedcas import MOST, STORE_KIND, ImportedCas, NotImported
from tiaas.konnektor.network import Network
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.trustsource import FixedTrust
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.web import WebClient
from tiaas.pki.codes import PkiCode
from tiaas.pki.oids import CertificateType
from tiaas.pki.path import PathFault

WORLD = World()
CA = ForeignCa(now=NOW)
RSA_KEY, BRAINPOOL = rsa_key(), ec.generate_private_key(ec.BrainpoolP256R1())
USAGE: dict[Key, str] = {RSA_KEY: "key_encipherment", BRAINPOOL: "key_agreement"}


def certificate(key: Key, usage: str, **more: timedelta) -> bytes:
    return CA.holder(key, usage, **more).public_bytes(Encoding.DER)


GOOD = certificate(RSA_KEY, "key_encipherment")


def a_trust(*issuers: Issuer) -> Trust:
    """Online, with a status service that nobody answers at."""
    clock, access, web = ManualClock(NOW), TiAccess(ocsp_forwarder="http://127.0.0.1:9/"), WebClient(Network())
    source = FixedTrust(TrustSpace(issuers, ()))
    ocsp = OcspClient(access, web, clock, SeededEntropy(b"trust"))
    return Trust(source, ocsp, web, clock, ImportedCas(MemoryStore()))


def checks(trust: Trust) -> RecipientChecks:
    return RecipientChecks(trust, ManualClock(NOW), online=True)


async def refusal(trust: Trust, der: bytes) -> tuple[int, list[int]]:
    with pytest.raises(KonnektorError) as caught:
        await checks(trust).choose([der], None, "")
    return caught.value.code, [cause.code for cause in caught.value.causes]


@pytest.mark.requirement("TIP1-A_4616-03")
@pytest.mark.code(4105)
async def test_its_holders_are_recipients_as_long_as_it_is_there() -> None:
    trust = a_trust()
    assert await refusal(trust, GOOD) == (4105, [PkiCode.CA_CERT_MISSING.number])
    held = await trust.imported.add(CA.der)
    each = [certificate(key, usage) for key, usage in USAGE.items()]
    chosen = await checks(trust).choose(each, None, "")
    assert [recipient.certificate for recipient in chosen.recipients] == each
    assert await trust.imported.remove(held.fingerprint)
    assert not await trust.imported.remove(held.fingerprint)
    assert await refusal(trust, GOOD) == (4105, [PkiCode.CA_CERT_MISSING.number])


@pytest.mark.code(4200)
@pytest.mark.parametrize(
    ("der", "code", "causes"),
    [
        (certificate(RSA_KEY, "digital_signature"), 4105, [PkiCode.WRONG_KEYUSAGE.number]),
        (certificate(BRAINPOOL, "key_encipherment"), 4105, [PkiCode.WRONG_KEYUSAGE.number]),
        (
            certificate(RSA_KEY, "key_encipherment", ends=timedelta(days=-1)),
            4105,
            [PkiCode.CERTIFICATE_NOT_VALID_TIME.number],
        ),
        (certificate(ec.generate_private_key(ec.SECP256R1()), "key_agreement"), 4200, []),
        (certificate(rsa.generate_private_key(65537, 1024), "key_encipherment"), 4200, []),
    ],
    ids=["no encipherment", "no agreement", "ended", "another curve", "short"],
)
async def test_what_its_certificates_must_be(der: bytes, code: int, causes: list[int]) -> None:
    trust = a_trust()
    await trust.imported.add(CA.der)
    assert await refusal(trust, der) == (code, causes)


async def test_another_ca_of_that_name_is_not_it() -> None:
    trust = a_trust()
    await trust.imported.add(ForeignCa(now=NOW).der)
    code, causes = await refusal(trust, GOOD)
    assert (code, causes) == (4105, [PkiCode.AUTHORITYKEYID_DIFFERENT.number])


@pytest.mark.requirement("TIP1-A_5433", "TIP1-A_5449")
async def test_for_signatures_it_counts_nothing() -> None:
    trust = a_trust()
    await trust.imported.add(CA.der)
    # Any usage is shown by VerifyCertificate, without status (TAB_KON_797).
    for usage in ("key_encipherment", "digital_signature"):
        shown = await trust.check_any(certificate(RSA_KEY, usage))
        assert (shown.result, shown.warnings, shown.status) == (Result.VALID, (), None)
    signer = await trust.check_signer(certificate(RSA_KEY, "digital_signature"), NOW)
    assert signer.verdict.result is Result.INVALID
    assert signer.examination is not None
    assert (PathFault.CA_CERT_MISSING, 0) in signer.examination.faults


async def test_a_ca_of_the_tsl_is_judged_by_the_tsl() -> None:
    trust = a_trust(Issuer(WORLD.ca, "http://127.0.0.1:9/"))
    await trust.imported.add(WORLD.ca.encoded)
    verdict = await trust.check_any(WORLD.insured(CertificateType.CH_ENC).encoded)
    assert verdict.warnings == (PkiCode.OCSP_CHECK_REVOCATION_FAILED,)


@pytest.mark.requirement("TIP1-A_5433", "TIP1-A_5449")
async def test_roles_are_told_only_of_those_the_ti_vouches_for() -> None:
    """An Admission is easily written; below an imported CA it says nothing about the holder."""
    holder = WORLD.insured(CertificateType.CH_ENC)
    assert holder.admission is not None
    known, stranger = a_trust(Issuer(WORLD.ca, "http://127.0.0.1:9/")), a_trust()
    await stranger.imported.add(WORLD.ca.encoded)
    assert (await known.check_any(holder.encoded)).roles == holder.admission.oids != ()
    for at, result in ((NOW, Result.VALID), (NOW + timedelta(days=10_000), Result.INVALID)):
        verdict = await stranger.check_any(holder.encoded, at)
        assert (verdict.result, verdict.roles) == (result, ())


@pytest.mark.requirement("TIP1-A_5433")
async def test_what_is_not_imported() -> None:
    cas = ImportedCas(MemoryStore())
    for der, qualified in ((b"no", ()), (GOOD, ()), (WORLD.ca.encoded, (WORLD.ca,))):
        with pytest.raises(NotImported):
            await cas.add(der, qualified)
    assert list(cas) == []
    for number in range(MOST):
        await cas.add(ForeignCa(f"CA {number}", NOW, CA.key).der)
    with pytest.raises(NotImported, match="no more than"):
        await cas.add(CA.der)


async def test_it_is_there_after_a_restart() -> None:
    store = MemoryStore()
    before = ImportedCas(store)
    await before.add(CA.der)
    await store.put(STORE_KIND, "00", {"der": "damaged"})
    await store.put(STORE_KIND, "01", {"der": ForeignCa("other", NOW, CA.key).der.hex()})
    await store.put(STORE_KIND, sha256(GOOD).hexdigest(), {"der": GOOD.hex()})
    after = ImportedCas(store)
    await after.load()
    assert list(after) == list(before)


def test_rows_of_a_file_keep_to_the_same_rules() -> None:
    read, der = READERS[STORE_KIND], CA.der
    read(sha256(der).hexdigest(), {"der": der.hex()})
    for key, octets in (("00", der), (sha256(GOOD).hexdigest(), GOOD), (sha256(b"no").hexdigest(), b"no")):
        with pytest.raises(NotImported):
            read(key, {"der": octets.hex()})
