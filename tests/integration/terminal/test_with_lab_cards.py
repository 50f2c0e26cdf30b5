"""The terminal with the lab's PKI and personalised cards: the real card operating system behind the slots."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tests.integration.terminal.identities import Identity, PrivateKey
from tests.integration.terminal.rooms import CLOCK, ENTROPY, OWNER, Heard, Konnektors, Loopback
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.virtual.card import VirtualCard
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import AuthorityKind, LabPki
from tiaas.lab.seed import load_seed
from tiaas.terminal.embedded import EmbeddedFront
from tiaas.terminal.front import Dial, LinkUp
from tiaas.terminal.pairing import new_secret, pairing_text, verify_pairing_signature
from tiaas.terminal.session import NewPinPrompts, PinPrompts, TerminalSession
from tiaas.terminal.virtual.terminal import (
    PinMode,
    PinPolicy,
    PinPurpose,
    SlotCard,
    TerminalConfig,
    TerminalState,
    VirtualTerminal,
)

PIN_CH = 0x01
PROMPTS = PinPrompts("Eingabe\x0fPIN.HBA:", "gut", "falsch")


class Holder:
    """Reads the PIN in force from the card's image."""

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        assert isinstance(card, VirtualCard)
        state = card.image.passwords["MF/PIN.CH"]
        return state.puk if purpose is PinPurpose.PUK else state.secret

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        return None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        return


def files(folder: Path, name: str, certificate: bytes, key: bytes) -> Identity:
    """DER to PEM files."""
    parsed = x509.load_der_x509_certificate(certificate)
    private = load_der_private_key(key, None)
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_file.write_bytes(parsed.public_bytes(Encoding.PEM))
    key_file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert isinstance(private, PrivateKey)
    return Identity(parsed, private, certificate_file, key_file)


async def test_pair_unlock_and_change_the_pin_of_an_hba(tmp_path: Path) -> None:
    pki = LabPki.create(ENTROPY, CLOCK, ecc_only=True)
    seed = load_seed()
    personaliser = Personaliser(pki, seed, ENTROPY, CLOCK)

    def card(made: PersonalisedCard) -> VirtualCard:
        return VirtualCard(made.image, clock=CLOCK, entropy=ENTROPY, source=personaliser)

    smkt, hba = card(personaliser.gsmckt(1)), card(personaliser.hba(seed.professionals[0]))
    personaliser.provide(smkt.image, "MF/DF.KT/PrK.SMKT.AUT2.E256")
    certificate = smkt.image.files["MF/DF.KT/EF.C.SMKT.AUT2.E256"]
    identity = files(tmp_path, "smkt", certificate, smkt.image.keys["MF/DF.KT/PrK.SMKT.AUT2.E256"])
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pki.authority(AuthorityKind.KOMP).certificate.public_bytes(Encoding.PEM))
    konnektor = files(tmp_path, "sak", *pki.sak("80276883110000000001"))

    config = TerminalConfig("kt", bytes(6), identity.certificate_file, identity.key_file, ca_file)
    terminal = VirtualTerminal(config, TerminalState(), clock=CLOCK, entropy=ENTROPY, pins=Holder())
    terminal.insert(4, smkt)
    terminal.insert(1, hba)
    heard = Heard()
    front = EmbeddedFront(CLOCK, ENTROPY, lambda instance: Loopback(), Konnektors({"one": konnektor}))
    front.claim(OWNER, heard)
    try:
        await front.connect(OWNER, Dial("kt", "127.0.0.1", await terminal.start("127.0.0.1"), "ecc"))
        up = await heard.next(LinkUp)
        assert up.certificate == certificate
        session = TerminalSession(front, OWNER, "kt")
        await session.init()
        secret = new_secret(ENTROPY)
        signature = await session.create_pairing(secret, pairing_text(config.mac, "KONTIAAS"))
        verify_pairing_signature(certificate, secret, signature)
        await session.validate(secret, os.urandom(16))
        await _use_hba(terminal, session)
    finally:
        await front.close()
        await terminal.stop()


async def _use_hba(terminal: VirtualTerminal, session: TerminalSession) -> None:
    assert await session.activate(1)
    link = session.card(1)
    assert (await link.transmit(commands.select_mf())).ok
    assert (await session.perform_verification(1, commands.verify_template(PIN_CH), PROMPTS)).ok
    assert (await link.transmit(commands.get_pin_status(PIN_CH))).sw == 0x9000
    terminal.pin_policy = PinPolicy(PinMode.WRONG)
    assert (await session.perform_verification(1, commands.verify_template(PIN_CH), PROMPTS)).sw == 0x63C2
    terminal.pin_policy = PinPolicy(PinMode.AUTO, Secret(b"97531864"))
    change = commands.change_reference_data(PIN_CH, Secret(b"\xff" * 8), Secret(b"\xff" * 8))
    prompts = NewPinPrompts("alt\x0fPIN.HBA:", "gut", "falsch", "neu\x0fPIN:", "noch einmal\x0fPIN:", "verschieden")
    assert (await session.modify_verification_data(1, change, prompts, minimum_new=6)).ok
    assert (await session.perform_verification(1, commands.verify_template(PIN_CH), PROMPTS)).ok
    await session.deactivate(1)
    assert await session.activate(1)
    assert (await link.transmit(commands.get_pin_status(PIN_CH))).sw == 0x63C3
