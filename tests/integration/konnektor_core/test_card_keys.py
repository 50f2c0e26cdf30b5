"""Keys of cards that compute, as signers and decipherers: TUC_KON_218, TUC_KON_219."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256, sha384, sha512

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.integration.konnektor_core.practice import CALL, Practice
from tiaas.card.apdu import CommandApdu
from tiaas.card.elc import elc_encrypt
from tiaas.card.virtual.card import VirtualCard
from tiaas.konnektor.cardmap import AUT, ECC, QES, RSA, RSA_ECC, SIG, Folder
from tiaas.konnektor.cards import Card, CardVersions, Version
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keys import decipherers_of, signer_of
from tiaas.konnektor.opencard import open_card
from tiaas.konnektor.sessions import AuthValue, CallContext, CardSession
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.keys import Digest, Signer, SigningScheme
from tiaas.pki.prehashed import is_signature
from tiaas.terminal.pcsc import PcscLink

MESSAGE = b"what is signed"
DIGEST = sha256(MESSAGE).digest()
HASHES = {Digest.SHA256: sha256, Digest.SHA384: sha384, Digest.SHA512: sha512}


@pytest.fixture(scope="module")
def practice() -> Iterator[Practice]:
    practice = Practice(ecc_only=False)
    yield practice
    practice.handshakes.close()


async def unlocked(practice: Practice, kind: str = "smcb") -> tuple[Card, CardSession]:
    card = await (practice.smcb() if kind == "smcb" else practice.hba())
    await practice.unlock(card, "PIN.SMC" if kind == "smcb" else "PIN.CH")
    return card, card.session(CALL)


def key_of(signer: Signer) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    key = decode_certificate_untrusted(signer.certificate).key()
    assert key is not None
    return key


async def code_of(signer: Signer, scheme: SigningScheme = SigningScheme.ECDSA) -> int:
    with pytest.raises(KonnektorError) as caught:
        await signer.sign_digest(DIGEST, scheme)
    return caught.value.code


@pytest.mark.requirement("TIP1-A_4581")
@pytest.mark.parametrize(("kind", "reference"), [("smcb", AUT), ("smcb", SIG), ("hba", AUT)])
async def test_signatures_of_every_key_verify(practice: Practice, kind: str, reference: str) -> None:
    card, session = await unlocked(practice, kind)
    with_ecc = await signer_of(card, session, reference, ECC, practice.clock)
    key = key_of(with_ecc)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert with_ecc.scheme is SigningScheme.ECDSA
    key.verify(await with_ecc.sign_digest(DIGEST, with_ecc.scheme), MESSAGE, ec.ECDSA(hashes.SHA256()))
    with_rsa = await signer_of(card, session, reference, RSA, practice.clock)
    key = key_of(with_rsa)
    assert isinstance(key, rsa.RSAPublicKey)
    assert with_rsa.scheme is SigningScheme.RSASSA_PSS
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    key.verify(await with_rsa.sign_digest(DIGEST, with_rsa.scheme), MESSAGE, pss, hashes.SHA256())


@pytest.mark.requirement("TIP1-A_5437-02")
async def test_pkcs1_signs_three_hashes_with_the_key_of_aut_only(practice: Practice) -> None:
    card, session = await unlocked(practice)
    signer = await signer_of(card, session, AUT, RSA, practice.clock)
    key = key_of(signer)
    assert isinstance(key, rsa.RSAPublicKey)
    for digest, algorithm in zip(Digest, (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()), strict=True):
        value = await signer.sign_digest(HASHES[digest](MESSAGE).digest(), SigningScheme.RSASSA_PKCS1_V1_5, digest)
        key.verify(value, MESSAGE, padding.PKCS1v15(), algorithm)
    other = await signer_of(card, session, SIG, RSA, practice.clock)
    assert await code_of(other, SigningScheme.RSASSA_PKCS1_V1_5) == 4111
    assert await code_of(signer, SigningScheme.ECDSA) == 4111


@pytest.mark.requirement("TIP1-A_4582")
async def test_both_keys_decipher_ecc_first(practice: Practice) -> None:
    card, session = await unlocked(practice)
    by_ecc, by_rsa = await decipherers_of(card, session, practice.clock)
    content_key = bytes(range(32))
    key = decode_certificate_untrusted(by_ecc.certificate).key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert await by_ecc.decipher(elc_encrypt(content_key, key, practice.entropy)) == content_key
    other = decode_certificate_untrusted(by_rsa.certificate).key()
    assert isinstance(other, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    assert await by_rsa.decipher(other.encrypt(content_key, oaep)) == content_key


@pytest.mark.code(4069)
async def test_a_damaged_cryptogram_is_told(practice: Practice) -> None:
    card, session = await unlocked(practice)
    for decipherer in await decipherers_of(card, session, practice.clock):
        with pytest.raises(KonnektorError) as caught:
            await decipherer.decipher(bytes(256))
        assert caught.value.code == 4069


@pytest.mark.code(4079)
async def test_a_card_whose_key_is_not_there(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the certificate; the key was left out when it was personalised."""
    card, session = await unlocked(practice)
    await decipherers_of(card, session, practice.clock)
    made = practice.personalised[card.handle]
    monkeypatch.delitem(made.image.keys, "MF/DF.ESIGN/PrK.HCI.ENC.E256")
    monkeypatch.setattr(practice.personaliser, "provide", lambda image, path: False)
    fresh = await practice.insert(made)
    await practice.unlock(fresh, "PIN.SMC")
    by_ecc, _ = await decipherers_of(fresh, fresh.session(CALL), practice.clock)
    key = decode_certificate_untrusted(by_ecc.certificate).key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    with pytest.raises(KonnektorError) as caught:
        await by_ecc.decipher(elc_encrypt(bytes(32), key, practice.entropy))
    assert caught.value.code == 4079


@pytest.mark.code(4085)
async def test_nobody_is_asked_for_a_pin_that_is_not_verified(practice: Practice) -> None:
    card = await practice.smcb()
    session = card.session(CALL)
    signer = await signer_of(card, session, AUT, ECC, practice.clock)
    assert await code_of(signer) == 4085
    await practice.unlock(card, "PIN.SMC")
    await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    # Of another Mandant the session is another one.
    foreign = await signer_of(card, card.session(CallContext("M2", "CS1", "AP1")), AUT, ECC, practice.clock)
    assert await code_of(foreign) == 4085


async def test_the_card_has_the_last_word_about_the_pin(practice: Practice) -> None:
    card = await practice.smcb()
    session = card.session(CALL)
    session.auth_state["PIN.SMC"] = AuthValue.VERIFIED
    signer = await signer_of(card, session, AUT, ECC, practice.clock)
    assert await code_of(signer) == 4085
    assert session.auth_state == {}


@pytest.mark.code(4093)
async def test_a_reserved_card_signs_for_its_holder_only(practice: Practice) -> None:
    card, session = await unlocked(practice)
    outside = await signer_of(card, session, SIG, ECC, practice.clock)
    async with card.reserve() as holder:
        assert await code_of(outside) == 4093
        inside = await signer_of(card, session, SIG, ECC, practice.clock, holder=holder)
        await inside.sign_digest(DIGEST, SigningScheme.ECDSA)
    await outside.sign_digest(DIGEST, SigningScheme.ECDSA)


@pytest.mark.code(4094)
async def test_a_card_pulled_between_mse_and_pso(practice: Practice) -> None:
    card, session = await unlocked(practice)
    signer = await signer_of(card, session, AUT, ECC, practice.clock)
    line = practice.lines[card.handle]

    def pull(command: CommandApdu) -> None:
        line.pulled = line.pulled or command.ins == 0x2A

    line.before = pull
    assert await code_of(signer) == 4094
    practice.cards.remove(card.ct_id, card.slot)
    assert await code_of(signer) == 4094


@pytest.mark.code(4120)
async def test_a_signature_that_does_not_verify_is_given_to_nobody(practice: Practice) -> None:
    """The card signs with the key of another certificate: somebody personalised it wrongly."""
    card, session = await unlocked(practice)
    image = practice.personalised[card.handle].image
    signer = await signer_of(card, session, SIG, ECC, practice.clock)
    await (await signer_of(card, session, AUT, ECC, practice.clock)).sign_digest(DIGEST, SigningScheme.ECDSA)
    await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    prefix = "MF/DF.ESIGN/PrK.HCI"
    image.keys[f"{prefix}.OSIG.E256"] = image.keys[f"{prefix}.AUT.E256"]
    fresh = await practice.insert(practice.personalised[card.handle])
    await practice.unlock(fresh, "PIN.SMC")
    assert await code_of(await signer_of(fresh, fresh.session(CALL), SIG, ECC, practice.clock)) == 4120


@pytest.mark.code(4256)
@pytest.mark.code(4123)
async def test_a_card_without_the_certificate(practice: Practice) -> None:
    """An SMC-B of generation 2.0 has no ECC key; RSA_ECC means RSA there."""
    card, session = await unlocked(practice)
    old = Version(4, 3, 0)
    card.data = replace(card.data, versions=CardVersions(old, old))
    with pytest.raises(KonnektorError) as caught:
        await signer_of(card, session, SIG, ECC, practice.clock)
    assert [caught.value.code, *(cause.code for cause in caught.value.causes)] == [4123, 4256]
    assert (await signer_of(card, session, SIG, RSA_ECC, practice.clock)).scheme is SigningScheme.RSASSA_PSS
    assert len(await decipherers_of(card, session, practice.clock)) == 1


@pytest.mark.code(4058)
async def test_a_card_without_such_a_key(practice: Practice) -> None:
    egk = await practice.egk()
    smcb = await practice.smcb()
    for card, reference in ((egk, AUT), (smcb, QES)):
        with pytest.raises(KonnektorError) as caught:
            await signer_of(card, card.session(CALL), reference, ECC, practice.clock)
        assert caught.value.code == 4058


async def test_parallel_callers_of_one_card_do_not_mix(practice: Practice) -> None:
    """Each key signs something else; an MSE of another caller before the PSO would make signatures of a wrong key."""
    card, session = await unlocked(practice)
    await practice.unlock(card, "PIN.SMC", CallContext("M2", "CS1", "AP1"))
    sessions = (session, card.session(CallContext("M2", "CS1", "AP1")))
    signers = [
        await signer_of(card, owner, reference, crypt, practice.clock)
        for owner in sessions
        for reference in (AUT, SIG)
        for crypt in (ECC, RSA)
    ]

    async def work(number: int, signer: Signer) -> bool:
        digest = sha256(b"%d" % number).digest()
        value = await signer.sign_digest(digest, signer.scheme)
        return is_signature(key_of(signer), value, digest, signer.scheme)

    jobs = [work(number, signer) for number in range(3) for signer in signers]
    assert all(await asyncio.gather(*jobs))


async def test_a_key_is_selected_once_for_a_stack(practice: Practice) -> None:
    card, session = await unlocked(practice)
    signer = await signer_of(card, session, SIG, ECC, practice.clock)
    sent = practice.lines[card.handle].sent
    for number in range(3):
        await signer.sign_digest(sha256(b"%d" % number).digest(), SigningScheme.ECDSA)
    sent.clear()
    await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    assert [command.ins for command in sent] == [0x2A]
    await card.session(CALL).channel.select(Folder.MF)  # type: ignore[union-attr]
    sent.clear()
    await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    assert [command.ins for command in sent] == [0xA4, 0x22, 0x2A]


class CardInReader:
    """What `PcscLink` drives, with a card that computes instead of pyscard."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card

    def reset(self) -> bytes:
        return self.card.atr

    def process(self, command: bytes) -> bytes:
        return self.card.process(command)


async def test_a_card_in_a_local_reader_signs_and_deciphers_by_the_same_code(practice: Practice) -> None:
    """With pyscard and a real reader: `tests/integration/card/test_pcsc.py`."""
    made = practice.personaliser.smcb(practice.seed.institutions[0])
    virtual = VirtualCard(made.image, clock=practice.clock, entropy=practice.entropy, source=practice.personaliser)
    link = PcscLink(CardInReader(virtual))  # type: ignore[arg-type]
    data = await open_card(link, await link.reset())
    card = practice.cards.insert("READER", 1, data, link)
    practice.personalised[card.handle] = made
    await practice.unlock(card, "PIN.SMC")
    session = card.session(CALL)
    for crypt in (ECC, RSA):
        signer = await signer_of(card, session, SIG, crypt, practice.clock)
        value = await signer.sign_digest(DIGEST, signer.scheme)
        assert is_signature(key_of(signer), value, DIGEST, signer.scheme)
    by_ecc, _ = await decipherers_of(card, session, practice.clock)
    key = decode_certificate_untrusted(by_ecc.certificate).key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert await by_ecc.decipher(elc_encrypt(DIGEST, key, practice.entropy)) == DIGEST
