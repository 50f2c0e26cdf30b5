"""HSMs that come late, assignments that go: what an instance makes of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from tests.integration.hsm.house import CT, House
from tests.integration.konnektor_core.practice import Practice
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.card.elc import elc_encrypt
from tiaas.konnektor.cardmap import AUT, ECC
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.hsm import activation
from tiaas.konnektor.hsm.activation import ActivationRefused
from tiaas.konnektor.hsm.owned import FRESH_SECONDS
from tiaas.konnektor.infomodel import Relation
from tiaas.konnektor.keys import decipherers_of, signer_of
from tiaas.konnektor.protocol import LogName, LogType, Query
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.store import StaleEpochWrite
from tiaas.lab.hsm import VirtualSmbContent, personalise_smb, write_folder
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.pkcs11 import TokenError


@pytest.fixture
async def content() -> VirtualSmbContent:
    practice = Practice()
    practice.handshakes.close()
    return await personalise_smb(practice.personaliser, practice.seed.institutions[0], practice.entropy)


@pytest.fixture
async def house(content: VirtualSmbContent, tmp_path: Path) -> AsyncIterator[House]:
    house = House(content, folder=tmp_path / "keys")
    yield house
    await house.hsms.stop()


@pytest.mark.code(4032)
async def test_an_hsm_that_cannot_be_reached_is_told_once(
    house: House, content: VirtualSmbContent, tmp_path: Path
) -> None:
    await house.context.protocol.start()
    await house.hsms.start()
    await asyncio.sleep(0.05)  # several tries
    failures = [event for event in house.events if event.topic == Topic.CT_TLS_ESTABLISHMENT_FAILURE]
    assert [dict(event.parameters) for event in failures] == [
        {"CtID": CT, "Name": CT, "Error": "4032", "Bedeutung": "Verbindung zu HSM konnte nicht aufgebaut werden"}
    ]
    await house.context.protocol.flush()
    logged = await house.context.protocol.entries(LogName.of(LogType.OPERATION, ""), Query())
    assert sum(dict(entry.parameters).get("Error") == "4032" for entry in logged) == 1
    await house.context.protocol.stop()


@pytest.mark.requirement("TIP1-A_4535")
@pytest.mark.code(4032)
async def test_an_hsm_that_comes_late(
    house: House, content: VirtualSmbContent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await house.hsms.start()
    assert [record.__dict__["code"] for record in caplog.records if record.getMessage() == "HSM not in use"] == [4032]
    assert house.is_missing()
    assert not house.context.terminals.entry(CT).connected
    assert list(house.context.cards) == []
    (view,) = house.hsms
    assert view.loaded is None
    with pytest.raises(TokenError):
        await house.hsms.activate(view, "M1", content.code)
    with pytest.raises(KonnektorError):
        await house.context.terminals.remove(CT)
    write_folder(content, tmp_path / "keys")
    await house.until(lambda: bool(list(house.context.cards)))
    (card,) = house.context.cards
    assert card.card_type is CardType.HSM_B
    assert not house.is_missing()
    topics = [event.topic for event in house.events]
    assert topics.index(Topic.CT_CONNECTED) < topics.index(Topic.CARD_INSERTED)


@pytest.mark.requirement("A_23632-01")
async def test_taking_the_assignment_back_ends_the_activation(
    house: House, content: VirtualSmbContent, tmp_path: Path
) -> None:
    write_folder(content, tmp_path / "keys")
    await house.hsms.start()
    (card,) = house.context.cards
    session = card.session(CallContext("M1", "CS1", "AP1"))
    assert "PIN.SMC" not in session.auth_state
    (view,) = house.hsms
    with pytest.raises(ActivationRefused):
        await house.hsms.activate(view, "M1", Secret(b"1"))
    house.clock.advance(5)
    await house.hsms.activate(view, "M1", content.code)
    assert "PIN.SMC" in session.auth_state
    await house.model.apply(lambda model: model.unlink(Relation.MANDANT_SMB, "M1", content.iccsn))
    house.hsms.model_changed()
    await house.until(lambda: "PIN.SMC" not in session.auth_state)
    await house.model.apply(lambda model: model.link(Relation.MANDANT_SMB, "M1", content.iccsn))
    house.hsms.model_changed()
    await asyncio.sleep(0)
    assert not card.has_raised(CallContext("M1", "CS1", "AP1"), "PIN.SMC")


@pytest.mark.requirement("A_23632-01")
async def test_an_activation_stays_over_a_restart(house: House, content: VirtualSmbContent, tmp_path: Path) -> None:
    write_folder(content, tmp_path / "keys")
    await house.hsms.start()
    (view,) = house.hsms
    await house.hsms.activate(view, "M1", content.code)
    await house.hsms.stop()
    house.open()
    await house.hsms.start()
    (view,) = house.hsms
    assert view.mandanten == ("M1",)
    (card,) = house.context.cards
    assert "PIN.SMC" in card.session(CallContext("M1", "CS1", "AP1")).auth_state


@pytest.mark.requirement("A_23632-01")
async def test_an_assignment_that_goes_while_the_code_is_compared(
    house: House, content: VirtualSmbContent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(content, tmp_path / "keys")
    await house.hsms.start()

    async def meanwhile(*codes: object) -> bool:
        await house.model.apply(lambda model: model.unlink(Relation.MANDANT_SMB, "M1", content.iccsn))
        return True

    monkeypatch.setattr(activation, "is_right", meanwhile)
    (view,) = house.hsms
    await house.hsms.activate(view, "M1", content.code)
    (view,) = house.hsms
    assert view.mandanten == ()


async def test_a_token_without_the_authentication_certificate_is_not_used(
    house: House, content: VirtualSmbContent, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    write_folder(content, folder)
    hidden = (folder / f"{content.iccsn}.AUT.E256.cer").rename(folder / "hidden")
    await house.hsms.start()
    assert list(house.context.cards) == []
    (folder / f"{content.iccsn}.activation.bin").write_bytes(b"{")
    hidden.rename(folder / f"{content.iccsn}.AUT.E256.cer")
    await asyncio.sleep(0.05)
    assert list(house.context.cards) == []
    write_folder(content, folder)
    await house.until(lambda: bool(list(house.context.cards)))


async def test_an_owner_that_was_taken_over_uses_no_key(
    house: House, content: VirtualSmbContent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(content, tmp_path / "keys")
    await house.hsms.start()
    (view,) = house.hsms
    await house.hsms.activate(view, "M1", content.code)
    (card,) = house.context.cards
    session = card.session(CallContext("M1", "CS1", "AP1"))
    signer = await signer_of(card, session, AUT, ECC, house.clock)
    (decipherer, *_) = await decipherers_of(card, session, house.clock)
    key = decode_certificate_untrusted(decipherer.certificate).key()
    assert isinstance(key, EllipticCurvePublicKey)
    cryptogram = elc_encrypt(b"content key", key, SystemEntropy())
    await signer.sign_digest(bytes(32), signer.scheme)
    assert await decipherer.decipher(cryptogram) == b"content key"

    async def stale() -> None:
        raise StaleEpochWrite("one", 1, 2)

    monkeypatch.setattr(house.context.store, "require_owner", stale)
    house.clock.advance(FRESH_SECONDS)
    for use in (signer.sign_digest(bytes(32), signer.scheme), decipherer.decipher(cryptogram)):
        with pytest.raises(StaleEpochWrite):
            await use
