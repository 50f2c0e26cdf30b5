"""Pairing, validation and maintenance pairing over TLS (gemSpec_KT V3.17.0, 2.5.2, 3.7.2; gemSpec_Kon TUC_KON_053)."""

import hashlib
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.terminal.fakecards import FakeSmkt
from tests.integration.terminal.identities import ec_key
from tests.integration.terminal.rooms import ENTROPY, Room
from tiaas.base.secret import Secret
from tiaas.terminal import errors as err
from tiaas.terminal.front import Dial, LinkUp, Owner
from tiaas.terminal.pairing import (
    BadPairingSignature,
    Pairing,
    fingerprint,
    new_secret,
    pairing_text,
    verify_pairing_signature,
)
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.virtual.terminal import PinMode, PinPolicy, TerminalState

TEXT = pairing_text(bytes.fromhex("00AABBCCDDEE"), "KONTIAAS")


async def test_create_then_validate(room: Room) -> None:
    terminal = await room.terminal("kt")
    up = await room.connect(terminal)
    assert up.cipher == "ECDHE-ECDSA-AES256-GCM-SHA384"
    session = TerminalSession(room.front, Owner("one", 1), "kt")
    await session.init()
    with pytest.raises(err.PairingUnknown):
        await session.validate(room.secret, os.urandom(16))
    with pytest.raises(err.NotAllowed):
        await session.show("noch nicht")

    signature = await session.create_pairing(room.secret, TEXT)
    verify_pairing_signature(up.certificate, room.secret, signature)
    assert len(signature) == 64
    assert "KT:00AABB:CCDDEE MIT KON:KONTIAAS PAIREN OK?" in terminal.snapshot().history
    with pytest.raises(BadPairingSignature):
        verify_pairing_signature(up.certificate, Secret(bytes(16)), signature)

    await session.validate(room.secret, os.urandom(16))
    with pytest.raises(err.PairingMismatch):
        await session.validate(new_secret(ENTROPY), os.urandom(16))
    await session.show("jetzt")
    assert terminal.snapshot().client == "ClientWithPairing"
    assert len(room.changes) == 1
    assert TerminalState.from_document(room.changes[0]).blocks[0].secret == room.secret


async def test_smkt_channel_is_closed_again(room: Room) -> None:
    terminal = await room.terminal("kt")
    session = await room.session(terminal)
    await session.create_pairing(room.secret, TEXT)
    smkt = terminal.card_in(4)
    assert isinstance(smkt, FakeSmkt)
    assert not smkt.open_channels
    assert not smkt.selected


async def test_rsa_identity(room: Room) -> None:
    terminal = await room.terminal("kt", key=rsa.generate_private_key(65537, 2048))
    up = await room.connect(terminal, "rsa")
    assert "RSA" in up.cipher
    assert Pairing(up.certificate, room.secret).tls_profile == "rsa"
    session = TerminalSession(room.front, Owner("one", 1), "kt")
    await session.init()
    signature = await session.create_pairing(room.secret, TEXT)
    assert len(signature) == 256
    verify_pairing_signature(up.certificate, room.secret, signature)


async def test_foreign_signature_is_refused(room: Room) -> None:
    terminal = await room.terminal("kt")
    terminal.eject(4)
    terminal.insert(4, FakeSmkt(ec_key()))
    up = await room.connect(terminal)
    session = TerminalSession(room.front, Owner("one", 1), "kt")
    await session.init()
    signature = await session.create_pairing(room.secret, TEXT)
    with pytest.raises(BadPairingSignature):
        verify_pairing_signature(up.certificate, room.secret, signature)


@pytest.mark.parametrize(("mode", "sw"), [(PinMode.CANCEL, 0x6401), (PinMode.TIMEOUT, 0x6400)])
async def test_nobody_confirms(room: Room, mode: PinMode, sw: int) -> None:
    terminal = await room.terminal("kt", confirmation_seconds=0.2)
    terminal.pin_policy = PinPolicy(mode)
    session = await room.session(terminal)
    with pytest.raises(err.PairingRefused) as refused:
        await session.create_pairing(room.secret, TEXT)
    assert refused.value.sw == sw
    assert not terminal.state.blocks
    assert not room.changes


async def test_blocks_run_out_and_secrets_are_unique(room: Room) -> None:
    terminal = await room.terminal("kt")
    session = await room.session(terminal)
    for _ in range(3):
        await session.create_pairing(new_secret(ENTROPY), TEXT)
    # The key wandered from block to block; the emptied ones stay.
    assert [len(block.keys) for block in terminal.state.blocks] == [0, 0, 1]
    with pytest.raises(err.PairingRefused) as refused:
        await session.create_pairing(new_secret(ENTROPY), TEXT)
    assert refused.value.sw == 0x6900
    terminal.state.blocks.pop()
    with pytest.raises(err.PairingRefused):
        await session.create_pairing(terminal.state.blocks[0].secret, TEXT)


async def test_maintenance_pairing_by_another_konnektor(room: Room) -> None:
    terminal = await room.terminal("kt", state=room.paired())
    owner = Owner("two", 1)
    room.front.claim(owner, room.heard)
    await room.front.connect(owner, Dial("kt", terminal.host, terminal.port, "ecc"))
    await room.heard.next(LinkUp)
    session = TerminalSession(room.front, owner, "kt")
    await session.init()
    assert terminal.snapshot().client == "ClientWithoutPairing"
    with pytest.raises(err.PairingRefused) as refused:
        await session.add_key(new_secret(ENTROPY))
    assert refused.value.sw == 0x6400
    await session.add_key(room.secret)
    await session.validate(room.secret, os.urandom(20))
    assert terminal.snapshot().client == "ClientWithPairing"
    assert len(terminal.state.blocks[0].keys) == 2


async def test_client_that_is_no_konnektor(room: Room) -> None:
    terminal = await room.terminal("kt")
    owner = Owner("stranger", 1)
    room.front.claim(owner, room.heard)
    await room.front.connect(owner, Dial("kt", terminal.host, terminal.port))
    await room.heard.next(LinkUp)
    session = TerminalSession(room.front, owner, "kt")
    await session.init()
    assert terminal.snapshot().client == "InvalidClient"
    assert (await session.product()).product_type == "KT"
    with pytest.raises(err.PairingRefused) as refused:
        await session.create_pairing(room.secret, TEXT)
    assert refused.value.sw == 0x6901


async def test_fingerprint_is_the_papers(room: Room) -> None:
    terminal = await room.terminal("kt")
    up = await room.connect(terminal)
    digest = hashlib.sha256(up.certificate).hexdigest().upper()
    assert fingerprint(up.certificate).replace(":", "") == digest
    assert fingerprint(up.certificate).count(":") == 31
    assert Pairing(up.certificate, room.secret).tls_profile == "ecc"
