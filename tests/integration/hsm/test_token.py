"""PKCS#11 with SoftHSM2, a real module: what its token signs and deciphers, and what happens when it fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from hashlib import sha256, sha384, sha512
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.integration.konnektor_core.practice import CALL, Practice
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.card.elc import elc_encrypt
from tiaas.konnektor.cardmap import AUT, ECC, RSA, RSA_ECC, SIG
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.heldkeys import KeyStore, NoLine
from tiaas.konnektor.hsm.loading import load_smb
from tiaas.konnektor.hsm.settings import VirtualSmb
from tiaas.konnektor.hsm.software import SoftwareKeys
from tiaas.konnektor.keys import decipherers_of, signer_of
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.vsdm import Wishes
from tiaas.lab.hsm import (
    CONFIGURATION,
    SoftHsm,
    VirtualSmbContent,
    make_soft_hsm,
    personalise_smb,
    write_folder,
    write_token,
)
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.pkcs11 import PinRefused, Token, TokenError, WrongCryptogram
from tiaas.pki.prehashed import is_signature

MESSAGE = b"what is signed"
DIGEST = sha256(MESSAGE).digest()
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


@pytest.fixture(scope="module")
def practice() -> Iterator[Practice]:
    practice = Practice(ecc_only=False)
    yield practice
    practice.handshakes.close()


@pytest.fixture(scope="module")
def content(practice: Practice) -> VirtualSmbContent:
    institution = practice.seed.institutions[0]
    return asyncio.run(personalise_smb(practice.personaliser, institution, practice.entropy))


@pytest.fixture(scope="module")
def hsm(content: VirtualSmbContent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    folder = tmp_path_factory.mktemp("softhsm")

    async def make() -> SoftHsm:
        hsm = await make_soft_hsm(folder, "praxis", SystemEntropy())
        patch.setenv(CONFIGURATION, str(hsm.configuration))
        token = hsm.token(writable=True)
        await token.open()
        await write_token(content, token)
        await token.close()
        return hsm

    with pytest.MonkeyPatch.context() as patch:
        yield asyncio.run(make())


@pytest.fixture
async def token(hsm: SoftHsm) -> AsyncIterator[Token]:
    token = hsm.token()
    await token.open()
    yield token
    await token.close()


def key_in(content: VirtualSmbContent, name: str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    certificate = x509.load_der_x509_certificate(content.certificates[f"{content.iccsn}.{name}"])
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    return key


async def test_signatures_of_every_kind_verify(token: Token, content: VirtualSmbContent) -> None:
    label = f"{content.iccsn}.AUT"
    ecc, other = key_in(content, "AUT.E256"), key_in(content, "AUT.R2048")
    value = await token.sign(f"{label}.E256", DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    assert isinstance(ecc, ec.EllipticCurvePublicKey)
    ecc.verify(value, MESSAGE, ec.ECDSA(hashes.SHA256()))
    assert isinstance(other, rsa.RSAPublicKey)
    value = await token.sign(f"{label}.R2048", DIGEST, SigningScheme.RSASSA_PSS, Digest.SHA256)
    other.verify(value, MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    for digest, make, algorithm in (
        (Digest.SHA256, sha256, hashes.SHA256()),
        (Digest.SHA384, sha384, hashes.SHA384()),
        (Digest.SHA512, sha512, hashes.SHA512()),
    ):
        scheme = SigningScheme.RSASSA_PKCS1_V1_5
        value = await token.sign(f"{label}.R2048", make(MESSAGE).digest(), scheme, digest)
        other.verify(value, MESSAGE, padding.PKCS1v15(), algorithm)


async def test_deciphers_and_agrees(token: Token, content: VirtualSmbContent) -> None:
    label = f"{content.iccsn}.ENC"
    key = key_in(content, "ENC.R2048")
    assert isinstance(key, rsa.RSAPublicKey)
    for message in (bytes(range(32)), b"", b"\0\1\2"):
        assert await token.decipher(f"{label}.R2048", key.encrypt(message, OAEP)) == message
    for wrong in (bytes(256), b"\1" * 256, b"short", b"\xff" * 256):
        with pytest.raises(WrongCryptogram):
            await token.decipher(f"{label}.R2048", wrong)
    ours, theirs = ec.generate_private_key(ec.BrainpoolP256R1()), key_in(content, "ENC.E256")
    assert isinstance(theirs, ec.EllipticCurvePublicKey)
    numbers = ours.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert await token.agree(f"{label}.E256", point) == ours.exchange(ec.ECDH(), theirs)


async def test_many_at_once_go_one_after_the_other(hsm: SoftHsm, content: VirtualSmbContent) -> None:
    """Two threads in a module end the process; two sessions of one token share its login."""
    tokens = [hsm.token(), hsm.token()]
    for token in tokens:
        await token.open()
    key = key_in(content, "AUT.E256")
    label = f"{content.iccsn}.AUT.E256"
    digests = [sha256(b"%d" % number).digest() for number in range(24)]
    values = await asyncio.gather(
        *(
            tokens[number % 2].sign(label, digest, SigningScheme.ECDSA, Digest.SHA256)
            for number, digest in enumerate(digests)
        )
    )
    assert all(
        is_signature(key, value, digest, SigningScheme.ECDSA) for value, digest in zip(values, digests, strict=True)
    )
    await tokens[0].close()
    await tokens[1].sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    with pytest.raises(TokenError):
        await tokens[0].sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    await tokens[1].close()


async def test_a_lost_session_is_opened_again(token: Token, content: VirtualSmbContent) -> None:
    label = f"{content.iccsn}.AUT.E256"
    await token.sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    await token.work(lambda session: session.close())
    value = await token.sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    assert is_signature(key_in(content, "AUT.E256"), value, DIGEST, SigningScheme.ECDSA)


async def test_each_shows_its_own_pin_for_a_token_in_which_another_is_logged_in(
    hsm: SoftHsm, content: VirtualSmbContent
) -> None:
    """A login holds for the whole process (PKCS#11 V2.40, 2.6.6), and as long the module looks at no other PIN."""
    label = f"{content.iccsn}.AUT.E256"
    first, second, intruder = hsm.token(), hsm.token(), Token(hsm.module, hsm.label, Secret(b"wrong-pin"))
    await first.open()
    for _ in range(3):
        with pytest.raises(TokenError, match="another PIN"):
            await intruder.open()
        with pytest.raises(TokenError, match="another PIN"):
            await intruder.sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    await second.open()
    await first.close()
    # The one that was logged in is gone; the other one logs in by itself, and finds what only a user sees.
    assert await second.data(f"{content.iccsn}.activation")
    with pytest.raises(TokenError, match="another PIN"):
        await intruder.data(f"{content.iccsn}.activation")
    await second.close()
    with pytest.raises(PinRefused):
        await intruder.sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    await intruder.close()


async def test_a_refused_pin_is_not_tried_again(hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try counts: after a few the token is locked for everybody. So not even one that is right by now is."""
    token = Token(hsm.module, hsm.label, Secret(b"wrong-pin"))
    with pytest.raises(PinRefused):
        await token.open()
    monkeypatch.setattr(token, "_pin", Secret(hsm.pin_file.read_bytes()))
    with pytest.raises(PinRefused):
        await token.open()
    await token.close()


async def test_what_is_not_there_or_refused(hsm: SoftHsm, token: Token) -> None:
    assert await token.certificate("nothing") is None
    assert await token.data("nothing") is None
    with pytest.raises(TokenError):
        await token.sign("nothing", DIGEST, SigningScheme.ECDSA, Digest.SHA256)
    await token.close()
    for other in (
        Token(hsm.module, "other", Secret(b"1234")),
        Token(hsm.module, "praxis", Secret(b"wrong-pin")),
        Token(Path("/nowhere/module.so"), "praxis", Secret(b"1234")),
    ):
        with pytest.raises(TokenError) as caught:
            await other.open()
        assert "wrong-pin" not in str(caught.value)
        await other.close()


# ---- as a card of the Konnektor --------------------------------------------------------------------------------------


@pytest.fixture(params=["token", "folder"])
async def store(request: pytest.FixtureRequest, content: VirtualSmbContent, tmp_path: Path) -> AsyncIterator[KeyStore]:
    made: KeyStore
    if request.param == "folder":
        write_folder(content, tmp_path / "keys")
        made = SoftwareKeys(tmp_path / "keys")
    else:
        made = request.getfixturevalue("hsm").token()
    await made.open()
    yield made
    await made.close()


async def insert(practice: Practice, store: KeyStore, iccsn: str) -> Card:
    loaded = await load_smb(store, VirtualSmb(iccsn), lambda mandant: mandant == "M1")
    assert loaded.code is not None
    return practice.cards.insert("HSM-1", 1, loaded.data, NoLine(), loaded.held)


async def test_a_virtual_smb_signs_and_deciphers_as_a_card_does(
    practice: Practice, store: KeyStore, content: VirtualSmbContent
) -> None:
    card = await insert(practice, store, content.iccsn)
    assert card.card_type is CardType.HSM_B
    assert card.data.holder_name
    session = card.session(CALL)
    for reference in (AUT, SIG):
        for crypt in (ECC, RSA):
            signer = await signer_of(card, session, reference, crypt, practice.clock)
            value = await signer.sign_digest(DIGEST, signer.scheme)
            key = x509.load_der_x509_certificate(signer.certificate).public_key()
            assert is_signature(key, value, DIGEST, signer.scheme)  # type: ignore[arg-type]
    assert (await signer_of(card, session, SIG, RSA_ECC, practice.clock)).scheme is SigningScheme.ECDSA
    by_ecc, by_rsa = await decipherers_of(card, session, practice.clock)
    ecc, other = key_in(content, "ENC.E256"), key_in(content, "ENC.R2048")
    assert isinstance(ecc, ec.EllipticCurvePublicKey)
    assert isinstance(other, rsa.RSAPublicKey)
    assert await by_ecc.decipher(elc_encrypt(DIGEST, ecc, practice.entropy)) == DIGEST
    assert await by_rsa.decipher(other.encrypt(DIGEST, OAEP)) == DIGEST
    for decipherer in (by_ecc, by_rsa):
        with pytest.raises(KonnektorError) as caught:
            await decipherer.decipher(bytes(256))
        assert caught.value.code == 4069


@pytest.mark.requirement("A_23632-01")
async def test_for_another_mandant_it_is_not_activated(
    practice: Practice, store: KeyStore, content: VirtualSmbContent
) -> None:
    card = await insert(practice, store, content.iccsn)
    session = card.session(CallContext("M2", "CS1", "AP1"))
    signer = await signer_of(card, session, AUT, ECC, practice.clock)
    with pytest.raises(KonnektorError) as caught:
        await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    assert caught.value.code == 4085


@pytest.mark.code(4120)
async def test_a_token_with_the_wrong_key_gives_no_signature(
    practice: Practice, hsm: SoftHsm, content: VirtualSmbContent
) -> None:
    """Somebody fills the token wrongly while it is in use: the label of one key names another certificate's.

    A document's signature is verified (TUC_KON_166, step 3), that of an authentication is not: its receiver does.
    """
    token = hsm.token()
    await token.open()
    loaded = await load_smb(token, VirtualSmb(content.iccsn), lambda mandant: True)
    known = loaded.held.labels
    labels = {**known, (SIG, ECC): known[AUT, ECC], (AUT, ECC): known[SIG, ECC]}

    card = practice.cards.insert("HSM-1", 1, loaded.data, NoLine(), replace(loaded.held, labels=labels))
    await (await signer_of(card, card.session(CALL), AUT, ECC, practice.clock)).sign_digest(DIGEST, SigningScheme.ECDSA)
    signer = await signer_of(card, card.session(CALL), SIG, ECC, practice.clock)
    with pytest.raises(KonnektorError) as caught:
        await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    assert caught.value.code == 4120
    await token.close()
    with pytest.raises(KonnektorError) as caught:
        await signer.sign_digest(DIGEST, SigningScheme.ECDSA)
    assert caught.value.code == 4044


@pytest.mark.parametrize("name", ["AUT.E256", "AUT.R2048", "OSIG.E256"])
async def test_mixed_up_labels_are_found_before_anything_is_signed(
    store: KeyStore, content: VirtualSmbContent, name: str
) -> None:
    other = {"AUT.E256": "OSIG.E256", "AUT.R2048": "OSIG.R2048", "OSIG.E256": "AUT.E256"}[name]

    class Mixed:
        def __getattr__(self, attribute: str) -> object:
            return getattr(store, attribute)

        async def sign(self, label: str, *arguments: Any) -> bytes:
            return await store.sign(label.replace(name, other), *arguments)

    with pytest.raises(TokenError, match="not that of the certificate"):
        await load_smb(cast("KeyStore", Mixed()), VirtualSmb(content.iccsn), lambda mandant: True)


async def test_readvsd_with_a_virtual_smb(practice: Practice, store: KeyStore, content: VirtualSmbContent) -> None:
    """Its role key proves to the eGK what an SMC-B's does."""

    smb = await insert(practice, store, content.iccsn)
    egk = await practice.egk()
    data = await practice.vsdm.read(egk, smb, CALL, Wishes())
    assert data.gvd is not None
